"""The addresses of signing in and of one's own settings."""

from django.urls import path

from riskconsole.people import views

app_name = "people"
urlpatterns = [
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("first-admin/<str:secret>/", views.first_admin, name="first-admin"),
    path("theme/", views.theme, name="theme"),
]
