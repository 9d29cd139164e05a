"""Venues in the back office; what guards an armed portfolio is not loosened here."""

from django import forms
from django.db import models
from django.http import HttpRequest

from portfolio.domain.holdings import VenueKind
from portfolio.forms import VenueForm
from portfolio.models import Venue
from portfolio.selectors import is_any_armed
from riskconsole.people.back_office import RecordedAdmin

BUILT_IN = (VenueKind.MANUAL, VenueKind.PAPER)


class VenueAdmin(RecordedAdmin):
    form = VenueForm
    action_prefix = "portfolio.venue"
    subject = "venue"
    list_display = ("slug", "kind", "exchange", "source")
    ordering = ("slug",)
    fields = ("slug", "exchange", "source", "urls")

    def has_change_permission(self, request: HttpRequest, row: models.Model | None = None) -> bool:
        is_built_in = isinstance(row, Venue) and row.kind in BUILT_IN
        return super().has_change_permission(request, row) and not is_built_in

    def get_readonly_fields(
        self, _request: HttpRequest, row: models.Model | None = None
    ) -> tuple[str, ...]:
        """Another address or source of prices loosens: with a portfolio armed it takes two."""
        if row is None:
            return ()
        return self.fields if is_any_armed() else ("slug", "exchange")

    def save_model(
        self,
        request: HttpRequest,
        obj: models.Model,
        form: forms.BaseForm,
        change: bool,  # noqa: FBT001
    ) -> None:
        if isinstance(obj, Venue) and not change:
            obj.kind = VenueKind.EXCHANGE
        super().save_model(request, obj, form, change)
