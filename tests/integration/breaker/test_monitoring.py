import json
from decimal import Decimal

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from redis import Redis, RedisError

from breaker.domain.evidence import evidence_hash
from breaker.domain.gate import Mode, Reason
from breaker.domain.machine import BreakerState, Cause
from breaker.models import Breaker, Trip
from breaker.services import monitoring, tripping
from breaker.services.desk import desks
from breaker.services.gate import gate_of
from breaker.triggers import TRIGGERS as BREAKER_TRIGGERS
from oms.models import CancelLeg
from portfolio import marks
from portfolio.domain.quality import Health
from portfolio.models import EquityPoint, Evaluation, Portfolio, VenueAccount
from portfolio.services.snapshots import apply_snapshot
from riskconsole import triggers
from riskconsole.alerts.models import Alert
from riskconsole.audit.models import AuditEntry
from tests.clock import NOON, after
from tests.factories import make_account, make_portfolio, mark, push

pytestmark = pytest.mark.django_db


def state_of(portfolio: Portfolio) -> str:
    return Breaker.objects.get(portfolio=portfolio).state


class TestTheLossLimit:
    def test_a_loss_of_exactly_five_per_cent_trips(self) -> None:
        portfolio = make_portfolio()
        push(portfolio, {"USDT": "10000"})

        push(portfolio, {"USDT": "9500.00"}, now=after(1))

        trip = Trip.objects.get()
        assert state_of(portfolio) == BreakerState.TRIGGERED
        assert (trip.cause, trip.equity) == (Cause.LOSS, Decimal("9500"))
        assert trip.loss_ratio == Decimal("0.05")

    def test_a_cent_less_does_not_trip_but_warns(self) -> None:
        portfolio = make_portfolio()
        push(portfolio, {"USDT": "10000"})

        push(portfolio, {"USDT": "9500.01"}, now=after(1))

        assert state_of(portfolio) == BreakerState.WARNING
        assert Alert.objects.get().level == "WARNING"

    def test_the_same_asset_on_two_accounts_adds_up(self) -> None:
        portfolio = make_portfolio(accounts=("one", "two"))
        push(portfolio, {"USDT": "5000"}, account="one")
        push(portfolio, {"USDT": "5000"}, account="two")
        assert Evaluation.objects.get().equity == Decimal(10000)

        push(portfolio, {"USDT": "4500"}, account="two", now=after(1))

        assert state_of(portfolio) == BreakerState.TRIGGERED

    def test_nothing_pushed_yet_does_not_trip(self) -> None:
        portfolio = make_portfolio()

        monitoring.sweep(now=NOON)

        assert state_of(portfolio) == BreakerState.ACTIVE
        assert gate_of(portfolio_id=portfolio.pk, now=NOON).health is Health.ARMING

    def test_an_emptied_book_trips_after_it_was_armed(self) -> None:
        portfolio = make_portfolio()
        push(portfolio, {"USDT": "10000"})

        push(portfolio, {}, now=after(1))

        assert Trip.objects.get().equity == Decimal(0)

    def test_the_first_complete_valuation_trips_if_it_is_beyond_the_limit(self) -> None:
        portfolio = make_portfolio()

        push(portfolio, {"USDT": "9000"})

        assert state_of(portfolio) == BreakerState.TRIGGERED

    def test_a_price_that_falls_trips_through_the_dirty_set(self) -> None:
        portfolio = make_portfolio()
        mark("BTC/USDT", "50000")
        push(portfolio, {"BTC": "0.2"})
        assert state_of(portfolio) == BreakerState.ACTIVE

        mark("BTC/USDT", "47500", now=after(1))
        monitoring.drain(now=after(1))

        assert state_of(portfolio) == BreakerState.TRIGGERED

    def test_without_a_capital_nothing_is_protected_and_nothing_trips(self) -> None:
        portfolio = make_portfolio(capital=None)
        push(portfolio, {"USDT": "10000"})

        push(portfolio, {"USDT": "1"}, now=after(1))

        gate = gate_of(portfolio_id=portfolio.pk, now=after(1))
        assert state_of(portfolio) == BreakerState.ACTIVE
        assert (gate.mode, gate.reasons) == (Mode.HALTED, (Reason.NOT_PROTECTED,))


class TestAWarning:
    def test_it_clears_only_after_ten_seconds_below_the_hysteresis(self) -> None:
        portfolio = make_portfolio()
        push(portfolio, {"USDT": "10000"})
        push(portfolio, {"USDT": "9700"}, now=after(1))
        assert state_of(portfolio) == BreakerState.WARNING

        push(portfolio, {"USDT": "9725"}, now=after(2))
        push(portfolio, {"USDT": "9725"}, now=after(20))
        assert state_of(portfolio) == BreakerState.WARNING
        push(portfolio, {"USDT": "9725.01"}, now=after(21))
        push(portfolio, {"USDT": "9725.01"}, now=after(30.9))
        assert state_of(portfolio) == BreakerState.WARNING
        push(portfolio, {"USDT": "9725.01"}, now=after(31))

        assert state_of(portfolio) == BreakerState.ACTIVE

    def test_an_evaluation_that_loses_its_race_to_a_warning_still_trips(self) -> None:
        portfolio = make_portfolio()
        push(portfolio, {"USDT": "10000"})
        breaker = Breaker.objects.select_related("portfolio").get()
        Breaker.objects.update(state=BreakerState.WARNING)

        facts = tripping.TripFacts(cause=Cause.LOSS, reason="", evidence={})
        trips = tripping.trip(breached=[(breaker, facts)], now=after(1))

        assert trips == [Trip.objects.get()]


class TestATrip:
    def test_its_legs_alert_and_entry_commit_with_it(
        self, sent_tasks: list[tuple[str, dict[str, object]]]
    ) -> None:
        portfolio = make_portfolio()
        make_account(portfolio, "perp", venue="paper")
        push(portfolio, {"USDT": "5000"}, account="perp")
        push(portfolio, {"USDT": "5000"})

        push(portfolio, {"USDT": "1"}, now=after(1))

        trip = Trip.objects.get()
        assert set(CancelLeg.objects.values_list("account__slug", "status")) == {
            ("cash", "NOT_CONNECTED"),
            ("perp", "PENDING"),
        }
        assert Alert.objects.get(level="TRIP").cause == f"trip:{trip.pk}"
        entry = AuditEntry.objects.get(action="breaker.trip.happened")
        assert entry.subject == f"trip:{trip.pk}"

    def test_a_failure_on_the_way_rolls_all_of_it_back(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        portfolio = make_portfolio()
        push(portfolio, {"USDT": "10000"})

        def explode(**_anything: object) -> None:
            raise RuntimeError

        monkeypatch.setattr(tripping, "raise_alert", explode)
        with pytest.raises(RuntimeError):
            push(portfolio, {"USDT": "1"}, now=after(1))

        assert state_of(portfolio) == BreakerState.ACTIVE
        assert not Trip.objects.exists()
        assert not AuditEntry.objects.filter(action="breaker.trip.happened").exists()

    def test_it_happens_once_and_later_halts_are_appended(self) -> None:
        portfolio = make_portfolio()
        push(portfolio, {"USDT": "10000"})
        push(portfolio, {"USDT": "9000"}, now=after(1))
        version = Breaker.objects.get().version

        push(portfolio, {"USDT": "8000"}, now=after(2))
        again = tripping.halt(
            portfolio_id=portfolio.pk, reason="Stop", actor="command", address="", now=after(3)
        )

        assert Trip.objects.get() == again
        assert again.equity == Decimal(9000)
        assert Breaker.objects.get().version == version + 1
        assert again.events.get(kind="HALT").reason == "Stop"

    def test_a_breach_it_has_is_not_looked_up_again(self) -> None:
        portfolio = make_portfolio()
        Breaker.objects.update(is_rebased=True)
        push(portfolio, {"USDT": "10000"})
        push(portfolio, {"USDT": "9000"}, now=after(1))

        with CaptureQueriesContext(connection) as known:
            monitoring.evaluate(portfolio_ids=[portfolio.pk], now=after(2))
        with CaptureQueriesContext(connection) as news:
            push(portfolio, {"USDT": "8000"}, now=after(3))

        assert not [query for query in known if "breaker_trip" in query["sql"]]
        assert [query for query in news if "breaker_tripevent" in query["sql"]]
        assert Trip.objects.get().events.get().reason == Cause.FLOOR

    def test_its_first_statement_decides_the_race(self) -> None:
        portfolio = make_portfolio()
        push(portfolio, {"USDT": "10000"})
        breaker = Breaker.objects.select_related("portfolio").get()
        facts = tripping.TripFacts(cause=Cause.LOSS, reason="", evidence={})

        with CaptureQueriesContext(connection) as queries:
            tripping.trip(breached=[(breaker, facts)], now=after(1))

        first, *others = (
            query["sql"] for query in queries if "SAVEPOINT" not in query["sql"].upper()
        )
        assert first.startswith('UPDATE "breaker_breaker"')
        assert len(others) == 10

    def test_the_gate_is_shut_at_once(self) -> None:
        portfolio = make_portfolio()
        push(portfolio, {"USDT": "10000"})
        assert gate_of(portfolio_id=portfolio.pk, now=NOON).mode is Mode.FULL

        push(portfolio, {"USDT": "9500"}, now=after(1))

        gate = gate_of(portfolio_id=portfolio.pk, now=after(1))
        assert (gate.mode, gate.may_trade, gate.may_reduce) == (Mode.HALTED, False, True)


class TestQuantities:
    def test_a_breach_that_only_a_venues_snapshot_explains_waits_for_the_next_one(self) -> None:
        portfolio = make_portfolio(accounts=())
        make_account(portfolio, "spot", venue="paper")
        push(portfolio, {"USDT": "10000"}, account="spot")

        push(portfolio, {"USDT": "9000"}, account="spot", now=after(5))
        gate = gate_of(portfolio_id=portfolio.pk, now=after(5))
        assert state_of(portfolio) == BreakerState.WARNING
        assert (gate.mode, gate.reasons) == (Mode.PAUSED, (Reason.QUANTITY_BREACH,))

        push(portfolio, {"USDT": "9000"}, account="spot", now=after(6))
        assert state_of(portfolio) == BreakerState.TRIGGERED

    def test_it_passes_when_the_next_snapshot_is_whole_again(self) -> None:
        portfolio = make_portfolio(accounts=())
        make_account(portfolio, "spot", venue="paper")
        push(portfolio, {"USDT": "10000"}, account="spot")

        push(portfolio, {"USDT": "9000"}, account="spot", now=after(5))
        push(portfolio, {"USDT": "10000"}, account="spot", now=after(6))

        assert gate_of(portfolio_id=portfolio.pk, now=after(6)).mode is Mode.FULL

    def test_it_trips_after_fifteen_seconds_without_another_snapshot(self) -> None:
        portfolio = make_portfolio(accounts=())
        make_account(portfolio, "spot", venue="paper")
        push(portfolio, {"USDT": "10000"}, account="spot")
        push(portfolio, {"USDT": "9000"}, account="spot", now=after(5))

        monitoring.evaluate(portfolio_ids=[portfolio.pk], now=after(19.9))
        assert state_of(portfolio) == BreakerState.WARNING
        monitoring.evaluate(portfolio_ids=[portfolio.pk], now=after(20))

        assert state_of(portfolio) == BreakerState.TRIGGERED

    def test_a_manual_line_without_a_price_gets_fifteen_seconds(self) -> None:
        portfolio = make_portfolio()
        push(portfolio, {"USDT": "10000"})

        push(portfolio, {"USDT": "4000", "SOL": "50"}, now=after(1))
        assert state_of(portfolio) == BreakerState.WARNING
        monitoring.evaluate(portfolio_ids=[portfolio.pk], now=after(16))

        assert state_of(portfolio) == BreakerState.TRIGGERED


class TestBlindness:
    def test_it_pauses_the_gate_and_trips_after_five_minutes(self) -> None:
        portfolio = make_portfolio()
        mark("BTC/USDT", "50000")
        push(portfolio, {"BTC": "0.2"})

        for second in range(1, 41):
            monitoring.sweep(now=after(second))
        gate = gate_of(portfolio_id=portfolio.pk, now=after(40))
        assert gate.mode is Mode.FULL
        for second in range(41, 341):
            monitoring.sweep(now=after(second))
        assert gate_of(portfolio_id=portfolio.pk, now=after(340)).reasons == (Reason.BLIND,)
        monitoring.sweep(now=after(341))

        assert Trip.objects.get().cause == Cause.BLIND

    def test_no_finished_evaluation_for_thirty_seconds_is_blind(self) -> None:
        portfolio = make_portfolio()
        push(portfolio, {"USDT": "10000"})

        assert gate_of(portfolio_id=portfolio.pk, now=after(29.9)).mode is Mode.FULL
        assert gate_of(portfolio_id=portfolio.pk, now=after(30)).reasons == (Reason.BLIND,)


class TestTheRow:
    def test_each_second_leaves_one_point(self) -> None:
        portfolio = make_portfolio()
        push(portfolio, {"USDT": "10000"})
        push(portfolio, {"USDT": "9990"}, now=after(0.5))
        push(portfolio, {"USDT": "9995"}, now=after(1.6))

        points = EquityPoint.objects.filter(portfolio=portfolio).order_by("at")
        assert [point.at for point in points] == [NOON, after(1)]

    def test_an_evaluation_that_another_one_overtook_writes_nothing(self) -> None:
        portfolio = make_portfolio()
        push(portfolio, {"USDT": "10000"})
        readings = monitoring._look(portfolio_ids=[portfolio.pk], now=after(1))
        Evaluation.objects.update(number=99)

        assert monitoring._commit(readings) == [portfolio.pk]
        assert Evaluation.objects.get().number == 99


def test_nothing_is_armed_in_a_database_that_lost_a_refusal() -> None:
    triggers.remove(connection, BREAKER_TRIGGERS[:1])
    portfolio = make_portfolio()

    push(portfolio, {"USDT": "10000"})

    gate = gate_of(portfolio_id=portfolio.pk, now=NOON)
    assert (gate.health, gate.may_trade) == (Health.ARMING, False)


def test_a_portfolio_whose_holdings_changed_since_they_were_valued_is_not_armed_yet() -> None:
    portfolio = make_portfolio()
    account = VenueAccount.objects.get()
    apply_snapshot(
        account_id=account.pk, balances={"USDT": Decimal(10000)}, positions=[], as_of=NOON, now=NOON
    )
    readings = monitoring._look(portfolio_ids=[portfolio.pk], now=after(1))
    make_account(portfolio, "late")
    Portfolio.objects.update(holdings_version=F("holdings_version") + 1)

    assert monitoring._commit(readings) == [portfolio.pk]

    portfolio.refresh_from_db()
    assert portfolio.armed_at is None
    assert not AuditEntry.objects.filter(action="breaker.arming.completed").exists()


def test_a_loss_after_a_halt_is_appended_once_and_told() -> None:
    portfolio = make_portfolio()
    push(portfolio, {"USDT": "10000"})
    tripping.halt(portfolio_id=portfolio.pk, reason="", actor="command", address="", now=after(1))

    push(portfolio, {"USDT": "9000"}, now=after(2))
    push(portfolio, {"USDT": "8000"}, now=after(4))

    assert Trip.objects.get().events.get().reason == Cause.LOSS
    assert AuditEntry.objects.filter(action="breaker.breach.appended").count() == 1


def test_the_log_binds_the_evidence_of_a_trip() -> None:
    portfolio = make_portfolio()
    push(portfolio, {"USDT": "10000"})
    push(portfolio, {"USDT": "9000"}, now=after(1))

    trip = Trip.objects.get()
    entry = AuditEntry.objects.get(action="breaker.trip.happened")
    assert json.loads(entry.payload)["evidence_hash"] == evidence_hash(trip.evidence)


def test_late_portfolios_are_evaluated_a_few_at_a_time() -> None:
    portfolios = [make_portfolio(slug=f"book-{number}") for number in range(6)]

    first, second = monitoring.late(now=NOON)

    assert len(first) == monitoring.AT_ONCE
    assert first + second == [portfolio.pk for portfolio in portfolios]


class TestAPriceThatIsGone:
    def test_a_look_at_older_marks_decides_nothing(self, redis: Redis) -> None:
        portfolio = make_portfolio()
        mark("BTC/USDT", "50000")
        push(portfolio, {"BTC": "0.2"})
        number = Evaluation.objects.get().number
        desks.forget()
        redis.hdel(marks.MARKS, "manual|BTC/USDT")

        monitoring.evaluate(portfolio_ids=[portfolio.pk], now=after(1))

        assert state_of(portfolio) == BreakerState.ACTIVE
        assert Evaluation.objects.get().number == number

    def test_without_redis_a_lagging_database_takes_no_price_back(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        view = marks.View()
        mark("BTC/USDT", "50000")
        marks.save_unsaved()
        mark("BTC/USDT", "51000", now=after(1))
        view.refresh()

        def refuse(*_anything: object) -> None:
            raise RedisError

        monkeypatch.setattr(marks, "_mark_texts", refuse)
        changed = view.refresh()

        (state,) = view.states.values()
        assert changed == []
        assert state.accepted is not None
        assert state.accepted.price == Decimal(51000)

    def test_a_line_that_never_had_a_price_gets_fifteen_seconds_without_an_earlier_snapshot(
        self,
    ) -> None:
        portfolio = make_portfolio()
        push(portfolio, {"USDT": "10000"})
        VenueAccount.objects.update(previous=None)
        push(portfolio, {"SOL": "50"}, now=after(1))
        VenueAccount.objects.update(previous=None)
        desks.forget()

        monitoring.evaluate(portfolio_ids=[portfolio.pk], now=after(15.9))
        assert state_of(portfolio) == BreakerState.WARNING
        monitoring.evaluate(portfolio_ids=[portfolio.pk], now=after(16))

        assert state_of(portfolio) == BreakerState.TRIGGERED


def test_what_was_worth_a_part_before_it_was_armed_is_no_point_of_the_chart() -> None:
    portfolio = make_portfolio(accounts=("cash", "coins"))
    push(portfolio, {"USDT": "4000"}, now=NOON)
    push(portfolio, {"USDT": "6000"}, account="coins", now=after(1))

    point = EquityPoint.objects.get(portfolio=portfolio)
    assert (point.low, point.high) == (Decimal(10000), Decimal(10000))
