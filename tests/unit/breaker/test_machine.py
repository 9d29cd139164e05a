"""The breaker decides exactly at its limits, and nothing it sees leads out of TRIGGERED."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breaker.domain.machine import (
    ALLOWED,
    BreakerState,
    Cause,
    Decision,
    FloorLimit,
    ForbiddenTransition,
    InvalidLimits,
    Limit,
    LossLimit,
    Observation,
    Severity,
    Timing,
    breached,
    check_limits,
    check_transition,
    decide,
    loss_ratio,
)
from tests.clock import NOON, after

HAIR = Decimal("0.000000000000000001")
LOSS = LossLimit(
    reference_equity=Decimal(10000),
    warning_ratio=Decimal("0.03"),
    trip_ratio=Decimal("0.05"),
    hysteresis_ratio=Decimal("0.0025"),
)
FLOOR = FloorLimit(base=Decimal(10000), floor_ratio=Decimal("0.15"))
TIMING = Timing(warning_dwell=timedelta(seconds=10), blind_trip_after=timedelta(seconds=300))


def look(
    equity: str | Decimal | None,
    *,
    state: BreakerState = BreakerState.ACTIVE,
    at: float = 0,
    blind_since: float | None = None,
    clear_since: float | None = None,
    waits: bool = False,
    limits: Sequence[Limit] = (LOSS,),
    timing: Timing = TIMING,
) -> Decision:
    """Return the decision of one look; times are seconds from noon."""
    observation = Observation(
        equity=None if equity is None else Decimal(equity),
        observed_at=after(at),
        waits_for_quantities=waits,
        blind_since=None if blind_since is None else after(blind_since),
        warning_clear_since=None if clear_since is None else after(clear_since),
    )
    return decide(state=state, limits=limits, observation=observation, timing=timing)


@pytest.mark.parametrize("state", [BreakerState.ACTIVE, BreakerState.WARNING])
def test_a_loss_of_exactly_the_trip_limit_trips(state: BreakerState) -> None:
    decision = look("9500", state=state)
    assert decision.is_trip
    assert decision.breaches == (Cause.LOSS,)


@pytest.mark.parametrize("state", [BreakerState.ACTIVE, BreakerState.WARNING])
def test_a_hair_less_than_the_trip_limit_only_warns(state: BreakerState) -> None:
    decision = look(Decimal(9500) + HAIR, state=state)
    assert decision.after is BreakerState.WARNING
    assert not decision.is_breach


def test_a_loss_of_exactly_the_warning_limit_warns_at_once() -> None:
    assert look("9700").after is BreakerState.WARNING


def test_a_hair_less_than_the_warning_limit_is_fine() -> None:
    decision = look(Decimal(9700) + HAIR)
    assert decision.after is BreakerState.ACTIVE
    assert not decision.is_transition


def test_a_fall_through_both_limits_trips_without_a_warning_between() -> None:
    assert look("1").is_trip


@pytest.mark.parametrize("equity", ["0", "-5000"])
def test_an_equity_of_nothing_or_less_trips(equity: str) -> None:
    assert look(equity).is_trip


@pytest.mark.parametrize("equity", ["9700.01", "9725"])
def test_a_warning_stays_within_the_hysteresis_however_long(equity: str) -> None:
    decision = look(equity, state=BreakerState.WARNING, at=100, clear_since=0)
    assert decision.after is BreakerState.WARNING
    assert decision.warning_clear_since is None


def test_a_clear_warning_begins_its_dwell() -> None:
    decision = look(Decimal(9725) + HAIR, state=BreakerState.WARNING, at=7)
    assert decision.after is BreakerState.WARNING
    assert decision.warning_clear_since == after(7)


def test_a_warning_ends_when_it_was_clear_for_the_whole_dwell() -> None:
    before = look("9800", state=BreakerState.WARNING, at=9.999999, clear_since=0)
    assert (before.after, before.warning_clear_since) == (BreakerState.WARNING, NOON)
    at_last = look("9800", state=BreakerState.WARNING, at=10, clear_since=0)
    assert (at_last.after, at_last.warning_clear_since) == (BreakerState.ACTIVE, None)


def test_a_dip_begins_the_dwell_anew() -> None:
    dip = look("9710", state=BreakerState.WARNING, at=9, clear_since=0)
    assert dip.warning_clear_since is None
    again = look("9800", state=BreakerState.WARNING, at=10, clear_since=None)
    assert again.after is BreakerState.WARNING


def test_without_hysteresis_and_dwell_a_warning_ends_at_once() -> None:
    plain = LossLimit(
        reference_equity=Decimal(10000), warning_ratio=Decimal("0.03"), trip_ratio=Decimal("0.05")
    )
    none = Timing(warning_dwell=timedelta(0), blind_trip_after=timedelta(0))
    decision = look(Decimal(9700) + HAIR, state=BreakerState.WARNING, limits=(plain,), timing=none)
    assert decision.after is BreakerState.ACTIVE


@pytest.mark.parametrize("state", list(BreakerState))
def test_an_unknown_equity_changes_nothing(state: BreakerState) -> None:
    decision = look(None, state=state, at=1000, clear_since=0)
    assert decision == Decision(before=state, after=state)


@pytest.mark.parametrize("equity", [None, "10000"])
def test_blindness_trips_when_it_was_borne_long_enough(equity: str | None) -> None:
    assert not look(equity, at=299.999999, blind_since=0).is_trip
    decision = look(equity, at=300, blind_since=0)
    assert decision.is_trip
    assert decision.breaches == (Cause.BLIND,)


def test_blindness_is_borne_for_ever_where_its_time_is_zero() -> None:
    never = Timing(warning_dwell=timedelta(0), blind_trip_after=timedelta(0))
    assert not look("10000", at=10**9, blind_since=0, timing=never).is_trip


def test_a_breach_while_blind_trips_as_a_loss_at_once() -> None:
    assert look("9500", at=1, blind_since=0).breaches == (Cause.LOSS,)


def test_a_breach_that_waits_for_quantities_warns_and_says_so() -> None:
    decision = look("9000", waits=True)
    assert decision.after is BreakerState.WARNING
    assert decision.breaches == (Cause.LOSS,)


def test_blindness_does_not_wait_for_quantities() -> None:
    decision = look("9000", waits=True, at=300, blind_since=0)
    assert decision.is_trip
    assert decision.breaches == (Cause.LOSS, Cause.BLIND)


def test_the_floor_trips_at_exactly_its_share_of_the_base() -> None:
    rebased = LossLimit(
        reference_equity=Decimal(8800), warning_ratio=Decimal("0.03"), trip_ratio=Decimal("0.05")
    )
    limits = (rebased, FLOOR)
    decision = look("8500", limits=limits)
    assert decision.is_trip
    assert decision.breaches == (Cause.FLOOR,)
    assert not look(Decimal(8500) + HAIR, limits=limits).is_trip


def test_every_limit_that_is_breached_is_recorded() -> None:
    assert look("8000", limits=(LOSS, FLOOR)).breaches == (Cause.LOSS, Cause.FLOOR)


def test_a_floor_alone_is_fine_above_it() -> None:
    assert FLOOR.judge(Decimal(8500) + HAIR) is Severity.FINE
    assert not FLOOR.is_clear(Decimal(8500))


def test_without_limits_only_blindness_trips() -> None:
    assert not look("-1", limits=()).is_transition
    assert look("1", limits=(), at=300, blind_since=0).is_trip


def test_no_equity_is_no_breach() -> None:
    assert breached(limits=(LOSS, FLOOR), equity=None) == ()


def test_a_loss_ratio_is_a_share_of_the_reference_and_a_gain_is_below_zero() -> None:
    reference = Decimal(10000)
    assert loss_ratio(reference_equity=reference, equity=Decimal(9650)) == Decimal("0.035")
    assert loss_ratio(reference_equity=reference, equity=Decimal(10100)) == Decimal("-0.01")


@pytest.mark.parametrize(
    ("warning", "trip"),
    [("0", "0.05"), ("-0.01", "0.05"), ("0.05", "0.05"), ("0.06", "0.05"), ("0.03", "1")],
)
def test_limits_that_could_never_warn_or_be_reached_are_refused(warning: str, trip: str) -> None:
    with pytest.raises(InvalidLimits):
        check_limits(warning_ratio=Decimal(warning), trip_ratio=Decimal(trip))
    with pytest.raises(InvalidLimits):
        LossLimit(
            reference_equity=Decimal(1), warning_ratio=Decimal(warning), trip_ratio=Decimal(trip)
        )


@pytest.mark.parametrize("reference", ["0", "-1"])
def test_a_loss_from_nothing_is_refused(reference: str) -> None:
    with pytest.raises(InvalidLimits, match="not above zero"):
        LossLimit(
            reference_equity=Decimal(reference),
            warning_ratio=Decimal("0.03"),
            trip_ratio=Decimal("0.05"),
        )


@pytest.mark.parametrize("before", list(BreakerState))
@pytest.mark.parametrize("after_", list(BreakerState))
def test_only_the_allowed_transitions_pass(before: BreakerState, after_: BreakerState) -> None:
    if (before, after_) in ALLOWED:
        check_transition(before, after_)
    else:
        with pytest.raises(ForbiddenTransition, match=f"from {before} to {after_}"):
            check_transition(before, after_)


def test_no_transition_leads_out_of_triggered() -> None:
    assert not [pair for pair in ALLOWED if pair[0] is BreakerState.TRIGGERED]


equities = st.none() | st.decimals(
    min_value=Decimal(-(10**15)), max_value=Decimal(10**15), places=6
)
seconds = st.none() | st.integers(min_value=-(10**6), max_value=10**6)
limit_sets = st.sampled_from([(), (LOSS,), (FLOOR,), (LOSS, FLOOR)])
looks = st.fixed_dictionaries(
    {
        "equity": equities,
        "at": st.integers(min_value=-(10**6), max_value=10**6),
        "blind_since": seconds,
        "clear_since": seconds,
        "waits": st.booleans(),
        "limits": limit_sets,
    }
)


@given(st.lists(looks, max_size=5), st.sampled_from(["TRIGGERED", "DISABLED"]))
def test_nothing_that_is_observed_leads_out_of_triggered_or_disabled(
    seen: list[dict[str, object]], name: str
) -> None:
    state = BreakerState[name]
    for one in seen:
        decision = look(state=state, **one)  # type: ignore[arg-type]
        assert (decision.after, decision.breaches) == (state, ())


@given(looks, st.sampled_from([BreakerState.ACTIVE, BreakerState.WARNING]))
def test_a_watched_breaker_only_moves_as_allowed_and_trips_only_for_a_cause(
    one: dict[str, object], state: BreakerState
) -> None:
    decision = look(state=state, **one)  # type: ignore[arg-type]
    assert decision.after in {state} or (state, decision.after) in ALLOWED
    assert decision.after is not BreakerState.DISABLED
    if decision.is_trip:
        assert decision.breaches


@given(st.decimals(min_value=Decimal("-1e15"), max_value=Decimal("1e15"), places=18))
def test_a_real_breach_that_does_not_wait_always_trips(equity: Decimal) -> None:
    is_breach = (LOSS.reference_equity - equity) * 100 >= LOSS.reference_equity * 5
    assert look(equity).is_trip == is_breach
