"""The gate gives the first mode that holds and every reason that holds; unknown means no."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breaker.domain.gate import HALTING, JUDGED, GateFacts, Mode, Reason, answer
from breaker.domain.machine import BreakerState
from portfolio.domain.quality import Health

GOOD = GateFacts(
    state=BreakerState.ACTIVE,
    version=7,
    is_protected=True,
    is_paused=False,
    is_restored=False,
    is_closing=False,
    health=Health.OK,
    evaluated_version=7,
    evaluation_reasons=(),
)
ONE_REASON = {
    Reason.TRIGGERED: replace(GOOD, state=BreakerState.TRIGGERED),
    Reason.DISABLED: replace(GOOD, state=BreakerState.DISABLED),
    Reason.NOT_PROTECTED: replace(GOOD, is_protected=False),
    Reason.RESTORED: replace(GOOD, is_restored=True),
    Reason.ARMING: replace(GOOD, health=Health.ARMING),
    Reason.BLIND: replace(GOOD, health=Health.BLIND),
    Reason.NO_EVALUATION: replace(GOOD, evaluated_version=6),
    Reason.PAUSED_BY_OPERATOR: replace(GOOD, is_paused=True),
    Reason.CONSERVATIVE_BREACH: replace(GOOD, evaluation_reasons=(Reason.CONSERVATIVE_BREACH,)),
    Reason.OUTLIER_HELD: replace(GOOD, evaluation_reasons=(Reason.OUTLIER_HELD,)),
    Reason.QUANTITY_BREACH: replace(GOOD, evaluation_reasons=(Reason.QUANTITY_BREACH,)),
    Reason.CLOCK_JUMP: replace(GOOD, evaluation_reasons=(Reason.CLOCK_JUMP,)),
    Reason.CLOSING: replace(GOOD, is_closing=True),
}


def mode_of(reason: Reason) -> Mode:
    if reason in {Reason.TRIGGERED, Reason.DISABLED, Reason.NOT_PROTECTED}:
        return Mode.HALTED
    return Mode.REDUCE if reason is Reason.PAUSED_BY_OPERATOR else Mode.PAUSED


@pytest.mark.parametrize("state", [BreakerState.ACTIVE, BreakerState.WARNING])
@pytest.mark.parametrize("health", [Health.OK, Health.DEGRADED])
def test_a_good_evaluation_of_the_present_version_lets_trade(
    state: BreakerState, health: Health
) -> None:
    gate = answer(replace(GOOD, state=state, health=health))
    assert (gate.mode, gate.reasons) == (Mode.FULL, ())
    assert gate.may_trade
    assert gate.may_reduce


def test_every_reason_of_the_closed_list_is_tried_here() -> None:
    assert set(ONE_REASON) == set(Reason)


@pytest.mark.parametrize("reason", list(Reason))
def test_one_reason_shuts_the_gate_in_its_own_mode(reason: Reason) -> None:
    gate = answer(ONE_REASON[reason])
    assert gate.reasons == (reason,)
    assert gate.mode is mode_of(reason)
    assert not gate.may_trade
    assert gate.may_reduce is (reason is not Reason.CLOSING)


def test_no_evaluation_at_all_is_none_for_the_present_version() -> None:
    assert answer(replace(GOOD, evaluated_version=None)).reasons == (Reason.NO_EVALUATION,)


def test_an_evaluation_of_a_later_version_is_no_evaluation_of_this_one() -> None:
    assert answer(replace(GOOD, evaluated_version=8)).reasons == (Reason.NO_EVALUATION,)


def test_halted_goes_before_paused_and_paused_before_reduce() -> None:
    paused = replace(GOOD, is_paused=True, is_restored=True)
    assert answer(paused).mode is Mode.PAUSED
    assert answer(replace(paused, state=BreakerState.TRIGGERED)).mode is Mode.HALTED


def test_closing_leaves_the_mode_to_every_other_reason_and_lets_nobody_else_reduce() -> None:
    paused = answer(replace(GOOD, is_paused=True, is_closing=True))
    assert (paused.mode, paused.may_reduce) == (Mode.REDUCE, False)
    halted = answer(replace(GOOD, state=BreakerState.TRIGGERED, is_closing=True))
    assert (halted.mode, halted.may_reduce) == (Mode.HALTED, False)


def test_the_answer_carries_state_health_and_version_as_they_were_read() -> None:
    gate = answer(replace(GOOD, state=BreakerState.WARNING, health=Health.DEGRADED))
    assert (gate.state, gate.health, gate.version) == (BreakerState.WARNING, Health.DEGRADED, 7)


facts = st.builds(
    GateFacts,
    state=st.sampled_from(BreakerState),
    version=st.integers(min_value=1, max_value=2),
    is_protected=st.booleans(),
    is_paused=st.booleans(),
    is_restored=st.booleans(),
    is_closing=st.booleans(),
    health=st.sampled_from(Health),
    evaluated_version=st.none() | st.integers(min_value=1, max_value=2),
    evaluation_reasons=st.lists(
        st.sampled_from(sorted({*JUDGED, Reason.CLOCK_JUMP})), unique=True
    ).map(tuple),
)


@given(facts)
def test_whatever_the_facts_trading_needs_every_one_of_them_to_be_good(found: GateFacts) -> None:
    gate = answer(found)
    is_good = (
        found.state in {BreakerState.ACTIVE, BreakerState.WARNING}
        and found.is_protected
        and not found.is_paused
        and not found.is_restored
        and not found.is_closing
        and found.health in {Health.OK, Health.DEGRADED}
        and found.evaluated_version == found.version
        and not found.evaluation_reasons
    )
    assert gate.may_trade is is_good
    assert gate.may_trade is not bool(gate.reasons)


@given(facts)
def test_the_mode_is_the_first_that_holds_and_all_reasons_are_listed_once(
    found: GateFacts,
) -> None:
    gate = answer(found)
    others = set(gate.reasons) - {Reason.CLOSING}
    modes = {mode_of(reason) for reason in others or gate.reasons} or {Mode.FULL}
    order = [Mode.HALTED, Mode.PAUSED, Mode.REDUCE, Mode.FULL]
    assert gate.mode is min(modes, key=order.index)
    assert len(set(gate.reasons)) == len(gate.reasons)
    assert set(found.evaluation_reasons) <= set(gate.reasons)
    assert (gate.mode is Mode.HALTED) is bool(HALTING & set(gate.reasons))
