from datetime import datetime

from portfolio.domain.blindness import Blindness, blind_since_after
from portfolio.domain.quality import Health
from tests.unit.portfolio.books import AT, seconds

BLIND, OK = Health.BLIND, Health.OK


def look(
    before: Blindness,
    health: Health,
    *,
    after: float,
    finished: float | None = None,
    outage_ended_at: datetime | None = None,
) -> Blindness:
    """Look after some seconds; unless told otherwise the last evaluation is one second old."""
    finished = after - 1 if finished is None else finished
    return blind_since_after(
        before=before,
        health=health,
        now=AT + seconds(after),
        previous_finished_at=AT + seconds(finished),
        outage_ended_at=outage_ended_at,
    )


SINCE_START = Blindness(blind_since=AT)


def test_a_portfolio_that_sees_has_no_blindness() -> None:
    assert look(Blindness(), OK, after=1) == Blindness()


def test_it_starts_when_the_portfolio_becomes_blind_and_stays() -> None:
    started = look(Blindness(), BLIND, after=5)

    assert started.blind_since == AT + seconds(5)
    assert look(started, BLIND, after=50) == started


def test_for_want_of_an_evaluation_it_starts_thirty_seconds_after_the_last() -> None:
    assert look(Blindness(), BLIND, after=45, finished=0).blind_since == AT + seconds(30)


def test_a_gap_between_two_good_evaluations_was_blind() -> None:
    after_gap = look(Blindness(), OK, after=30, finished=0)
    without = look(Blindness(), OK, after=29.999999, finished=0)

    assert after_gap.blind_since == AT + seconds(30)
    assert after_gap.not_blind_since == AT + seconds(30)
    assert without.blind_since is None


def test_it_ends_after_ten_seconds_of_sight_on_end() -> None:
    seeing = look(SINCE_START, OK, after=20)

    assert seeing.blind_since == AT
    assert look(seeing, OK, after=29.999999).blind_since == AT
    assert look(seeing, OK, after=30).blind_since is None


def test_a_flapping_feed_does_not_reset_the_clock() -> None:
    found = SINCE_START
    for after in range(5, 300, 5):
        found = look(found, BLIND if after % 10 else OK, after=after)

    assert found.blind_since == AT


def test_after_an_outage_of_every_runner_it_starts_with_the_first_one_back() -> None:
    back = AT + seconds(600)

    found = look(Blindness(), BLIND, after=601, finished=0, outage_ended_at=back)

    assert found.blind_since == back
    assert found.blind_moved_at == AT + seconds(601)


def test_restarts_move_it_at_most_once_in_ten_minutes() -> None:
    moved = Blindness(blind_since=AT, blind_moved_at=AT)

    early = look(moved, BLIND, after=599.999, outage_ended_at=AT + seconds(590))
    late = look(moved, BLIND, after=600, outage_ended_at=AT + seconds(590))

    assert early.blind_since == AT
    assert late.blind_since == AT + seconds(590)


def test_an_outage_before_the_blindness_moves_nothing() -> None:
    found = look(SINCE_START, BLIND, after=5, outage_ended_at=AT - seconds(5))

    assert found == SINCE_START


def test_arming_is_not_blindness() -> None:
    assert look(SINCE_START, Health.ARMING, after=5).blind_since is None
