"""What somebody asks for; whether it may be asked is for the service to say."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from django import forms

from breaker.domain.approval import SHORTEST_REASON, Reference
from oms.domain.credentials import KeyPurpose
from oms.selectors import KeyName
from riskconsole.kernel.numbers import NotANumber, decimal_from

MOST_WORDS = 2000


class AskForm(forms.Form):
    """Every request has a reason in the requester's own words."""

    reason = forms.CharField(
        label="Why, in your words",
        max_length=MOST_WORDS,
        help_text=f"At least {SHORTEST_REASON} characters; the approver and the log see it.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class ResetForm(AskForm):
    reference = forms.ChoiceField(
        choices=[(choice.value, choice.value.title()) for choice in Reference],
        error_messages={"required": "Choose what becomes of the reference"},
    )
    field_order = ["reference", "reason"]


class DisableForm(AskForm):
    """The end is a time of day in UTC: the next one there is."""

    until = forms.TimeField(
        label="Until, UTC",
        help_text="At most 8 hours from now. It counts from now, not from the approval.",
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
    )
    field_order = ["until", "reason"]

    def end(self, *, now: datetime) -> datetime:
        """Return the next time of that name."""
        wanted = self.cleaned_data["until"]
        end = now.replace(hour=wanted.hour, minute=wanted.minute, second=0, microsecond=0)
        return end if end > now else end + timedelta(days=1)


class FlowForm(AskForm):
    amount = forms.CharField(
        label="Amount in the reference currency",
        max_length=40,
        help_text="Above zero for money that came, below zero for money that went.",
        widget=forms.TextInput(attrs={"inputmode": "text", "autocomplete": "off"}),
    )
    field_order = ["amount", "reason"]

    def clean_amount(self) -> Decimal:
        try:
            return decimal_from(self.cleaned_data["amount"].strip())
        except NotANumber as error:
            raise forms.ValidationError(str(error)) from error


class RemovalForm(AskForm):
    account = forms.ChoiceField()
    field_order = ["account", "reason"]

    def __init__(self, *args: object, accounts: list[str], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["account"].choices = [(slug, slug) for slug in accounts]  # type: ignore[attr-defined]


class KeyForm(AskForm):
    """One of the keys there are; its value names account and purpose."""

    key = forms.ChoiceField()
    field_order = ["key", "reason"]

    def __init__(self, *args: object, hints: Mapping[KeyName, str], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["key"].choices = [  # type: ignore[attr-defined]
            (f"{account} {purpose}", f"{account}: {purpose} key ...{hint}")
            for (account, purpose), hint in hints.items()
        ]

    @property
    def chosen(self) -> KeyName:
        account, _, purpose = self.cleaned_data["key"].partition(" ")
        return account, KeyPurpose(purpose)
