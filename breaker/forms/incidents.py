"""The note on an incident."""

from django import forms

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
