"""A portfolio, its limits and its accounts as forms that write the very document of `apply`.

What a value may be is said in one place, the document's reader; here is only what people type.
"""

from collections.abc import Mapping
from typing import Any

from django import forms

from breaker.services.desired.limits import LIMIT_FIELDS, limit_text
from breaker.services.desired.places import BadFile, Problem, key_of
from portfolio.domain.holdings import AccountKind
from portfolio.models import Portfolio
from riskconsole.kernel.numbers import known_money_text

MOST_TEXT = 200
LABELS: Mapping[str, str] = {
    "warning": "Warns at a loss of, %",
    "trip": "Trips at a loss of, %",
    "hysteresis": "Warning ends above it by, points",
    "warning_dwell": "and stays clear for, s",
    "max_mark_age": "Oldest price, s",
    "max_snapshot_age": "Oldest snapshot, s",
    "blind_trip_after": "Blind, trips after, s (0: never)",
    "cooldown": "No reset before, s",
    "lifetime_floor": "Lifetime floor, % of the capital",
    "close_positions": "Close positions after a trip",
    "keep_reduce_only": "On a trip, keep orders that can only reduce, such as stop-losses",
}
CHOICES = frozenset({"close_positions", "keep_reduce_only"})
Table = dict[str, Any]


class DocumentForm(forms.Form):
    """A form whose fields are keys of the document; wrong values are told beside them."""

    def take_problems(self, error: BadFile) -> None:
        for problem in error.problems:
            field = self._field_of(problem)
            said = _sentence(problem.what)
            self.add_error(field, said if field else f"{key_of(problem.place)}: {said}")

    def _field_of(self, problem: Problem) -> str | None:
        named = [part for part in problem.place if isinstance(part, str) and part in self.fields]
        return named[-1] if named else None


class LimitsForm(DocumentForm):
    """Every limit of a portfolio, in percent and seconds; what stays as it was changes nothing."""

    name = forms.CharField(max_length=80)
    initial_capital = forms.CharField(
        max_length=40, required=False, help_text="Losses are measured from here."
    )
    pegs = forms.CharField(
        label="Counted as 1",
        max_length=MOST_TEXT,
        required=False,
        help_text="Coins that count as one unit of the reference currency, such as USDC.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        for limit in LIMIT_FIELDS:
            self.fields[limit.key] = _limit_field(limit.key)

    @property
    def limit_fields(self) -> list[forms.BoundField]:
        return [self[limit.key] for limit in LIMIT_FIELDS]

    def table(self, slug: str) -> Table:
        """Return the document of one portfolio; an empty capital says nothing."""
        typed = self.cleaned_data
        table: Table = {"slug": slug, "name": typed["name"], "pegs": _words(typed["pegs"])}
        if typed["initial_capital"].strip():
            table["initial_capital"] = typed["initial_capital"].strip()
        table["limits"] = {limit.key: _typed(typed[limit.key]) for limit in LIMIT_FIELDS}
        return {"portfolio": [table]}


class EditForm(LimitsForm):
    """What loosens needs a reason too, which the approver reads."""

    reason = forms.CharField(
        label="Why, if something loosens",
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class PortfolioForm(LimitsForm):
    slug = forms.SlugField(max_length=50, help_text="Short name for addresses and commands.")
    reference_currency = forms.CharField(max_length=16)
    field_order = ["slug", "name", "reference_currency", "initial_capital", "pegs"]

    def document(self) -> Table:
        raw = self.table(self.cleaned_data["slug"])
        raw["portfolio"][0]["reference_currency"] = self.cleaned_data["reference_currency"].strip()
        return raw


class AccountForm(DocumentForm):
    """A new account; for a margin account the question about stops has to be answered."""

    slug = forms.SlugField(max_length=50, label="Account")
    venue = forms.ChoiceField()
    kind = forms.ChoiceField(choices=[(kind.lower(), kind.title()) for kind in AccountKind])
    keep_reduce_only = forms.ChoiceField(
        label="On a trip, keep orders that can only reduce, such as stop-losses?",
        choices=[("yes", "Yes, keep them"), ("no", "No, cancel every order")],
        widget=forms.RadioSelect,
        required=False,
        help_text="It holds for the whole portfolio.",
    )
    balances = forms.CharField(
        label="Balances to begin with",
        max_length=MOST_TEXT,
        required=False,
        help_text="Paper only: USDT 10000, BTC 0.5",
    )
    seed = forms.IntegerField(
        required=False,
        help_text="Paper only: the market moves by itself; without it, by pushed marks.",
    )
    reason = forms.CharField(
        label="Why, for the approver",
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, venues: list[str], **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        self.fields["venue"].choices = [(slug, slug) for slug in venues]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any] | None:
        typed = self.cleaned_data
        if typed.get("kind") == AccountKind.MARGIN.lower() and not typed.get("keep_reduce_only"):
            self.add_error("keep_reduce_only", "A margin account needs an answer: yes or no")
        return typed

    def clean_balances(self) -> dict[str, str]:
        pairs = [pair.split() for pair in self.cleaned_data["balances"].split(",") if pair.strip()]
        if any(len(pair) != 2 for pair in pairs):
            raise forms.ValidationError("Write each as a coin and an amount: USDT 10000, BTC 0.5")
        balances = dict(pairs)
        if len(balances) < len(pairs):
            raise forms.ValidationError("A coin stands here a second time")
        return balances

    def document(self, slug: str) -> Table:
        typed = self.cleaned_data
        account: Table = {key: typed[key] for key in ("slug", "venue", "kind")}
        paper = {key: typed[key] for key in ("balances", "seed") if typed[key] not in ({}, None)}
        if paper or typed["venue"] == "paper":
            account["paper"] = paper
        table: Table = {"slug": slug, "account": [account]}
        if typed["kind"] == AccountKind.MARGIN.lower():
            table["limits"] = {"keep_reduce_only": typed["keep_reduce_only"] == "yes"}
        return {"portfolio": [table]}


def shown_values(portfolio: Portfolio) -> Table:
    """Return what a portfolio has, as its form shows it."""
    shown: Table = {
        "name": portfolio.name,
        "initial_capital": known_money_text(portfolio.initial_capital) or "",
        "pegs": ", ".join(portfolio.pegs),
    }
    return shown | limit_values(portfolio.breaker)


def limit_values(breaker: object) -> Table:
    """Return the limits as people type them, without their units."""
    values = {limit.key: getattr(breaker, limit.column) for limit in LIMIT_FIELDS}
    return {
        key: value if isinstance(value, bool) else limit_text(value).split()[0]
        for key, value in values.items()
    }


def _limit_field(key: str) -> forms.Field:
    if key in CHOICES:
        return forms.BooleanField(label=LABELS[key], required=False)
    return forms.CharField(
        label=LABELS[key],
        max_length=40,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )


def _typed(value: str | bool) -> str | bool:  # noqa: FBT001
    return value if isinstance(value, bool) else value.strip()


def _words(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _sentence(what: str) -> str:
    """Return a problem of the document as it reads beside its own field."""
    return f"This {what}" if what.startswith(("is ", "stands ")) else what[:1].upper() + what[1:]
