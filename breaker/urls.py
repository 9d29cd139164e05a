"""The addresses of the overview and of each portfolio."""

from django.urls import path

from breaker import views

app_name = "breaker"
urlpatterns = [
    path("", views.overview, name="overview"),
    path("crash/", views.crash, name="crash"),
    path("portfolios/<slug:slug>/", views.portfolio, name="portfolio"),
    path("portfolios/<slug:slug>/equity/", views.equity, name="equity"),
    path("portfolios/<slug:slug>/equity/table/", views.equity_table, name="equity-table"),
    path("portfolios/<slug:slug>/halt/", views.halt, name="halt"),
    path("portfolios/<slug:slug>/pause/", views.pause, name="pause"),
    path("portfolios/<slug:slug>/resume/", views.resume, name="resume"),
]
