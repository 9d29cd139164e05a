"""Since when a portfolio is blind, kept over flapping feeds and restarts."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from portfolio.domain.quality import MAX_EVALUATION_AGE, Health

CLEAR_AFTER = timedelta(seconds=10)
RESTART_COUNTS_AFTER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blindness:
    """What a portfolio's row keeps of its blindness.

    :param blind_since: when it became blind; None if it is not
    :param not_blind_since: the first look since then that was not blind, without a blind one after
    :param blind_moved_at: when an outage of every runner last moved blind_since
    """

    blind_since: datetime | None = None
    not_blind_since: datetime | None = None
    blind_moved_at: datetime | None = None


def blind_since_after(
    *,
    before: Blindness,
    health: Health,
    now: datetime,
    previous_finished_at: datetime | None,
    outage_ended_at: datetime | None = None,
) -> Blindness:
    """Return the blindness after a look at the portfolio.

    :param health: at now
    :param previous_finished_at: of the evaluation before this look; a gap behind it was blind
    :param outage_ended_at: the start of the first runner that came back, if none had run
    """
    if health is Health.ARMING:
        return Blindness(blind_moved_at=before.blind_moved_at)
    found = before
    if (lapsed_at := _lapsed_at(previous_finished_at, now)) is not None:
        found = replace(found, blind_since=found.blind_since or lapsed_at, not_blind_since=None)
    found = _after_outage(found, outage_ended_at=outage_ended_at, now=now)
    if health is Health.BLIND:
        return replace(found, blind_since=found.blind_since or now, not_blind_since=None)
    return _seeing(found, now)


def _lapsed_at(finished_at: datetime | None, now: datetime) -> datetime | None:
    """Return when the last finished evaluation ran out, if it did."""
    if finished_at is None or now < finished_at + MAX_EVALUATION_AGE:
        return None
    return finished_at + MAX_EVALUATION_AGE


def _after_outage(
    found: Blindness, *, outage_ended_at: datetime | None, now: datetime
) -> Blindness:
    if found.blind_since is None or outage_ended_at is None or outage_ended_at <= found.blind_since:
        return found
    last = found.blind_moved_at
    if last is not None and now - last < RESTART_COUNTS_AFTER:
        return found
    return replace(found, blind_since=outage_ended_at, blind_moved_at=now)


def _seeing(found: Blindness, now: datetime) -> Blindness:
    """Return the blindness after one look that was not blind."""
    if found.blind_since is None:
        return found
    not_blind_since = found.not_blind_since or now
    if now - not_blind_since >= CLEAR_AFTER:
        return Blindness(blind_moved_at=found.blind_moved_at)
    return replace(found, not_blind_since=not_blind_since)
