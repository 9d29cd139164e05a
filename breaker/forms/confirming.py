"""A decision is confirmed by typing a word, in capitals or not."""

from typing import Any

from django import forms

MOST_TYPED = 150


class TypedConfirmation(forms.Form):
    """:param word: what has to be typed; pasting it is allowed"""

    confirm = forms.CharField(
        max_length=MOST_TYPED,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "autocapitalize": "none",
                "autofocus": True,
                "spellcheck": "false",
            }
        ),
    )

    def __init__(self, *args: Any, word: str, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        self.word = word

    def clean_confirm(self) -> str:
        typed: str = self.cleaned_data["confirm"]
        if typed.strip().casefold() != self.word.casefold():
            raise forms.ValidationError(f"Type {self.word} to confirm, this was {typed!r}")
        return typed
