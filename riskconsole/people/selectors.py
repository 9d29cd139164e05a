"""Read tokens and sign-in failures."""

from datetime import datetime, timedelta

from django.db.models import QuerySet

from riskconsole.people.models import ApiToken, SignInFailure

THROTTLE_WINDOW = timedelta(minutes=5)
FAILURES_PER_NAME = 5
FAILURES_PER_ADDRESS = 20


def tokens() -> QuerySet[ApiToken]:
    """Return every token ever made, the revoked ones too, by name."""
    return ApiToken.objects.order_by("name")


def is_sign_in_throttled(*, username: str, address: str, now: datetime) -> bool:
    """Return whether this address failed too often, for this name or for any.

    A name is throttled per address only: nobody can lock an operator out from elsewhere.
    """
    recent = SignInFailure.objects.filter(address=address, at__gt=now - THROTTLE_WINDOW)
    return (
        recent.filter(username=username).exclude(username="").count() >= FAILURES_PER_NAME
        or recent.count() >= FAILURES_PER_ADDRESS
    )
