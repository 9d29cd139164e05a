"""The forms of the breaker's pages; each refuses with one sentence."""

from django import forms

MAX_REASON = 500


class HaltForm(forms.Form):
    """A halt is confirmed by the portfolio's slug, in capitals or not."""

    reason = forms.CharField(
        label="Reason, may follow later",
        required=False,
        max_length=MAX_REASON,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    confirm = forms.CharField(
        max_length=50,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "autocapitalize": "none",
                "autofocus": True,
                "spellcheck": "false",
            }
        ),
    )

    def __init__(self, *args: object, slug: str, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._slug = slug

    def clean_reason(self) -> str:
        reason: str = self.cleaned_data["reason"]
        return "".join(char if char.isprintable() else " " for char in reason).strip()

    def clean_confirm(self) -> str:
        typed: str = self.cleaned_data["confirm"]
        if typed.strip().lower() != self._slug:
            raise forms.ValidationError(f"Type {self._slug} to confirm, this was {typed!r}")
        return typed


class CrashForm(forms.Form):
    portfolio = forms.SlugField()
