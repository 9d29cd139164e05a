"""What a requester writes is held against what the system sees."""

import pytest

from breaker.domain.claims import contradictions


@pytest.mark.parametrize(
    "reason",
    [
        "the hedge is flat now",
        "Flat since noon",
        "we hold no open positions",
        "no position is left",
    ],
)
def test_a_claim_to_be_flat_is_contradicted_by_open_positions(reason: str) -> None:
    (said,) = contradictions(reason, open_positions=2, unconfirmed=())

    assert "but 2 positions are open" in said


@pytest.mark.parametrize(
    "reason", ["it is not flat yet", "the hedge isn't flat", "inflated quotes"]
)
def test_what_is_no_claim_to_be_flat_is_left_alone(reason: str) -> None:
    assert contradictions(reason, open_positions=2, unconfirmed=()) == ()


@pytest.mark.parametrize(
    "reason", ["no orders are left", "no open order anywhere", "all orders were cancelled by hand"]
)
def test_a_claim_of_no_orders_is_contradicted_by_accounts_not_confirmed(reason: str) -> None:
    (said,) = contradictions(reason, open_positions=0, unconfirmed=("kraken", "mexc"))

    assert "but kraken, mexc is not confirmed without orders" in said


def test_claims_that_are_so_are_not_contradicted() -> None:
    reason = "all flat and no orders are left"

    assert contradictions(reason, open_positions=0, unconfirmed=()) == ()
    assert len(contradictions(reason, open_positions=1, unconfirmed=("kraken",))) == 2
