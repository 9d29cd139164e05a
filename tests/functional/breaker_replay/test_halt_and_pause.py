"""The commands `halt` and `pause` need nothing but the database, and say what became of each."""

from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command

from breaker.domain.gate import Mode
from breaker.domain.machine import BreakerState, Cause
from breaker.models import Breaker, Trip
from breaker.services.gate import gate_of
from oms.models import CancelRun
from portfolio.models import Portfolio
from riskconsole.audit.models import AuditEntry
from tests.clock import NOON
from tests.factories import make_disabled, make_portfolio

pytestmark = pytest.mark.django_db


def status_of(*arguments: str) -> int:
    with pytest.raises(CommandError) as error:
        call_command(*arguments)
    return error.value.returncode


def test_halt_trips_one_portfolio_and_no_other() -> None:
    make_portfolio("main")
    make_portfolio("side")

    call_command("halt", "main", "--reason", "the feed looks wrong")

    trip = Trip.objects.get()
    assert (trip.cause, trip.reason, trip.actor) == (Cause.HALT, "the feed looks wrong", "command")
    assert CancelRun.objects.get().cause == f"trip:{trip.pk}"
    states = dict(Breaker.objects.values_list("portfolio__slug", "state"))
    assert states == {"main": BreakerState.TRIGGERED, "side": BreakerState.ACTIVE}


def test_a_second_halt_is_appended_to_the_trip_and_changes_the_version() -> None:
    make_portfolio()
    call_command("halt", "main")
    version = Breaker.objects.get().version

    call_command("halt", "main", "--reason", "again")

    event = Trip.objects.get().events.get()
    assert (event.reason, event.actor) == ("again", "command")
    assert Breaker.objects.get().version == version + 1


def test_halt_all_halts_a_portfolio_in_every_state() -> None:
    make_portfolio("a")
    Breaker.objects.filter(portfolio=make_portfolio("b")).update(state="WARNING")
    make_disabled(make_portfolio("c"), until=datetime(2100, 1, 1, tzinfo=UTC))
    make_portfolio("d", capital=None)  # not protected

    call_command("halt", "--all")

    assert set(Breaker.objects.values_list("state", flat=True)) == {BreakerState.TRIGGERED}
    assert Trip.objects.count() == 4


def test_one_portfolio_that_cannot_be_halted_stops_no_other(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Portfolio.objects.create(slug="broken", name="Without a breaker", reference_currency="USDT")
    make_portfolio("main")
    make_portfolio("after")

    with pytest.raises(CommandError, match="Not halted: broken") as error:
        call_command("halt", "--all")

    assert error.value.returncode == 1
    assert Trip.objects.count() == 2
    out, err = capsys.readouterr()
    assert "main is halted, trip " in out
    assert err.startswith("broken: ")


@pytest.mark.parametrize("command", ["halt", "pause"])
def test_an_unknown_slug_is_refused(command: str) -> None:
    make_portfolio("main")
    assert status_of(command, "mian") == 2
    assert Breaker.objects.get().state == BreakerState.ACTIVE


@pytest.mark.parametrize("command", ["halt", "pause"])
@pytest.mark.parametrize("arguments", [[], ["main", "--all"]])
def test_neither_or_both_of_slug_and_all_are_refused(command: str, arguments: list[str]) -> None:
    make_portfolio("main")
    with pytest.raises(CommandError):
        call_command(command, *arguments)
    assert not AuditEntry.objects.exists()


def test_pause_shuts_the_gate_and_cancels_nothing() -> None:
    portfolio = make_portfolio()

    call_command("pause", "main")

    gate = gate_of(portfolio_id=portfolio.pk, now=NOON)
    assert "PAUSED_BY_OPERATOR" in gate.reasons
    assert gate.mode is not Mode.FULL
    assert not CancelRun.objects.exists()
    assert AuditEntry.objects.get().actor == "command"


def test_pause_all_pauses_every_portfolio_once() -> None:
    make_portfolio("main")
    make_portfolio("side")

    call_command("pause", "--all")
    call_command("pause", "--all")

    assert set(Breaker.objects.values_list("is_paused", flat=True)) == {True}
    assert AuditEntry.objects.count() == 2
