"""The filter of the log; it stands in the address."""

import re
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django import forms

from riskconsole.audit.paging import LogQuery
from riskconsole.audit.times import second_text

MAX_SEQUENCE = 2**63 - 1
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d))?)?Z?", re.ASCII)


class Moment(NamedTuple):
    """The first second of what was typed, and the first one after it: of a day, a minute, a second."""

    begin: datetime
    end: datetime


class MomentField(forms.CharField):
    """A day, a minute or a second in UTC."""

    default_error_messages = {
        "invalid": "A time is a day, a minute or a second in UTC: 2026-01-31 or 2026-01-31 14:05"
    }

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401
        attributes = {"placeholder": "2026-01-31 14:05"}
        super().__init__(required=False, widget=forms.TextInput(attrs=attributes), **kwargs)

    def clean(self, value: Any) -> Moment | None:  # noqa: ANN401
        text = super().clean(value)
        return _moment(text) if text else None


class LogFilter(forms.Form):
    portfolio = forms.SlugField(required=False, max_length=50)
    action = forms.RegexField(
        r"^[a-z_.]*$",
        required=False,
        max_length=64,
        widget=forms.TextInput(attrs={"placeholder": "breaker.trip"}),
        error_messages={"invalid": "An action has small letters and dots: breaker.trip.happened"},
    )
    actor = forms.CharField(
        required=False,
        max_length=200,
        label="Who",
        widget=forms.TextInput(attrs={"placeholder": "operator"}),
    )
    subject = forms.CharField(
        required=False,
        max_length=200,
        label="On",
        widget=forms.TextInput(attrs={"placeholder": "trip:7"}),
    )
    since = MomentField(label="From, UTC")
    until = MomentField(label="Until, UTC")
    first = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=MAX_SEQUENCE,
        label="From entry",
        widget=forms.TextInput,
    )
    last = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=MAX_SEQUENCE,
        label="To entry",
        widget=forms.TextInput,
    )
    before = forms.IntegerField(
        required=False, min_value=1, max_value=MAX_SEQUENCE, widget=forms.HiddenInput
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and until.end <= since.begin:
            self.add_error("until", "This is before the time from which you look")
        first, last = cleaned.get("first"), cleaned.get("last")
        if first and last and last < first:
            self.add_error("last", "This is before the entry from which you look")
        return cleaned

    def query(self, *, slugs: frozenset[str] | None) -> LogQuery:
        """Return what a valid filter asks for, within what the reader may see."""
        wanted = self.cleaned_data
        since, until = wanted["since"], wanted["until"]
        ends = [wanted["last"], wanted["before"] and wanted["before"] - 1]
        return LogQuery(
            slugs=slugs,
            portfolio=wanted["portfolio"],
            action=wanted["action"],
            actor=wanted["actor"],
            subject=wanted["subject"],
            since=second_text(since.begin) if since else "",
            until=second_text(until.end) if until else "",
            first=wanted["first"],
            last=min((end for end in ends if end is not None), default=None),
        )

    def active(self) -> dict[str, str]:
        """Return what was asked for as it was typed, without the place in the list."""
        typed = (
            (name, self.data.get(name, "").strip()) for name in self.fields if name != "before"
        )
        return {name: text for name, text in typed if text}


def _moment(text: str) -> Moment:
    found = _MOMENT.fullmatch(text.strip())
    if found is None:
        raise forms.ValidationError(MomentField.default_error_messages["invalid"])
    day, minute, second = found.groups()
    length = (
        timedelta(seconds=1) if second else timedelta(minutes=1) if minute else timedelta(days=1)
    )
    try:
        begin = datetime.fromisoformat(f"{day}T{minute or '00:00'}:{second or '00'}")
        return Moment(begin, begin + length)
    except (ValueError, OverflowError) as error:
        raise forms.ValidationError(f"There is no such time: {text[:40]}") from error
