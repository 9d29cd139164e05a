"""The addresses of one's own account, and of what comes before it."""

from django.urls import path

from riskconsole.people import views

app_name = "people"
urlpatterns = [
    path("first-admin/<str:secret>/", views.first_admin, name="first-admin"),
    path("theme/", views.theme, name="theme"),
    path("again/", views.prove, name="step-up"),
    path("settings/", views.account, name="settings"),
    path("settings/sessions/<int:pk>/end/", views.end_session, name="end-session"),
]
