"""The forms of signing in, of the first admin, and of the theme."""

from django import forms
from django.contrib.auth.forms import BaseUserCreationForm

from riskconsole.kernel.numbers import choices_of
from riskconsole.people.models import Theme, User


class FirstAdminForm(BaseUserCreationForm):  # type: ignore[type-arg]
    email = forms.EmailField()

    class Meta:
        model = User
        fields = ("username", "email")


class ThemeForm(forms.Form):
    theme = forms.ChoiceField(choices=choices_of(Theme))
