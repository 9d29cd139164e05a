"""The database refuses what must never be stored, whoever writes it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.db.models import Model

from oms.models import (
    CancelLeg,
    CancelRun,
    CloseIntent,
    CloseLeg,
    CloseRun,
    LegOrder,
    PaperAccount,
    PaperBalance,
    PaperEntry,
    PaperFault,
    PaperFaultKind,
    PaperMark,
    PaperOrder,
    PaperPosition,
    PaperReduction,
)
from portfolio.models import Venue
from tests.integration.oms.desk import BEFORE, BTC_PERP, NOON, Desk, leg_of


@pytest.fixture
def paper(desk: Desk) -> PaperAccount:
    """Return an account with a row in every table, its leg confirmed empty."""
    paper = desk.account(long="0.1")
    desk.place(paper)
    desk.fault(paper, PaperFaultKind.LATENCY)
    desk.trip()
    desk.attend(seconds=5)
    desk.place(paper)
    mark = {"instrument": BTC_PERP, "seed": 1, "price": Decimal(1)}
    PaperMark.objects.create(venue=Venue.objects.get(slug="paper"), **mark)
    close_something(desk, paper)
    return paper


def close_something(desk: Desk, paper: PaperAccount) -> None:
    """Add a close run with a leg, an order of it, and what the venue knows of that."""
    run = CloseRun.objects.create(
        portfolio=desk.portfolio,
        cause="trip:1",
        max_mark_age=timedelta(seconds=10),
        is_held=True,
        opened_at=NOON,
    )
    leg = CloseLeg.objects.create(
        run=run, account=paper.account, next_attempt_at=NOON, unconfirmed_since=NOON
    )
    CloseIntent.objects.create(
        leg=leg,
        account=paper.account,
        client_id="1",
        instrument=BTC_PERP,
        side="SELL",
        position_side="LONG",
        number=1,
        held=Decimal(1),
        quantity=Decimal(1),
        limit_price=Decimal(1),
        sent_at=NOON,
    )
    PaperReduction.objects.create(
        account=paper,
        client_id="1",
        instrument=BTC_PERP,
        side="SELL",
        quantity=Decimal(1),
        limit_price=Decimal(1),
        filled=Decimal(1),
    )


REFUSED = [
    ("close_run_ends_after_it_opened", CloseRun, {"ended_at": BEFORE}),
    ("close_run_has_a_cause", CloseRun, {"cause": ""}),
    ("close_leg_status_known", CloseLeg, {"status": "DONE"}),
    ("close_leg_flat_is_confirmed", CloseLeg, {"status": "FLAT"}),
    ("close_intent_side_known", CloseIntent, {"side": "HOLD"}),
    ("close_intent_state_known", CloseIntent, {"state": "LOST"}),
    ("close_intent_position_side_known", CloseIntent, {"position_side": "UP"}),
    ("close_intent_numbers_positive", CloseIntent, {"quantity": Decimal(0)}),
    ("close_intent_numbers_positive", CloseIntent, {"limit_price": Decimal(0)}),
    ("close_intent_within_what_was_read", CloseIntent, {"quantity": Decimal("1.1")}),
    ("close_intent_filled_something", CloseIntent, {"state": "FILLED"}),
    ("close_intent_filled_something", CloseIntent, {"filled": Decimal(1)}),
    ("paper_reduction_side_known", PaperReduction, {"side": "HOLD"}),
    ("paper_reduction_numbers_positive", PaperReduction, {"quantity": Decimal(0)}),
    ("cancel_run_ends_after_it_opened", CancelRun, {"ended_at": BEFORE}),
    ("cancel_run_has_a_cause", CancelRun, {"cause": ""}),
    ("cancel_leg_status_known", CancelLeg, {"status": "DONE"}),
    ("cancel_leg_empty_is_confirmed", CancelLeg, {"confirmed_at": None}),
    ("cancel_leg_empty_is_confirmed", CancelLeg, {"first_empty_at": None}),
    ("cancel_leg_empty_is_confirmed", CancelLeg, {"listed_at": None}),
    ("leg_order_outcome_known", LegOrder, {"outcome": "DONE"}),
    ("leg_order_cancelled_was_asked", LegOrder, {"was_asked": False}),
    ("paper_position_side_known", PaperPosition, {"side": "UP"}),
    ("paper_position_numbers_positive", PaperPosition, {"quantity": Decimal(0)}),
    ("paper_order_side_known", PaperOrder, {"side": "HOLD"}),
    ("paper_order_type_known", PaperOrder, {"type": "PEG"}),
    ("paper_order_numbers_positive", PaperOrder, {"price": Decimal(-1)}),
    ("paper_mark_price_positive", PaperMark, {"price": Decimal(0)}),
    ("paper_entry_verb_known", PaperEntry, {"verb": "LOST"}),
    ("paper_fault_call_known", PaperFault, {"call": "WITHDRAW"}),
    ("paper_fault_kind_known", PaperFault, {"kind": "FIRE"}),
]


@pytest.mark.parametrize(("name", "model", "change"), REFUSED)
@pytest.mark.usefixtures("paper")
def test_a_row_that_must_not_be_is_refused_by_name(
    name: str, model: type[Model], change: dict[str, object]
) -> None:
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        model._default_manager.update(**change)


def test_nothing_is_stored_twice(paper: PaperAccount) -> None:
    leg = leg_of(paper)
    twins = [
        CancelLeg(run=leg.run, account=leg.account, next_attempt_at=NOON, unconfirmed_since=NOON),
        CancelRun(
            portfolio=leg.run.portfolio,
            cause=leg.run.cause,
            keep_reduce_only=False,
            opened_at=NOON + timedelta(seconds=1),
        ),
        PaperBalance(account=paper, asset="USDT", total=Decimal(1)),
        CloseLeg(
            run=other_run(leg), account=leg.account, next_attempt_at=NOON, unconfirmed_since=NOON
        ),
        other_intent(client_id="1", instrument="ETH/USDT:USDT"),
        other_intent(client_id="2"),
        *(copy_of(model) for model in TWINS),
    ]

    for twin in twins:
        with pytest.raises(IntegrityError), transaction.atomic():
            twin.save(force_insert=True)


TWINS = (LegOrder, PaperPosition, PaperMark, CloseRun, CloseLeg, PaperReduction)


def other_run(leg: CancelLeg) -> CloseRun:
    return CloseRun.objects.create(
        portfolio=leg.run.portfolio,
        cause="flatten:1",
        max_mark_age=timedelta(seconds=10),
        is_held=False,
        opened_at=NOON,
    )


def other_intent(**changed: str) -> CloseIntent:
    """Return an order like the one there is: the same client id, or another still unsettled."""
    intent = CloseIntent.objects.get()
    intent.pk, intent.number = None, 2
    for name, value in changed.items():
        setattr(intent, name, value)
    return intent


def copy_of(model: type[Model]) -> Model:
    row = model._default_manager.order_by("pk")[0]
    row.pk = None
    return row
