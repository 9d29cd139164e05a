"""Django's admin as the back office: for admins of the site, and for little else than names."""

from collections.abc import Mapping
from typing import Any, NoReturn

from django import forms
from django.contrib import admin
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from riskconsole.addresses import address_of
from riskconsole.audit.services import record
from riskconsole.people.models import SiteRole, User


class BackOffice(admin.AdminSite):
    """Whom neither is_staff nor is_superuser lets in, only the site role."""

    site_title = site_header = "riskconsole back office"
    index_title = "Back office"
    site_url = "/settings/"
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        return is_admin(request.user)

    def login(
        self, request: HttpRequest, _extra_context: Mapping[str, Any] | None = None
    ) -> HttpResponse:
        """Send strangers to sign in; for the others there is nothing here."""
        if isinstance(request.user, User):
            return redirect("people:settings")
        return redirect_to_login(request.GET.get("next") or reverse("admin:index"))

    def logout(self, _request: HttpRequest, _extra: Mapping[str, Any] | None = None) -> NoReturn:
        """Sign nobody out here: the console's own page writes it down."""
        raise Http404

    def password_change(
        self, _request: HttpRequest, _extra: Mapping[str, Any] | None = None
    ) -> NoReturn:
        """Change no password here, for the same reason."""
        raise Http404


back_office = BackOffice(name="admin")


class RecordedAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Its changes go into the console's own log, and nothing is ever deleted."""

    action_prefix: str
    subject: str
    actions = None

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_admin(request.user)

    def has_view_permission(self, request: HttpRequest, _row: models.Model | None = None) -> bool:
        return is_admin(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_admin(request.user)

    def has_change_permission(self, request: HttpRequest, _row: models.Model | None = None) -> bool:
        return is_admin(request.user)

    def has_delete_permission(
        self, _request: HttpRequest, _row: models.Model | None = None
    ) -> bool:
        return False

    def save_model(
        self,
        request: HttpRequest,
        obj: models.Model,
        form: forms.BaseForm,
        change: bool,  # noqa: FBT001
    ) -> None:
        super().save_model(request, obj, form, change)
        before = form.initial if change else {}
        facts = {
            name: _text(value)
            for name, value in form.cleaned_data.items()
            if name not in before or before[name] != value
        }
        if not facts:
            return
        record(
            action=f"{self.action_prefix}.{'changed' if change else 'created'}",
            subject=f"{self.subject}:{obj}",
            payload=facts,
            now=timezone.now(),  # noqa: TID251 - a view
            actor=f"user:{request.user.get_username()}",
            address=address_of(request),
        )

    def log_addition(self, *_arguments: object) -> None:  # type: ignore[override]
        """Write no second log."""

    def log_change(self, *_arguments: object) -> None:  # type: ignore[override]
        """Write no second log."""


def is_admin(user: User | AnonymousUser) -> bool:
    return isinstance(user, User) and user.is_active and user.site_role == SiteRole.ADMIN


def _text(value: object) -> str:
    return "" if value is None else str(value)
