"""What a trip, the gate, a reset and a person have to do with closing positions."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from breaker.domain.gate import Mode, Reason
from breaker.domain.machine import BreakerState, Cause
from breaker.models import Breaker
from breaker.selectors.flattening import NothingThere, flatten_preview
from breaker.services.flattening import MayNotFlatten, flatten
from breaker.services.gate import MayNotResume, gate_of, pause, resume
from breaker.services.requests import RequestRefused
from breaker.services.tripping import TripFacts, halt, trip
from oms.domain.closing import CloseStatus
from oms.models import CloseLeg, CloseRun, PaperAccount, PaperFault, PaperPosition
from oms.models import PaperCall as Call
from oms.models import PaperFaultKind as Fault
from oms.services import cancelling, closing
from oms.services.feeding import take_snapshot
from oms.services.jobs import crew
from oms.services.paper_setup import PaperSpec, PositionSpec, open_paper_account
from oms.venues import registry
from oms.venues.paper import PaperAdapter
from portfolio import marks
from portfolio.domain.holdings import AccountKind, Side
from portfolio.models import Portfolio
from riskconsole.alerts.models import Alert, Level
from riskconsole.audit.models import AuditEntry
from tests.clock import NOON
from tests.factories import make_account, make_portfolio, mark
from tests.history import check_history
from tests.integration.breaker.approvals import Desk, make_desk

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
BTC_PERP = "BTC/USDT:USDT"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(registry, "PaperAdapter", partial(PaperAdapter, sleep=lambda _: None))
    yield
    crew.dismiss()


def with_perp(portfolio: Portfolio, *, quantity: str = "0.1", slug: str = "perp") -> PaperAccount:
    """Add a paper account that holds a long, read and priced as of NOON."""
    account = make_account(portfolio, slug, venue="paper", kind=AccountKind.MARGIN)
    position = PositionSpec(
        instrument=BTC_PERP,
        side=Side.LONG,
        quantity=Decimal(quantity),
        entry_price=Decimal(60_000),
    )
    spec = PaperSpec(
        seed=None, balances={"USDT": Decimal(10_000)}, positions=(position,), orders=()
    )
    paper = open_paper_account(account=account, spec=spec, now=NOON)
    take_snapshot(account_id=account.pk, now=NOON - timedelta(seconds=1))
    return paper


def price(now: datetime) -> None:
    mark(BTC_PERP, "60000", venue="paper", now=now)
    marks.save_unsaved()


def closing_portfolio() -> Portfolio:
    portfolio = make_portfolio(accounts=())
    Breaker.objects.filter(portfolio=portfolio).update(close_positions=True)
    return portfolio


def halted(portfolio: Portfolio) -> None:
    halt(portfolio_id=portfolio.pk, reason="", actor="test", address="", now=NOON)


def work(seconds: int = 5) -> None:
    """Let the workers go on for some seconds."""
    for second in range(seconds):
        now = NOON + timedelta(seconds=second)
        price(now)
        for leg in cancelling.due_legs(now=now):
            cancelling.send_cancel_leg(leg=leg, now=now, ticks=lambda: 0.0)
        for close in closing.due_closes(now=now):
            closing.send_close_leg(leg=close, now=now, ticks=lambda: 0.0)


class TestTrip:
    def test_it_closes_once_the_orders_are_gone(self) -> None:
        portfolio = closing_portfolio()
        with_perp(portfolio)

        halted(portfolio)

        assert CloseRun.objects.get().is_held
        gate = gate_of(portfolio_id=portfolio.pk, now=NOON)
        assert (gate.mode, gate.may_reduce) == (Mode.HALTED, False)
        assert Reason.CLOSING in gate.reasons
        work()
        assert not PaperPosition.objects.exists()
        assert CloseLeg.objects.get().status == CloseStatus.FLAT
        gate = gate_of(portfolio_id=portfolio.pk, now=NOON)
        assert gate.may_reduce
        assert Reason.CLOSING not in gate.reasons

    def test_it_closes_nothing_where_that_is_off(self) -> None:
        portfolio = make_portfolio(accounts=())
        with_perp(portfolio)
        halted(portfolio)
        work()
        assert not CloseRun.objects.exists()
        assert PaperPosition.objects.exists()
        assert gate_of(portfolio_id=portfolio.pk, now=NOON).may_reduce

    @pytest.mark.parametrize(("cause", "closes"), [(Cause.BLIND, False), (Cause.LOSS, True)])
    def test_a_blind_one_never_closes(self, cause: Cause, closes: bool) -> None:
        portfolio = closing_portfolio()
        with_perp(portfolio)
        breaker = Breaker.objects.select_related("portfolio").get()
        facts = TripFacts(cause=cause, reason="", evidence={"breaches": [], "lines": []})
        assert trip(breaker=breaker, facts=facts, now=NOON)
        halted(portfolio)
        assert CloseRun.objects.exists() is closes
        assert (
            "Then the positions are closed" in Alert.objects.get(level=Level.TRIP).body
        ) is closes


class TestReset:
    @pytest.fixture
    def desk(self) -> Desk:
        desk = make_desk()
        desk.approve(desk.ask_change(limits={"close_positions": True}))
        with_perp(desk.portfolio)
        desk.exceptions = frozenset({"cash", "perp"})
        return desk

    def test_it_waits_for_a_close_that_is_open(self, desk: Desk) -> None:
        desk.halt()
        request = desk.ask()
        with pytest.raises(RequestRefused, match="perp is still being closed"):
            desk.approve(request)

    def test_what_the_console_gave_up_on_is_accepted_by_name(self, desk: Desk) -> None:
        desk.halt()
        CloseLeg.objects.update(status=CloseStatus.NEEDS_HUMAN)
        desk.approve(desk.ask())
        assert desk.state is BreakerState.ACTIVE
        assert CloseLeg.objects.get().is_ended
        assert CloseRun.objects.get().ended_at == desk.now
        assert not Portfolio.objects.get().is_closing
        check_history()


class TestFlatten:
    def flatten(self, portfolio: Portfolio, **only: str) -> CloseRun:
        return flatten(portfolio_id=portfolio.pk, actor="test", address="", now=NOON, **only)

    def test_it_needs_a_halt_or_a_pause(self) -> None:
        portfolio = make_portfolio(accounts=())
        with_perp(portfolio)
        with pytest.raises(MayNotFlatten):
            self.flatten(portfolio)
        assert not CloseRun.objects.exists()

    def test_while_paused_it_closes_and_leaves_the_mode(self) -> None:
        portfolio = make_portfolio(accounts=())
        with_perp(portfolio)
        pause(portfolio_id=portfolio.pk, actor="test", address="", now=NOON)
        run = self.flatten(portfolio)
        assert not gate_of(portfolio_id=portfolio.pk, now=NOON).may_reduce
        work()
        run.refresh_from_db()
        assert run.ended_at
        assert not PaperPosition.objects.exists()
        entry = AuditEntry.objects.get(action="breaker.flatten.began")
        assert (entry.actor, entry.subject) == ("test", run.cause)

    def test_a_pause_does_not_end_while_it_closes(self) -> None:
        desk = make_desk()
        with_perp(desk.portfolio)
        pause(portfolio_id=desk.portfolio.pk, actor="test", address="", now=desk.now)
        self.flatten(desk.portfolio)
        with pytest.raises(MayNotResume, match="being closed"):
            resume(portfolio_id=desk.portfolio.pk, actor="test", address="", now=desk.now)

    def test_the_preview_says_what_it_is_worth_and_what_it_costs_at_worst(self) -> None:
        portfolio = make_portfolio(accounts=("cash",))
        with_perp(portfolio)
        price(NOON)
        preview = flatten_preview(portfolio)
        assert [(row.account, row.name, row.side) for row in preview.rows] == [
            ("perp", BTC_PERP, Side.LONG)
        ]
        assert (preview.notional, preview.worst_cost) == (Decimal(6_000), Decimal(180))
        assert preview.by_hand == ("cash",)

    @pytest.mark.parametrize(
        "only",
        [
            {"account": "nobody"},
            {"account": "cash"},
            {"instrument": "ETH/USDT:USDT"},
            {"account": "other", "instrument": BTC_PERP},
        ],
    )
    def test_what_is_not_there_is_refused(self, only: dict[str, str]) -> None:
        portfolio = make_portfolio(accounts=("cash",))
        with_perp(portfolio)
        make_account(portfolio, "other", venue="paper", kind=AccountKind.MARGIN)
        with pytest.raises(NothingThere):
            flatten_preview(portfolio, **only)


class TestCommand:
    @pytest.fixture
    def portfolio(self) -> Portfolio:
        portfolio = make_portfolio(accounts=())
        with_perp(portfolio)
        price(timezone.now())
        pause(portfolio_id=portfolio.pk, actor="test", address="", now=NOON)
        return portfolio

    @pytest.mark.usefixtures("portfolio")
    def test_it_closes_and_says_so(self, capsys: pytest.CaptureFixture[str]) -> None:
        call_command("flatten", "main", "--confirm", "main")
        said = capsys.readouterr().out
        assert "perp: LONG 0.1 BTC/USDT:USDT, 6000.00 USDT" in said
        assert "Notional 6000.00 USDT, at most 180.00 through the mark, and fees" in said
        assert "perp: FLAT" in said
        assert not PaperPosition.objects.exists()

    @pytest.mark.usefixtures("portfolio")
    @pytest.mark.parametrize(
        "arguments",
        [
            ["nobody", "--confirm", "nobody"],
            ["main"],
            ["main", "--confirm", "side"],
            ["main", "--confirm", "main", "--account", "nobody"],
            ["main", "--confirm", "main", "--instrument", "DOGE/USDT"],
        ],
    )
    def test_bad_input_is_status_2_and_sends_nothing(self, arguments: list[str]) -> None:
        with pytest.raises(CommandError) as error:
            call_command("flatten", *arguments)
        assert error.value.returncode == 2
        assert not CloseRun.objects.exists()

    def test_what_the_trip_closes_already_is_told_as_it_stands(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        portfolio = closing_portfolio()
        with_perp(portfolio)
        halted(portfolio)
        work()
        call_command("flatten", "main", "--confirm", "main")
        said = capsys.readouterr().out
        assert "perp is closed by trip:" in said
        assert "perp: FLAT" in said

    def test_what_trades_is_refused(self) -> None:
        with_perp(make_portfolio(accounts=()))
        with pytest.raises(CommandError) as error:
            call_command("flatten", "main", "--confirm", "main")
        assert error.value.returncode == 2

    def test_what_is_not_flat_in_time_is_status_1(
        self, portfolio: Portfolio, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("breaker.management.commands.flatten.PATIENCE", timedelta(seconds=0.2))
        paper = PaperAccount.objects.get(account__portfolio=portfolio)
        PaperFault.objects.create(
            account=paper, kind=Fault.RETRYABLE, call=Call.SNAPSHOT, remaining=100
        )
        with pytest.raises(CommandError, match="Not flat yet") as error:
            call_command("flatten", "main", "--confirm", "main")
        assert error.value.returncode == 1

    @pytest.mark.usefixtures("portfolio")
    def test_on_a_terminal_the_name_is_asked_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        monkeypatch.setattr("builtins.input", lambda _prompt: "main")
        call_command("flatten", "main")
        assert not PaperPosition.objects.exists()
