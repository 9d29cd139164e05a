"""One process of a race: waits for the start on stdin, then trips every breaker it finds.

Run as `python -m tests.racer`, with DATABASE_URL naming the database of the test.
"""

import os
import sys


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "riskconsole.settings"
    import django

    django.setup()
    from breaker.domain.machine import Cause
    from breaker.models import Breaker
    from breaker.services.tripping import TripFacts, trip
    from tests.clock import NOON

    facts = TripFacts(cause=Cause.LOSS, reason="race", evidence={})
    breakers = list(Breaker.objects.select_related("portfolio").order_by("pk"))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    won = sum(len(trip(breached=[(b, facts)], now=NOON)) for b in breakers)
    sys.stdout.write(f"{won}\n")


if __name__ == "__main__":
    main()
