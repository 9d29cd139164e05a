"""Every address of the console."""

from django.urls import include, path

from riskconsole.api import api
from riskconsole.people.back_office import back_office

urlpatterns = [
    path("api/v1/", api.urls),
    path("admin/", back_office.urls),
    path("", include("riskconsole.ops.urls")),
    path("", include("riskconsole.people.urls")),
    path("", include("riskconsole.people.account_urls")),
    path("audit/", include("riskconsole.audit.urls")),
    path("", include("breaker.urls")),
]
