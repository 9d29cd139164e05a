"""The addresses of the overview, of each portfolio and of each incident."""

from django.urls import path

from breaker.views import acting, incident_acting, incidents, pages

app_name = "breaker"
urlpatterns = [
    path("", pages.overview, name="overview"),
    path("crash/", acting.crash, name="crash"),
    path("portfolios/<slug:slug>/", pages.portfolio, name="portfolio"),
    path("portfolios/<slug:slug>/equity/", pages.equity, name="equity"),
    path("portfolios/<slug:slug>/equity/table/", pages.equity_table, name="equity-table"),
    path("portfolios/<slug:slug>/halt/", acting.halt, name="halt"),
    path("portfolios/<slug:slug>/pause/", acting.pause, name="pause"),
    path("portfolios/<slug:slug>/resume/", acting.resume, name="resume"),
    path(
        "portfolios/<slug:slug>/acknowledge/",
        incident_acting.acknowledge_warning,
        name="acknowledge-warning",
    ),
    path("incidents/", incidents.incidents, name="incidents"),
    path("incidents/<int:trip_id>/", incidents.incident, name="incident"),
    path("incidents/<int:trip_id>/equity/", incidents.equity, name="incident-equity"),
    path("incidents/<int:trip_id>/equity/table/", incidents.equity_table, name="incident-table"),
    path("incidents/<int:trip_id>/notes/", incident_acting.note, name="incident-note"),
    path(
        "incidents/<int:trip_id>/acknowledge/",
        incident_acting.acknowledge,
        name="incident-acknowledge",
    ),
    path("incidents/<int:trip_id>/export/", incident_acting.export, name="incident-export"),
]
