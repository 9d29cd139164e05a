from datetime import timedelta
from decimal import Decimal

import pytest
from redis import Redis

from oms.domain.orders import OrderSide, OrderType
from oms.domain.paper import CRASH_STEPS
from oms.models import PaperAccount, PaperMark, PaperPosition
from oms.models import PaperFaultKind as Fault
from oms.services import feeding
from oms.services.paper_setup import PaperSpecRefused, open_paper_account, read_paper_spec
from oms.venues.base import AuthFailed, Retryable
from oms.venues.paper_market import start_crash
from portfolio import marks
from portfolio.domain.holdings import AccountKind, VenueKind
from portfolio.domain.mark_text import MarkKey
from portfolio.models import Balance, Mark, Position, VenueAccount
from portfolio.services.snapshots import StaleSnapshot
from tests.integration.oms.desk import BTC_PERP, BTC_SPOT, NOON, Desk, make_venue

POSITION = {
    "instrument": BTC_PERP,
    "side": "LONG",
    "quantity": "0.1",
    "entry_price": "60000",
}
ORDER = {
    "instrument": BTC_PERP,
    "side": "BUY",
    "type": "LIMIT",
    "quantity": "0.1",
    "price": "55000",
    "reduce_only": False,
}
TABLE = {"seed": 1, "balances": {"USDT": "10000"}, "positions": [POSITION], "orders": [ORDER]}


def set_up(
    desk: Desk, table: dict[str, object], kind: AccountKind = AccountKind.MARGIN
) -> PaperAccount:
    account = VenueAccount.objects.create(
        portfolio=desk.portfolio,
        venue=make_venue("paper", VenueKind.PAPER),
        slug="perp",
        kind=kind,
    )
    spec = read_paper_spec(table, kind=kind)
    return open_paper_account(account=account, spec=spec, now=NOON)


def prices() -> list[Decimal]:
    return list(PaperMark.objects.values_list("price", flat=True))


class TestTakeSnapshot:
    def test_brings_balances_and_positions_to_the_portfolio(self, desk: Desk) -> None:
        paper = set_up(desk, TABLE)

        feeding.take_snapshot(account_id=paper.account_id, now=NOON)

        balance, position = Balance.objects.get(), Position.objects.get()
        assert (balance.asset, balance.total) == ("USDT", Decimal(10000))
        assert (position.instrument, position.quantity) == (BTC_PERP, Decimal("0.1"))
        assert VenueAccount.objects.get().as_of == NOON

    def test_changes_nothing_while_the_market_alone_moves(self, desk: Desk) -> None:
        paper = set_up(desk, TABLE)
        feeding.take_snapshot(account_id=paper.account_id, now=NOON)
        desk.portfolio.refresh_from_db()
        version = desk.portfolio.holdings_version
        PaperMark.objects.update(price=Decimal(61000))

        feeding.take_snapshot(account_id=paper.account_id, now=NOON + timedelta(seconds=2))

        desk.portfolio.refresh_from_db()
        assert desk.portfolio.holdings_version == version

    def test_applies_nothing_when_the_venue_fails(self, desk: Desk) -> None:
        paper = set_up(desk, TABLE)
        desk.fault(paper, Fault.AUTH_FAILED)

        with pytest.raises(AuthFailed):
            feeding.take_snapshot(account_id=paper.account_id, now=NOON)

        assert VenueAccount.objects.get().as_of is None

    def test_a_second_feed_at_the_same_moment_is_refused(self, desk: Desk) -> None:
        paper = set_up(desk, TABLE)
        feeding.take_snapshot(account_id=paper.account_id, now=NOON)

        with pytest.raises(StaleSnapshot):
            feeding.take_snapshot(account_id=paper.account_id, now=NOON)

    def test_one_account_that_fails_is_logged_and_leaves_the_feed_running(
        self, desk: Desk, caplog: pytest.LogCaptureFixture
    ) -> None:
        paper = set_up(desk, TABLE)
        desk.fault(paper, Fault.RETRYABLE)

        feeding.try_snapshot(paper.account_id, NOON)

        assert "has no new snapshot" in caplog.text
        assert Retryable.__name__ not in caplog.text


class TestPollVenues:
    def test_a_seeded_market_moves_once_a_second_and_hands_its_marks_over(
        self, desk: Desk, redis: Redis, sent_tasks: list[object]
    ) -> None:
        set_up(desk, TABLE)

        for milliseconds in (0, 500, 1000):
            feeding.poll_venues(now=NOON + timedelta(milliseconds=milliseconds))

        mark = PaperMark.objects.get()
        key = MarkKey(venue="paper", instrument=BTC_PERP)
        accepted = marks.states([key])[key].accepted
        assert mark.step == 2
        assert accepted is not None
        assert accepted.price == mark.price

    def test_without_a_seed_nothing_moves(
        self, desk: Desk, redis: Redis, sent_tasks: list[object]
    ) -> None:
        set_up(desk, {key: value for key, value in TABLE.items() if key != "seed"})

        feeding.poll_venues(now=NOON)

        assert marks.states() == {}
        assert not PaperMark.objects.exists()

    def test_two_feeds_make_one_walk(
        self, desk: Desk, redis: Redis, sent_tasks: list[object]
    ) -> None:
        set_up(desk, TABLE)

        feeding.poll_venues(now=NOON)
        after_one = prices()
        feeding.poll_venues(now=NOON)

        assert prices() == after_one

    @pytest.mark.parametrize(("mark", "quantity"), [("55000", "0.2"), ("55000.01", "0.1")])
    def test_a_pushed_mark_fills_what_it_crosses(
        self, desk: Desk, redis: Redis, sent_tasks: list[object], mark: str, quantity: str
    ) -> None:
        paper = set_up(desk, {key: value for key, value in TABLE.items() if key != "seed"})
        venue = make_venue("paper", VenueKind.PAPER)
        Mark.objects.create(venue=venue, instrument=BTC_PERP, price=Decimal(mark))

        feeding.poll_venues(now=NOON)

        assert str(PaperPosition.objects.get(account=paper).quantity) == quantity

    def test_a_spot_order_that_cannot_be_paid_expires(
        self, desk: Desk, redis: Redis, sent_tasks: list[object]
    ) -> None:
        paper = desk.account(kind=AccountKind.SPOT, balances={"USDT": "10"})
        desk.place(paper, instrument=BTC_SPOT)
        Mark.objects.create(
            venue=make_venue("paper", VenueKind.PAPER), instrument=BTC_SPOT, price=Decimal(1)
        )

        feeding.poll_venues(now=NOON)

        assert not paper.orders.exists()
        assert [str(row) for row in paper.balances.all()] == ["10 USDT"]

    def test_a_triggered_stop_sell_turns_coins_into_cash(
        self, desk: Desk, redis: Redis, sent_tasks: list[object]
    ) -> None:
        paper = desk.account(kind=AccountKind.SPOT, balances={"BTC": "1", "USDT": "0"})
        desk.place(
            paper,
            instrument=BTC_SPOT,
            side=OrderSide.SELL,
            order_type=OrderType.STOP,
            quantity="1",
        )
        Mark.objects.create(
            venue=make_venue("paper", VenueKind.PAPER), instrument=BTC_SPOT, price=Decimal(54000)
        )

        feeding.poll_venues(now=NOON)

        totals = {row.asset: row.total for row in paper.balances.all()}
        assert totals == {"BTC": 0, "USDT": 54000}


def test_a_crash_falls_by_about_eight_percent_in_thirty_seconds(
    desk: Desk, redis: Redis, sent_tasks: list[object]
) -> None:
    set_up(desk, TABLE)

    fallen = start_crash(portfolio_id=desk.portfolio.pk)
    for second in range(CRASH_STEPS + 5):
        feeding.poll_venues(now=NOON + timedelta(seconds=second))

    assert fallen == 1
    assert Decimal("0.90") < prices()[0] / 60000 < Decimal("0.94")
    assert PaperMark.objects.get().crash_steps == 0


class TestReadPaperSpec:
    def test_reads_the_whole_table(self) -> None:
        spec = read_paper_spec(TABLE, kind=AccountKind.MARGIN)

        assert spec.seed == 1
        assert spec.balances == {"USDT": 10000}
        assert spec.orders[0].price == 55000

    @pytest.mark.parametrize(
        ("table", "field"),
        [
            ({"speed": 1}, "speed"),
            ({"seed": "x"}, "seed"),
            ({"balances": {"USDT": "NaN"}}, "balances.USDT"),
            ({"balances": []}, "balances"),
            ({"positions": [POSITION | {"quantity": "0"}]}, "positions[0].quantity"),
            ({"positions": [POSITION | {"side": "UP"}]}, "positions[0].side"),
            ({"positions": [POSITION | {"instrument": "BTC/USDT"}]}, "positions[0].instrument"),
            ({"positions": [POSITION | {"instrument": "BTC"}]}, "positions[0].instrument"),
            ({"positions": [POSITION, POSITION]}, "positions[1]"),
            ({"orders": [ORDER | {"instrument": "BTC/USD:BTC"}]}, "orders[0].instrument"),
            ({"orders": [ORDER, ORDER | {"type": "ICEBERG"}]}, "orders[1].type"),
            ({"orders": [ORDER | {"reduce_only": "yes"}]}, "orders[0].reduce_only"),
            ({"orders": [ORDER | {"note": "x"}]}, "orders[0].note"),
            ({"orders": ["x"]}, "orders[0]"),
            ({"orders": {}}, "orders"),
        ],
    )
    def test_names_the_key_that_is_wrong(self, table: dict[str, object], field: str) -> None:
        with pytest.raises(PaperSpecRefused) as refusal:
            read_paper_spec(table, kind=AccountKind.MARGIN)

        assert refusal.value.field == field

    def test_refuses_positions_on_a_spot_account(self) -> None:
        with pytest.raises(PaperSpecRefused, match=r"positions\[0\] is on a spot account"):
            read_paper_spec({"positions": [POSITION]}, kind=AccountKind.SPOT)

    def test_opens_a_market_for_each_coin_of_a_seeded_spot_account(self, desk: Desk) -> None:
        set_up(desk, {"seed": 3, "balances": {"BTC": "1", "USDT": "10"}}, kind=AccountKind.SPOT)

        assert [mark.instrument for mark in PaperMark.objects.all()] == [BTC_SPOT]
