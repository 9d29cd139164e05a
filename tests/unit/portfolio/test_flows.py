from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from portfolio.domain.flows import Capital
from riskconsole.kernel.numbers import EXACT, ROUNDED
from tests.unit.portfolio.books import account, balance, book

STEP = Decimal("1e-18")


def capital(*, reference: str | None = "10000", floor: str | None = None) -> Capital:
    amount = None if reference is None else Decimal(reference)
    return Capital(
        initial_capital=amount,
        reference_equity=amount,
        floor_base=Decimal(floor) if floor else amount,
        net_flows=Decimal(0),
    )


def amounts(low: str, high: str = "1e12") -> st.SearchStrategy[Decimal]:
    return st.decimals(min_value=low, max_value=high, places=8)


@given(
    reference=amounts("0.01"), floor=amounts("0.01"), before=amounts("0.01"), after=amounts("0.01")
)
def test_a_flow_keeps_loss_ratio_and_floor_distance_to_the_money_step(
    reference: Decimal, floor: Decimal, before: Decimal, after: Decimal
) -> None:
    moved = capital(reference=f"{reference:f}", floor=f"{floor:f}").after_flow(
        before=before, after=after
    )

    for old, new in ((reference, moved.reference_equity), (floor, moved.floor_base)):
        assert new is not None
        exact = EXACT.multiply(old, after)
        off = EXACT.subtract(EXACT.multiply(new, before), exact).copy_abs()
        assert off <= EXACT.multiply(STEP, before)


@given(reference=amounts("100"), before=amounts("100"), flow=amounts("-1e6", "1e6"))
def test_there_and_back_is_where_it_began_to_a_few_steps(
    reference: Decimal, before: Decimal, flow: Decimal
) -> None:
    after = before + flow
    assume(after > 100)
    start = capital(reference=f"{reference:f}")

    back = start.after_flow(before=before, after=after).after_flow(before=after, after=before)

    assert back.net_flows == 0
    assert back.reference_equity is not None
    drift = EXACT.subtract(back.reference_equity, reference).copy_abs()
    assert drift <= EXACT.multiply(STEP, 2 + ROUNDED.divide(before, after))


@given(before=amounts("-1e6", "1e6"), after=amounts("-1e6", "1e6"))
def test_net_flows_are_the_money_that_moved(before: Decimal, after: Decimal) -> None:
    assert capital().after_flow(before=before, after=after).net_flows == after - before


@pytest.mark.parametrize(
    ("before", "after", "is_protected"),
    [
        ("0.01", "0.01", True),
        ("0", "1", False),
        ("-1", "1", False),
        ("1", "0", False),
        ("1", "-1", False),
        ("0", "0", False),
    ],
)
def test_where_either_is_not_above_zero_nothing_says_what_a_loss_is(
    before: str, after: str, is_protected: bool
) -> None:
    moved = capital().after_flow(before=Decimal(before), after=Decimal(after))

    known = (moved.initial_capital, moved.reference_equity, moved.floor_base)
    assert all(value is not None for value in known) == is_protected
    assert all(value is None for value in known) != is_protected


def test_the_initial_capital_stays_what_it_was() -> None:
    moved = capital().after_flow(before=Decimal(10000), after=Decimal(15000))

    assert moved.initial_capital == Decimal(10000)
    assert moved.reference_equity == Decimal(15000)


def test_what_is_not_protected_stays_so() -> None:
    moved = capital(reference=None).after_flow(before=Decimal(1), after=Decimal(2))

    assert (moved.reference_equity, moved.floor_base) == (None, None)


@given(st.lists(amounts("-1e14", "1e14"), min_size=1, max_size=6))
def test_the_accounts_of_a_book_add_up_to_its_equity(totals: list[Decimal]) -> None:
    """Money of 15 digits before the point and 18 after it has more than a float or 28 digits."""
    fine = [EXACT.add(total, STEP) for total in totals]
    of = range(1, len(fine) + 1)
    whole = book(
        *(balance("USDT", f"{total:f}", of=number) for number, total in zip(of, fine, strict=True)),
        accounts=tuple(account(number) for number in of),
    )

    parts = [whole.equity_of(number) for number in of]

    rest = whole.equity
    for part in parts:
        rest = EXACT.subtract(rest, part)
    assert (parts, rest) == (fine, Decimal(0))
