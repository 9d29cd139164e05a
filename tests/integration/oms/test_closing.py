from decimal import Decimal

import pytest

from oms.domain.closing import CloseStatus, IntentState
from oms.models import CloseIntent
from tests.integration.oms.closing_desk import (
    ClosingDesk,
    close_status_of,
    position_of,
)
from tests.integration.oms.desk import actions


@pytest.fixture
def closing_desk(db: None) -> ClosingDesk:
    return ClosingDesk()


def test_a_long_position_is_sold_to_flat_by_one_order(closing_desk: ClosingDesk) -> None:
    paper = closing_desk.account(long="0.35")
    closing_desk.trip()
    closing_desk.close()

    closing_desk.work(seconds=5)

    assert position_of(paper) == 0
    assert close_status_of(paper) is CloseStatus.FLAT
    intent = CloseIntent.objects.get()
    assert (intent.state, intent.filled) == (IntentState.FILLED, Decimal("0.35"))
    assert actions().count("oms.close_intent.sent") == 1
