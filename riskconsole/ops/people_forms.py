"""The forms of people, invitations and tokens."""

from typing import Any

from django import forms
from django.contrib.auth.validators import UnicodeUsernameValidator

from portfolio.models import Portfolio, Role
from riskconsole.kernel.numbers import choices_of
from riskconsole.people.invitations import NewPerson
from riskconsole.people.models import Scope, SiteRole

NONE = ("", "None")


class InvitationForm(forms.Form):
    """Whom to invite; each portfolio has a field of its own for the role in it."""

    username = forms.CharField(max_length=150, validators=[UnicodeUsernameValidator()])
    email = forms.EmailField(label="E-mail")
    site_role = forms.ChoiceField(
        label="Role on the site", choices=[NONE, *choices_of(SiteRole)], required=False
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        self.slugs = []
        for portfolio in Portfolio.objects.order_by("name", "pk"):
            self.slugs.append(portfolio.slug)
            self.fields[f"role-{portfolio.slug}"] = forms.ChoiceField(
                label=portfolio.name, choices=[NONE, *choices_of(Role)], required=False
            )

    @property
    def roles(self) -> list[forms.BoundField]:
        return [self[f"role-{slug}"] for slug in self.slugs]

    def person(self) -> NewPerson:
        given = {slug: self.cleaned_data[f"role-{slug}"] for slug in self.slugs}
        site_role = self.cleaned_data["site_role"]
        return NewPerson(
            username=self.cleaned_data["username"],
            email=self.cleaned_data["email"],
            site_role=SiteRole(site_role) if site_role else None,
            memberships=[(slug, role) for slug, role in given.items() if role],
        )


class PortfolioField(forms.ModelChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, portfolio: Portfolio) -> str:
        return portfolio.name


class MemberForm(forms.Form):
    portfolio = PortfolioField(
        Portfolio.objects.order_by("name", "pk"), to_field_name="slug", empty_label=None
    )
    role = forms.ChoiceField(choices=choices_of(Role))


class SiteRoleForm(forms.Form):
    site_role = forms.ChoiceField(
        label="Role on the site", choices=[NONE, *choices_of(SiteRole)], required=False
    )


class TokenForm(forms.Form):
    name = forms.CharField(max_length=64)
    scopes = forms.MultipleChoiceField(
        choices=choices_of(Scope), widget=forms.CheckboxSelectMultiple
    )
    portfolios = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text="None means all.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        books = Portfolio.objects.order_by("name", "pk").values_list("slug", "name")
        self.fields["portfolios"].choices = list(books)  # type: ignore[attr-defined]
