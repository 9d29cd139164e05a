"""One checker of the invariants, for the database that a fault left behind."""

from collections import Counter

from breaker.domain.machine import BreakerState
from breaker.models import Breaker, Trip
from oms.models import CancelLeg, CancelRun
from riskconsole.alerts.models import Alert
from riskconsole.audit.models import AuditEntry
from riskconsole.audit.verification import verify_log


def check_history() -> None:
    """Assert what must be true after any fault, whatever it was."""
    check_trips_are_single()
    check_trips_are_whole()
    check_states_are_told()
    assert verify_log().broken is None


def check_trips_are_single() -> None:
    """I2: at most one trip for each version, and one open trip for each triggered breaker."""
    versions = Counter(Trip.objects.values_list("breaker", "version"))
    assert all(count == 1 for count in versions.values()), versions
    open_trips = set(Trip.objects.filter(reset_at=None).values_list("breaker", flat=True))
    triggered = Breaker.objects.filter(state=BreakerState.TRIGGERED)
    assert open_trips == set(triggered.values_list("pk", flat=True))


def check_trips_are_whole() -> None:
    """I4: legs for every account, an alert and an entry committed with each trip."""
    for trip in Trip.objects.select_related("breaker__portfolio"):
        cause = f"trip:{trip.pk}"
        run = CancelRun.objects.get(cause=cause)
        accounts = set(trip.breaker.portfolio.accounts.values_list("pk", flat=True))
        legs = CancelLeg.objects.filter(run=run)
        assert set(legs.values_list("account", flat=True)) >= accounts, cause
        assert Alert.objects.filter(cause=cause, level="TRIP").count() == 1, cause


def check_states_are_told() -> None:
    """I8: each trip, halt and move has exactly one entry."""
    told = Counter(AuditEntry.objects.values_list("subject", "action"))
    for trip in Trip.objects.all():
        assert told[f"trip:{trip.pk}", "breaker.trip.happened"] == 1
        halts = trip.events.filter(kind="HALT").count()
        assert told[f"trip:{trip.pk}", "breaker.halt.repeated"] == halts
