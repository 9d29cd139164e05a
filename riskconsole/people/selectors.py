"""Read tokens, second factors and sign-in failures."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db.models import QuerySet

from riskconsole.people.models import ApiToken, SignInFailure, User

THROTTLE_WINDOW = timedelta(minutes=5)
FAILURES_PER_NAME = 5
FAILURES_PER_ADDRESS = 20
# Recovery codes get somebody in who lost these; they are no second factor of their own.
SECOND_FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    pk: int
    name: str
    added_at: datetime
    used_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactors:
    """What somebody can prove who they are with, beside the password.

    :param app_added_at: None without an authenticator app
    :param codes_left: unused recovery codes; None where none were made
    """

    app_added_at: datetime | None
    app_used_at: datetime | None
    passkeys: tuple[Passkey, ...]
    codes_left: int | None

    @property
    def is_any(self) -> bool:
        return self.app_added_at is not None or bool(self.passkeys)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """One browser that is signed in."""

    pk: int
    address: str
    browser: str
    since: datetime
    seen_at: datetime
    is_current: bool


def tokens() -> QuerySet[ApiToken]:
    """Return every token ever made, the revoked ones too, by name."""
    return ApiToken.objects.order_by("name")


def has_second_factor(user: User) -> bool:
    """Return whether the person has an authenticator app or a passkey."""
    return Authenticator.objects.filter(user=user, type__in=SECOND_FACTORS).exists()


def second_factors_of(user: User) -> SecondFactors:
    found = list(Authenticator.objects.filter(user=user).order_by("pk"))
    apps = [one for one in found if one.type == Authenticator.Type.TOTP]
    codes = [one for one in found if one.type == Authenticator.Type.RECOVERY_CODES]
    return SecondFactors(
        app_added_at=apps[0].created_at if apps else None,
        app_used_at=apps[0].last_used_at if apps else None,
        passkeys=tuple(
            Passkey(
                pk=one.pk,
                name=one.wrap().name,
                added_at=one.created_at,
                used_at=one.last_used_at,
            )
            for one in found
            if one.type == Authenticator.Type.WEBAUTHN
        ),
        codes_left=len(codes[0].wrap().get_unused_codes()) if codes else None,
    )


def session_rows(sessions: Iterable[UserSession], *, current: str | None) -> tuple[SessionRow, ...]:
    """Return a row for each browser, the reader's own first, then the one seen last."""
    rows = (_session_row(session, current) for session in sessions)
    return tuple(sorted(rows, key=lambda row: (row.is_current, row.seen_at), reverse=True))


def browser_of(agent: str) -> str:
    """Return browser and system as a person would name them; the whole text of an unknown one."""
    browsers = {"Edg/": "Edge", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
    systems = {"Android": "Android", "iPhone": "iPhone", "iPad": "iPad", "Windows": "Windows"}
    systems |= {"Mac OS X": "macOS", "Linux": "Linux"}
    browser = next((word for mark, word in browsers.items() if mark in agent), "")
    system = next((word for mark, word in systems.items() if mark in agent), "")
    return f"{browser} on {system}" if browser and system else agent[:80]


def is_sign_in_throttled(*, username: str, address: str, now: datetime) -> bool:
    """Return whether this address failed too often, for this name or for any.

    A name is throttled per address only: nobody can lock an operator out from elsewhere.
    """
    recent = SignInFailure.objects.filter(address=address, at__gt=now - THROTTLE_WINDOW)
    return (
        recent.filter(username=username).exclude(username="").count() >= FAILURES_PER_NAME
        or recent.count() >= FAILURES_PER_ADDRESS
    )


def _session_row(session: UserSession, current: str | None) -> SessionRow:
    return SessionRow(
        pk=session.pk,
        address=str(session.ip),
        browser=browser_of(session.user_agent),
        since=session.created_at,
        seen_at=session.last_seen_at,
        is_current=session.session_key == current,
    )
