"""The addresses of the overview, of each portfolio and incident, and of what people decide."""

from django.urls import include, path

from breaker.views import (
    acting,
    approvals,
    asking,
    desk,
    flattening,
    incident_acting,
    incidents,
    pages,
)

portfolio = [
    path("", pages.portfolio, name="portfolio"),
    path("equity/", pages.equity, name="equity"),
    path("equity/table/", pages.equity_table, name="equity-table"),
    path("halt/", acting.halt, name="halt"),
    path("pause/", acting.pause, name="pause"),
    path("flatten/", flattening.flatten, name="flatten"),
    path("resume/", acting.resume, name="resume"),
    path("acknowledge/", incident_acting.acknowledge_warning, name="acknowledge-warning"),
    path("enable/", acting.enable, name="enable"),
    path("limits/", desk.limits, name="limits"),
    path("limits/difference/", desk.limits_difference, name="limits-difference"),
    path("accounts/new/", desk.new_account, name="new-account"),
    path("ask/reset/", asking.reset, name="ask-reset"),
    path("ask/disable/", asking.disable, name="ask-disable"),
    path("ask/restore/", asking.restore, name="ask-restore"),
    path("ask/flow/", asking.flow, name="ask-flow"),
    path("ask/removal/", asking.removal, name="ask-removal"),
    path("ask/key/", asking.key, name="ask-key"),
]
incident = [
    path("", incidents.incident, name="incident"),
    path("equity/", incidents.equity, name="incident-equity"),
    path("equity/table/", incidents.equity_table, name="incident-table"),
    path("notes/", incident_acting.note, name="incident-note"),
    path("acknowledge/", incident_acting.acknowledge, name="incident-acknowledge"),
    path("export/", incident_acting.export, name="incident-export"),
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
    path("portfolios/<slug:slug>/", include(portfolio)),
    path("incidents/", incidents.incidents, name="incidents"),
    path("incidents/<int:trip_id>/", include(incident)),
]
