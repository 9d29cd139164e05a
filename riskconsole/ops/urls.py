from django.urls import path

from riskconsole.ops import views

app_name = "ops"
urlpatterns = [
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("demo-codes/", views.demo_codes, name="demo-codes"),
]
