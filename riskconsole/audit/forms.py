"""The filter of the log; it stands in the address."""

from django import forms


class LogFilter(forms.Form):
    portfolio = forms.SlugField(required=False, max_length=50)
    action = forms.RegexField(
        r"^[a-z_.]*$",
        required=False,
        max_length=64,
        widget=forms.TextInput(attrs={"placeholder": "breaker.trip"}),
        error_messages={"invalid": "An action has small letters and dots: breaker.trip.happened"},
    )
    before = forms.IntegerField(
        required=False, min_value=1, max_value=2**63 - 1, widget=forms.HiddenInput
    )
