from datetime import datetime
from decimal import Decimal

import pytest

from breaker.selectors.references import References
from tests.clock import NOON, after

REFERENCES = References(
    resets=(after(60), after(120)),
    former=(Decimal(10_000), Decimal(9_400)),
    present=Decimal(9_000),
)


@pytest.mark.parametrize(
    ("moment", "reference"),
    [
        (NOON, 10_000),
        (after(59), 10_000),
        (after(60), 9_400),
        (after(119), 9_400),
        (after(120), 9_000),
        (after(999), 9_000),
    ],
)
def test_the_reference_of_a_moment_is_the_one_until_the_next_reset(
    moment: datetime, reference: int
) -> None:
    assert REFERENCES.at(moment) == reference


def test_a_loss_before_a_re_base_stays_a_loss_after_it() -> None:
    assert REFERENCES.change_percent(Decimal(9_400), at=after(30)) == Decimal(-6)
    assert REFERENCES.change_percent(Decimal(9_400), at=after(90)) == 0
