"""Every address of the console."""

from django.urls import include, path

from portfolio.admin import VenueAdmin
from portfolio.models import Venue
from riskconsole.api import api
from riskconsole.people.admin import UserAdmin
from riskconsole.people.back_office import back_office
from riskconsole.people.models import User

# Here and not by discovery: only the web process loads what the back office is made of.
back_office.register(User, UserAdmin)
back_office.register(Venue, VenueAdmin)

urlpatterns = [
    path("api/v1/", api.urls),
    path("admin/", back_office.urls),
    path("", include("riskconsole.ops.urls")),
    path("", include("riskconsole.people.urls")),
    path("", include("riskconsole.people.account_urls")),
    path("audit/", include("riskconsole.audit.urls")),
    path("", include("breaker.urls")),
]
