"""The addresses of the overview, of each portfolio, and of what people decide."""
"""The addresses of the overview, of each portfolio and of each incident."""

from django.urls import include, path

from breaker.views import acting, approvals, asking, desk, incidents, pages

portfolio = [
    path("", pages.portfolio, name="portfolio"),
    path("equity/", pages.equity, name="equity"),
    path("equity/table/", pages.equity_table, name="equity-table"),
    path("halt/", acting.halt, name="halt"),
    path("pause/", acting.pause, name="pause"),
    path("resume/", acting.resume, name="resume"),
    path("enable/", acting.enable, name="enable"),
    path("limits/", desk.limits, name="limits"),
    path("limits/difference/", desk.limits_difference, name="limits-difference"),
    path("accounts/new/", desk.new_account, name="new-account"),
    path("ask/reset/", asking.reset, name="ask-reset"),
    path("ask/disable/", asking.disable, name="ask-disable"),
    path("ask/restore/", asking.restore, name="ask-restore"),
    path("ask/flow/", asking.flow, name="ask-flow"),
    path("ask/removal/", asking.removal, name="ask-removal"),
]
app_name = "breaker"
urlpatterns = [
    path("", pages.overview, name="overview"),
    path("crash/", acting.crash, name="crash"),
    path("halt-all/", acting.halt_all, name="halt-all"),
    path("breakers/", desk.breakers, name="breakers"),
    path("breakers/new/", desk.new_portfolio, name="new-portfolio"),
    path("approvals/", approvals.approvals, name="approvals"),
    path("approvals/<int:pk>/", approvals.approval, name="approval"),
    path("approvals/<int:pk>/withdraw/", approvals.withdraw_request, name="withdraw"),
    path(
        "settings/people/<int:pk>/second-factor/ask/",
        asking.second_factor,
        name="ask-second-factor",
    ),
    path("portfolios/<slug:slug>/", include(portfolio)),
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
