"""The demo: a home of its own, with people, portfolios and a market that moves."""

import os
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NoReturn

from allauth.mfa import app_settings
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.conf import settings
from django.core.management.base import CommandError
from django.db import transaction

from breaker.services.desired.document import read_document
from breaker.services.desired.execution import make_so
from breaker.services.desired.steps import By
from portfolio.models import Portfolio
from riskconsole.audit.services import record
from riskconsole.people.models import SiteRole, User
from riskconsole.people.second_factor import app_code
from riskconsole.people.services import create_user

PORTFOLIOS = Path(__file__).with_suffix(".toml")
PEOPLE = {
    "operator": None,
    "approver": None,
    "auditor": SiteRole.AUDITOR,
    "admin": SiteRole.ADMIN,
}
ACTOR = "command"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoCode:
    """The code that somebody's authenticator app shows now."""

    username: str
    code: str


def become_demo() -> NoReturn:
    """Start this command again on the demo's own home, away from the real database."""
    if settings.IS_PRODUCTION:
        raise CommandError("`up --demo` is refused where RISKCONSOLE_ENV is production")
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in {"DATABASE_URL", "REDIS_URL"}
    }
    home = str(settings.RISKCONSOLE_HOME / "demo")
    environment = kept | {"RISKCONSOLE_HOME": home, "RISKCONSOLE_DEMO": "true"}
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)  # noqa: S606


@transaction.atomic
def prepare_demo(*, now: datetime) -> Sequence[str]:
    """Make people with new ways in, and the portfolios of an empty home; return who gets in."""
    passwords = {username: secrets.token_urlsafe(12) for username in PEOPLE}
    apps = {username: generate_totp_secret() for username in PEOPLE}
    for username, password in passwords.items():
        _let_in(username, password, apps[username], now=now)
    if not Portfolio.objects.exists():
        document, lines = read_document(PORTFOLIOS.read_text())
        make_so(document, lines, by=By(now=now))
    return [
        f"user {username} password {passwords[username]} totp {apps[username]}"
        for username in PEOPLE
    ]


def demo_codes(*, now: datetime) -> tuple[DemoCode, ...]:
    """Return what the apps of the demo's people show; nothing outside a demo."""
    if not settings.IS_DEMO:
        return ()
    step = int(now.timestamp()) // app_settings.TOTP_PERIOD
    apps = Authenticator.objects.filter(
        type=Authenticator.Type.TOTP, user__username__in=PEOPLE
    ).select_related("user")
    shown = {app.user.username: app_code(app, step) for app in apps}
    return tuple(DemoCode(username=one, code=shown[one]) for one in PEOPLE if one in shown)


def _let_in(username: str, password: str, secret: str, *, now: datetime) -> None:
    user = User.objects.filter(username=username).first() or create_user(
        username=username,
        email=f"{username}@example.com",
        password=password,
        site_role=PEOPLE[username],
        now=now,
        actor=ACTOR,
    )
    user.set_password(password)
    user.save(update_fields=["password"])
    Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).delete()
    TOTP.activate(user, secret)
    record(
        action="people.password.set",
        subject=f"user:{username}",
        payload={"second_factor": "totp"},
        now=now,
        actor=ACTOR,
    )
