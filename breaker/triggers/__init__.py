"""The database's own refusal of what a breaker must never do, whoever asks."""

from breaker.triggers.breakers import BREAKER_TRIGGERS
from breaker.triggers.conditions import BREAKER, REQUEST, TRIP
from breaker.triggers.incidents import INCIDENT_TRIGGERS
from breaker.triggers.keys import KEY_TRIGGERS
from breaker.triggers.portfolios import ACCOUNT_TRIGGERS, PORTFOLIO_TRIGGERS
from breaker.triggers.requests import REQUEST_TRIGGERS, VOTE_TRIGGERS
from breaker.triggers.trips import TRIP_TRIGGERS
from riskconsole.triggers import Trigger

TRIGGERS = (
    *BREAKER_TRIGGERS,
    *PORTFOLIO_TRIGGERS,
    *ACCOUNT_TRIGGERS,
    *KEY_TRIGGERS,
    *TRIP_TRIGGERS,
    *REQUEST_TRIGGERS,
    *VOTE_TRIGGERS,
    *INCIDENT_TRIGGERS,
    *(
        Trigger(
            name=f"{table}_no_{event.lower()}",
            table=table,
            event=event,
            message="breakers, trips and requests are never removed",
        )
        for table in (BREAKER, TRIP, REQUEST)
        for event in ("DELETE", "TRUNCATE")
    ),
)
