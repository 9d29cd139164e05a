"""The addresses of the overview and of each portfolio."""

from django.urls import path

from breaker.views import acting, pages

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
]
