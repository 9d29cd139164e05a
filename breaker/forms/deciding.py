"""Approve or refuse; what the approver saw comes back sealed, for this request and this person."""

from datetime import timedelta
from typing import Any

from django import forms
from django.core import signing

from breaker.domain.approval import Seen
from breaker.forms.asking import MOST_WORDS
from breaker.forms.confirming import TypedConfirmation
from riskconsole.kernel.clock import time_from, time_text
from riskconsole.kernel.numbers import decimal_from, known_money_text

SALT = "breaker.seen"
# The service lets facts count for two minutes; a second factor may be asked for in between.
SEAL_LASTS = timedelta(hours=1)
BROKEN_SEAL = "What you saw was not sent along as this page wrote it: read it again"


def seal(seen: Seen, *, request_id: int, reader_id: int) -> str:
    """Return what is on the screen as text that nobody can change."""
    facts = {
        "request": request_id,
        "reader": reader_id,
        "equity": known_money_text(seen.equity),
        "at": time_text(seen.at),
    }
    return signing.dumps(facts, salt=SALT)


class RefusalForm(forms.Form):
    note = forms.CharField(
        label="Why not, for the log and the requester",
        max_length=MOST_WORDS,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class ApprovalForm(TypedConfirmation):
    """An approver types the portfolio's name and says what was looked at.

    :param request_id, reader_id: what and whom the sealed facts have to be for
    """

    note = forms.CharField(
        label="What you checked, for the log",
        max_length=MOST_WORDS,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    seen = forms.CharField(
        max_length=1000,
        widget=forms.HiddenInput,
        error_messages={"required": BROKEN_SEAL},
    )

    def __init__(self, *args: Any, request_id: int, reader_id: int, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        self.fields["confirm"].widget.attrs.pop("autofocus")
        self._meant_for = {"request": request_id, "reader": reader_id}

    def clean_seen(self) -> Seen:
        text = self.cleaned_data["seen"]
        try:
            facts = signing.loads(text, salt=SALT, max_age=SEAL_LASTS)
        except signing.BadSignature as error:
            raise forms.ValidationError(BROKEN_SEAL) from error
        if not facts.items() >= self._meant_for.items():
            raise forms.ValidationError(BROKEN_SEAL)
        equity = facts["equity"]
        return Seen(
            equity=None if equity is None else decimal_from(equity), at=time_from(facts["at"])
        )

    @property
    def exceptions(self) -> frozenset[str]:
        """The accounts that the approver ticked; the service knows which may be."""
        return frozenset(self.data.getlist("exceptions"))  # type: ignore[attr-defined]
