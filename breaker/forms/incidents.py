"""What people enter about incidents."""

from datetime import datetime

from django import forms

from riskconsole.kernel.clock import time_from

MAX_NOTE = 4_000


class NoteForm(forms.Form):
    """Free text of several lines; control characters become spaces."""

    text = forms.CharField(
        label="Add a note; it goes into the log and stays as it is",
        max_length=MAX_NOTE,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "A note needs words"},
    )

    def clean_text(self) -> str:
        text = self.cleaned_data["text"].replace("\r\n", "\n")
        kept = (char if char.isprintable() or char == "\n" else " " for char in text)
        cleaned = "".join(kept).strip()
        if not cleaned:
            raise forms.ValidationError("A note needs words")
        return cleaned


class AcknowledgeForm(forms.Form):
    """Since when the warning lasts that somebody takes notice of."""

    since = forms.CharField(max_length=40)

    def clean_since(self) -> datetime:
        try:
            return time_from(self.cleaned_data["since"])
        except ValueError as error:
            raise forms.ValidationError("This is no time") from error


class IncidentFilter(forms.Form):
    """The filter of the list; it stands in the address."""

    portfolio = forms.SlugField(required=False, max_length=50)
    before = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
