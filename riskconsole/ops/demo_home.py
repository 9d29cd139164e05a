"""The demo: a home of its own, with people, portfolios and a market that moves."""

import os
import secrets
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NoReturn

from django.conf import settings
from django.core.management.base import CommandError
from django.db import transaction

from breaker.services.desired.document import read_document
from breaker.services.desired.execution import make_so
from breaker.services.desired.steps import By
from portfolio.models import Portfolio
from riskconsole.audit.services import record
from riskconsole.people.models import SiteRole, User
from riskconsole.people.services import create_user

PORTFOLIOS = Path(__file__).with_suffix(".toml")
PEOPLE = {"operator": None, "approver": None, "auditor": SiteRole.AUDITOR}
ACTOR = "command"


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
    """Make people with new passwords, and the portfolios of an empty home; return who gets in."""
    passwords = {username: secrets.token_urlsafe(12) for username in PEOPLE}
    for username, password in passwords.items():
        _let_in(username, password, now=now)
    if not Portfolio.objects.exists():
        document, lines = read_document(PORTFOLIOS.read_text())
        make_so(document, lines, by=By(now=now))
    return [f"user {username} password {passwords[username]}" for username in PEOPLE]


def _let_in(username: str, password: str, *, now: datetime) -> None:
    user = User.objects.filter(username=username).first()
    if user is None:
        create_user(
            username=username,
            email=f"{username}@example.com",
            password=password,
            site_role=PEOPLE[username],
            now=now,
            actor=ACTOR,
        )
        return
    user.set_password(password)
    user.save(update_fields=["password"])
    record(
        action="people.password.set",
        subject=f"user:{username}",
        payload={},
        now=now,
        actor=ACTOR,
    )
