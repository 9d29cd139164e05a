"""What has to change in a portfolio and its limits; pure."""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from breaker.services.desired.changes import (
    CapitalChange,
    Change,
    LimitChange,
    NameChange,
    NewPortfolio,
    Part,
    PegsChange,
    fixed,
)
from breaker.services.desired.document import (
    LimitsIn,
    PortfolioIn,
)
from breaker.services.desired.existing import (
    ExistingPortfolio,
    default_limits,
)
from breaker.services.desired.limits import FIELD_BY_KEY, LimitValue, limit_text
from breaker.services.desired.places import Place, Problem
from riskconsole.kernel.numbers import money_text


def portfolio_parts(
    portfolio: PortfolioIn, there: ExistingPortfolio | None, place: Place
) -> Iterator[Part]:
    """Yield what changes in a portfolio, its capital and its limits, or cannot."""
    limits = {**(there.limits if there else default_limits()), **_named(portfolio.limits)}
    yield from _limit_problems(limits, portfolio.limits, (*place, "limits"))
    if there is None:
        yield from _new_portfolio(portfolio, limits, place)
        return
    yield from _portfolio_changes(portfolio, there, place)
    yield from _limit_changes(portfolio, there, (*place, "limits"))


def _new_portfolio(
    portfolio: PortfolioIn, limits: Mapping[str, LimitValue], place: Place
) -> Iterator[Part]:
    if portfolio.reference_currency is None:
        what = "is needed to create the portfolio"
        yield Problem(place=(*place, "reference_currency"), what=what)
        return
    capital = portfolio.initial_capital
    worth = "not protected" if capital is None else money_text(capital)
    yield NewPortfolio(
        place=place,
        subject=f"portfolio {portfolio.slug}",
        after=f"{worth} {portfolio.reference_currency}",
        portfolio=portfolio,
        limits=limits,
    )


def _portfolio_changes(
    portfolio: PortfolioIn, there: ExistingPortfolio, place: Place
) -> Iterator[Part]:
    slug, subject = portfolio.slug, f"portfolio {portfolio.slug}"
    currency = portfolio.reference_currency
    if currency is not None and currency != there.reference_currency:
        yield fixed((*place, "reference_currency"), there.reference_currency)
    if portfolio.name is not None and portfolio.name != there.name:
        yield NameChange(
            place=(*place, "name"),
            subject=subject,
            key="name",
            before=there.name,
            after=portfolio.name,
            slug=slug,
            name=portfolio.name,
        )
    pegs = frozenset(portfolio.pegs or ())
    if portfolio.pegs is not None and pegs != there.pegs:
        yield PegsChange(
            place=(*place, "pegs"),
            subject=subject,
            key="pegs",
            before=", ".join(sorted(there.pegs)),
            after=", ".join(sorted(pegs)),
            loosens=there.is_armed and bool(pegs - there.pegs),
            slug=slug,
            pegs=tuple(sorted(pegs)),
        )
    yield from _capital_change(portfolio, there, (*place, "initial_capital"))


def _capital_change(
    portfolio: PortfolioIn, there: ExistingPortfolio, place: Place
) -> Iterator[Change]:
    before, after = there.initial_capital, portfolio.initial_capital
    if after is None or after == before:
        return
    yield CapitalChange(
        place=place,
        subject=f"portfolio {portfolio.slug}",
        key="initial_capital",
        before="" if before is None else money_text(before),
        after=money_text(after),
        loosens=there.is_armed and (before is None or after < before),
        slug=portfolio.slug,
        capital=after,
    )


def _limit_changes(
    portfolio: PortfolioIn, there: ExistingPortfolio, place: Place
) -> Iterator[Change]:
    for key, after in _named(portfolio.limits).items():
        limit, before = FIELD_BY_KEY[key], there.limits[key]
        if after != before:
            yield LimitChange(
                place=(*place, key),
                subject=f"portfolio {portfolio.slug}",
                key=key,
                before=limit_text(before),
                after=limit_text(after),
                loosens=there.is_armed and limit.loosens(before, after),
                slug=portfolio.slug,
                column=limit.column,
                value=after,
            )


def _limit_problems(
    limits: Mapping[str, LimitValue], named: LimitsIn, place: Place
) -> Iterator[Problem]:
    """Yield what is wrong with limits that are right one by one."""
    for lower, upper in (("warning", "trip"), ("hysteresis", "warning")):
        low, high = limits[lower], limits[upper]
        if not isinstance(low, Decimal) or not isinstance(high, Decimal) or low < high:
            continue
        key = lower if lower in named.model_fields_set else upper
        what = f"{lower} {limit_text(low)} is not below {upper} {limit_text(high)}"
        yield Problem(place=(*place, key), what=what)


def _named(limits: LimitsIn) -> dict[str, LimitValue]:
    values = {key: getattr(limits, key) for key in FIELD_BY_KEY}
    return {key: value for key, value in values.items() if value is not None}
