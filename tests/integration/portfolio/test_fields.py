from decimal import Decimal

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from portfolio.models import Balance, VenueAccount
from riskconsole.fields import MoneyField
from tests.factories import make_portfolio

pytestmark = pytest.mark.django_db

AMOUNTS = [
    "999999999999999.99",
    "-999999999999999.99",
    "0.000000000000000001",
    "-0.000000000000000001",
    "0",
    "1e30",
    "0.1",
]


@pytest.fixture
def account() -> VenueAccount:
    return make_portfolio().accounts.get()


@pytest.mark.parametrize("amount", AMOUNTS)
def test_money_survives_the_engine_exactly(account: VenueAccount, amount: str) -> None:
    Balance.objects.create(account=account, asset="USDT", total=Decimal(amount))

    assert Balance.objects.get().total == Decimal(amount)
    assert Balance.objects.filter(total=Decimal(amount)).exists()


def test_the_engine_sorts_and_compares_money_as_numbers(account: VenueAccount) -> None:
    for number, amount in enumerate(AMOUNTS):
        Balance.objects.create(account=account, asset=str(number), total=Decimal(amount))

    stored = list(Balance.objects.order_by("total").values_list("total", flat=True))

    assert stored == sorted(map(Decimal, AMOUNTS))
    assert Balance.objects.filter(total__lt=0).count() == 2
    assert Balance.objects.filter(total__gte=Decimal("0.1")).count() == 3


@pytest.mark.parametrize("value", [0.1, float("nan")])
def test_a_float_is_refused(account: VenueAccount, value: float) -> None:
    with pytest.raises(TypeError, match="float"):
        Balance.objects.create(account=account, asset="USDT", total=value)  # type: ignore[misc]


def test_what_is_not_finite_is_refused(account: VenueAccount) -> None:
    with pytest.raises(ValueError, match="finite"):
        Balance.objects.create(account=account, asset="USDT", total=Decimal("Infinity"))


class TestOrder(TestCase):
    @settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=200)
    @given(
        one=st.decimals(
            allow_nan=False, allow_infinity=False, places=18, min_value=-(10**15), max_value=10**15
        ),
        other=st.decimals(
            allow_nan=False, allow_infinity=False, places=18, min_value=-(10**15), max_value=10**15
        ),
    )
    def test_the_stored_form_sorts_as_the_number_does(self, one: Decimal, other: Decimal) -> None:
        field: MoneyField[Decimal, Decimal] = MoneyField()
        stored_one = field.get_db_prep_value(one, connection)
        stored_other = field.get_db_prep_value(other, connection)

        assert (stored_one < stored_other) == (one < other)
        assert field.from_db_value(stored_one, None, connection) == one
