from datetime import datetime
from decimal import Decimal

import pytest

from portfolio.domain.holdings import Side
from portfolio.domain.outliers import Held, HeldSide
from portfolio.domain.prices import Mark
from portfolio.domain.quality import (
    LONG_AGO,
    NEVER,
    Health,
    Quality,
    QualityLimits,
    assess,
    health_at,
)
from portfolio.domain.valuation import Book
from tests.unit.portfolio.books import (
    AT,
    MANUAL,
    account,
    balance,
    book,
    margin,
    mark,
    position,
    seconds,
)

LIMITS = QualityLimits(
    max_mark_age=seconds(10), max_snapshot_age=seconds(60), blind_trip_after=seconds(300)
)
INSTANT = seconds(0.000001)
BY_HAND = (account(venue=MANUAL),)


def look(
    found: Book,
    *,
    after: float = 0,
    armed_at: datetime | None = AT,
    held: tuple[Held, ...] = (),
    limits: QualityLimits = LIMITS,
) -> Quality:
    return assess(book=found, limits=limits, now=AT + seconds(after), armed_at=armed_at, held=held)


def by_hand(btc: str, *, usdt: str = "0", marks: tuple[Mark, ...] | None = None) -> Book:
    marks = (mark("BTC/USDT", "100"),) if marks is None else marks
    return book(balance("BTC", btc), balance("USDT", usdt), accounts=BY_HAND, marks=marks)


class TestArming:
    def test_until_the_first_complete_valuation(self) -> None:
        assert look(by_hand("1", marks=()), armed_at=None).health is Health.ARMING
        assert look(by_hand("1"), armed_at=None).health is Health.OK

    def test_it_never_comes_back(self) -> None:
        assert look(by_hand("1", marks=()), armed_at=AT).health is Health.DEGRADED


class TestFresh:
    def test_a_mark_is_fresh_to_the_last_moment_of_its_age(self) -> None:
        assert look(by_hand("1"), after=10).health is Health.OK
        assert look(by_hand("1"), after=10.000001).health is Health.DEGRADED

    def test_fresh_until_says_when_it_ends(self) -> None:
        found = look(by_hand("1"))

        assert found.fresh_until == AT + seconds(10)
        assert found.blind_from == AT + seconds(40) + INSTANT

    def test_hand_kept_cash_does_not_age(self) -> None:
        found = look(by_hand("0", usdt="1000"), after=1e6)

        assert (found.health, found.fresh_until, found.blind_from) == (Health.OK, NEVER, NEVER)
        assert found.fresh_ratio == 1

    def test_what_the_venue_feeds_ages_with_its_snapshot_cash_too(self) -> None:
        cash = book(balance("USDT", "1000"))

        assert look(cash, after=60).health is Health.OK
        late = look(cash, after=60.000001)
        assert (late.health, late.stale) == (Health.DEGRADED, ("kraken-1 USDT",))
        assert late.fresh_until == AT + seconds(60)

    def test_an_empty_venue_fed_account_ages_too(self) -> None:
        assert look(book(), after=60).health is Health.OK
        assert look(book(), after=61).health is Health.DEGRADED

    def test_a_snapshot_that_changed_nothing_keeps_its_account_fresh(self) -> None:
        found = book(
            balance("USDT", "1000"),
            balance("BTC", "1"),
            marks=(mark("BTC/USDT", "100", at=AT + seconds(100)),),
        )
        assert look(found, after=100).health is Health.BLIND

        found.note_snapshots({1: AT + seconds(50)})

        noted = look(found, after=100)
        assert (noted.health, noted.stale) == (Health.OK, ())
        assert noted.fresh_until == AT + seconds(110)

    @pytest.mark.parametrize(("old", "health"), [("1", Health.OK), ("1.0001", Health.DEGRADED)])
    def test_one_percent_of_gross_exposure_may_be_stale(self, old: str, health: Health) -> None:
        # Cash keeps the stale line far below 0.5 % of the equity.
        found = book(
            balance("BTC", "99"),
            balance("ETH", old),
            balance("USDT", "1000000"),
            accounts=BY_HAND,
            marks=(mark("BTC/USDT", "1"), mark("ETH/USDT", "1", at=AT - seconds(11))),
        )

        assert look(found).health is health

    @pytest.mark.parametrize(("old", "health"), [("0.5", Health.OK), ("0.500001", Health.DEGRADED)])
    def test_no_stale_line_may_be_over_half_a_percent_of_equity(
        self, old: str, health: Health
    ) -> None:
        hedge = Decimal(100) - Decimal("0.5")
        found = book(
            balance("BTC", str(hedge)),
            balance("ETH", old),
            accounts=BY_HAND,
            marks=(mark("BTC/USDT", "1"), mark("ETH/USDT", "1", at=AT - seconds(11))),
        )

        assert look(found).health is health

    def test_without_equity_every_stale_line_is_too_much(self) -> None:
        found = book(
            balance("BTC", "1000"),
            balance("ETH", "1"),
            balance("USDT", "-100000"),
            accounts=BY_HAND,
            marks=(mark("BTC/USDT", "1"), mark("ETH/USDT", "1", at=AT - seconds(11))),
        )

        assert look(found).health is Health.DEGRADED

    def test_a_path_is_as_old_as_its_oldest_mark(self) -> None:
        found = book(
            balance("ALT", "1"),
            accounts=BY_HAND,
            marks=(mark("ALT/BTC", "1"), mark("BTC/USDT", "100", at=AT - seconds(4))),
        )

        assert look(found).fresh_until == AT + seconds(6)

    def test_a_missing_price_is_not_fine(self) -> None:
        found = look(by_hand("1", marks=()))

        assert (found.health, found.missing) == (Health.DEGRADED, ("manual-1 BTC",))
        assert found.fresh_until == LONG_AGO


class TestBlind:
    def test_a_fifth_of_gross_exposure_may_be_long_past_its_age(self) -> None:
        def split(old: str) -> Book:
            return book(
                balance("BTC", "80"),
                balance("ETH", old),
                balance("USDT", "1000000"),
                accounts=BY_HAND,
                marks=(
                    mark("BTC/USDT", "1", at=AT + seconds(1000)),
                    mark("ETH/USDT", "1"),
                ),
            )

        assert look(split("20"), after=1000).health is Health.DEGRADED
        assert look(split("20.0001"), after=1000).health is Health.BLIND

    def test_it_takes_more_than_thirty_seconds_past_the_age(self) -> None:
        assert look(by_hand("1"), after=40).health is Health.DEGRADED
        assert look(by_hand("1"), after=40.000001).health is Health.BLIND

    def test_an_old_snapshot_counts_from_itself(self) -> None:
        found = book(balance("BTC", "1"), marks=(mark("BTC/USDT", "100", at=AT + seconds(90)),))

        assert look(found, after=90).health is Health.DEGRADED
        assert look(found, after=90.000001).health is Health.BLIND

    @pytest.mark.parametrize(("old", "health"), [("5", Health.DEGRADED), ("5.01", Health.BLIND)])
    def test_a_line_over_five_percent_of_equity_may_not_be_old_for_five_minutes(
        self, old: str, health: Health
    ) -> None:
        after = 10 + 300 + 0.000001
        found = book(
            balance("BTC", str(100 - Decimal(old))),
            balance("ETH", old),
            accounts=BY_HAND,
            marks=(mark("BTC/USDT", "1", at=AT + seconds(310)), mark("ETH/USDT", "1")),
        )

        assert look(found, after=after).health is health
        assert look(found, after=310).health is Health.DEGRADED

    def test_a_short_without_a_price_is_blind_at_once_and_a_long_is_not(self) -> None:
        def side(side: Side) -> Quality:
            line = position("BTC/USDT:USDT", side, "1", "100")
            return look(book(line, accounts=(margin(),)))

        assert (side(Side.SHORT).health, side(Side.LONG).health) == (
            Health.BLIND,
            Health.DEGRADED,
        )
        assert side(Side.SHORT).owed == ("kraken-1 BTC/USDT:USDT SHORT",)

    def test_a_debt_without_a_price_is_blind_at_once(self) -> None:
        assert look(by_hand("-1", marks=())).health is Health.BLIND


class TestHealthAt:
    @staticmethod
    def at(after: float, *, armed_at: datetime | None = AT, fresh: float = 10) -> Health:
        return health_at(
            now=AT + seconds(after),
            armed_at=armed_at,
            finished_at=AT,
            fresh_until=AT + seconds(fresh),
            blind_from=AT + seconds(25),
        )

    def test_it_is_a_function_of_the_row_and_the_moment(self) -> None:
        assert self.at(10) is Health.OK
        assert self.at(10.000001) is Health.DEGRADED
        assert self.at(24.999999) is Health.DEGRADED
        assert self.at(25) is Health.BLIND
        assert self.at(25, armed_at=None) is Health.ARMING

    def test_without_a_finished_evaluation_for_thirty_seconds_it_is_blind(self) -> None:
        def at(after: float) -> Health:
            return health_at(
                now=AT + seconds(after),
                armed_at=AT,
                finished_at=AT,
                fresh_until=NEVER,
                blind_from=NEVER,
            )

        assert at(29.999999) is Health.OK
        assert at(30) is Health.BLIND

    def test_an_armed_portfolio_without_any_evaluation_is_blind(self) -> None:
        health = health_at(
            now=AT, armed_at=AT, finished_at=None, fresh_until=NEVER, blind_from=NEVER
        )

        assert health is Health.BLIND


class TestHolds:
    @staticmethod
    def held(price: str, *, at: float = 0, side: HeldSide = HeldSide.BELOW) -> Held:
        return Held(mark=mark("BTC/USDT", price, at=AT + seconds(at)), side=side)

    def test_after_three_seconds_the_worse_value_counts(self) -> None:
        worse = (self.held("50"),)

        assert look(by_hand("1"), after=2.999999, held=worse).conservative_equity == 100
        assert look(by_hand("1"), after=3, held=worse).conservative_equity == 50

    def test_a_better_value_never_counts(self) -> None:
        better = (self.held("200", side=HeldSide.ABOVE),)

        assert look(by_hand("1"), after=3, held=better).conservative_equity == 100

    @pytest.mark.parametrize(("usdt", "is_material"), [("9900", True), ("9901", False)])
    def test_a_hold_is_material_from_half_a_percent_of_equity(
        self, usdt: str, *, is_material: bool
    ) -> None:
        found = look(by_hand("1", usdt=usdt), held=(self.held("50"),))

        assert found.material_holds == (("kraken BTC/USDT",) if is_material else ())

    def test_a_first_mark_that_waits_moves_nothing(self) -> None:
        found = look(by_hand("1"), after=3, held=(self.held("1", side=HeldSide.FIRST),))

        assert (found.material_holds, found.conservative_equity) == ((), Decimal(100))

    def test_real_equity_never_takes_part(self) -> None:
        found = by_hand("1")

        look(found, after=3, held=(self.held("50"),))

        assert found.equity == 100
