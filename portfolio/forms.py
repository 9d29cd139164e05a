"""The form of a venue in the back office, as strict as a file of `apply`."""

from django import forms
from django.core.exceptions import ValidationError

from portfolio.models import Venue


class VenueForm(forms.ModelForm):  # type: ignore[type-arg]
    exchange = forms.RegexField(r"^[a-z0-9_]{1,32}$", help_text="A ccxt id, such as kraken.")

    class Meta:
        model = Venue
        fields = ("slug", "exchange", "source", "urls")

    def clean_urls(self) -> dict[str, str]:
        urls = self.cleaned_data["urls"] or {}
        is_plain = isinstance(urls, dict) and all(isinstance(one, str) for one in urls.values())
        if not is_plain:
            raise ValidationError('Addresses by name, such as {"api": "https://..."}')
        return dict(urls)
