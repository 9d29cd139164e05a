"""The database refuses what must never be stored, whoever writes it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.db.models import Model

from oms.models import (
    CancelLeg,
    CancelRun,
    LegOrder,
    PaperAccount,
    PaperBalance,
    PaperEntry,
    PaperFault,
    PaperFaultKind,
    PaperMark,
    PaperOrder,
    PaperPosition,
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
    return paper


REFUSED = [
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
        *(copy_of(model) for model in (LegOrder, PaperPosition, PaperMark)),
    ]

    for twin in twins:
        with pytest.raises(IntegrityError), transaction.atomic():
            twin.save(force_insert=True)


def copy_of(model: type[Model]) -> Model:
    row = model._default_manager.get()
    row.pk = None
    return row
