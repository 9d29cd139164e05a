"""Halt one portfolio or all, and in a demo let one fall; each form refuses with one sentence."""

from typing import Any

from django import forms

from breaker.forms.confirming import TypedConfirmation

MAX_REASON = 500
ALL = "HALT ALL"


class HaltForm(TypedConfirmation):
    """A halt is confirmed by the portfolio's slug; the reason may follow later."""

    reason = forms.CharField(
        label="Reason, may follow later",
        required=False,
        max_length=MAX_REASON,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def clean_reason(self) -> str:
        reason: str = self.cleaned_data["reason"]
        return "".join(char if char.isprintable() else " " for char in reason).strip()


class HaltAllForm(HaltForm):
    """Halting everything is confirmed by its own words."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, word=ALL, **kwargs)


class CrashForm(forms.Form):
    portfolio = forms.SlugField()
