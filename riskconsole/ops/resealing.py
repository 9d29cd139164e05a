"""Change the master key: everything that is sealed is sealed anew, or nothing."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction

from oms.services.keys import reseal_keys
from riskconsole.audit.services import record
from riskconsole.kernel.errors import RiskConsoleError
from riskconsole.people.second_factor import reseal_second_factors


class NoNewMasterKey(RiskConsoleError):
    """There is only one master key, so nothing can be sealed with a newer one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resealed:
    """How many rows were sealed with an older master key than the present one."""

    venue_keys: int
    second_factors: int


@transaction.atomic
def reseal_everything(*, actor: str, now: datetime) -> Resealed:
    """Seal with the master key all that the one before it sealed.

    :raises NoNewMasterKey: if there is none before it
    :raises CannotOpen: naming the first row that neither opens; then nothing has changed
    """
    if settings.OLD_MASTER_KEY in {"", settings.MASTER_KEY}:
        raise NoNewMasterKey(
            "RISKCONSOLE_MASTER_KEY_FILE must name the new master key and"
            " RISKCONSOLE_OLD_MASTER_KEY_FILE the one before it"
        )
    done = Resealed(venue_keys=reseal_keys(), second_factors=reseal_second_factors())
    record(
        action="ops.master_key.changed",
        subject="console",
        payload={"venue_keys": done.venue_keys, "second_factors": done.second_factors},
        now=now,
        actor=actor,
    )
    return done
