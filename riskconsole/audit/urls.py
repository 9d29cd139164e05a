"""The addresses of the log."""

from django.urls import path

from riskconsole.audit import views

app_name = "audit"
urlpatterns = [
    path("", views.log, name="log"),
    path("<int:sequence>/", views.entry, name="entry"),
    path("export/", views.export, name="export"),
    path("check/", views.check, name="check"),
    path("checkpoint/", views.checkpoint, name="checkpoint"),
    path("public-key/", views.public_key, name="public-key"),
]
