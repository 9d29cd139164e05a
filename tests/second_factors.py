"""Authenticator apps and sessions, as tests hold them in their hands."""

import time
from datetime import datetime

from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.mfa import app_settings
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.test import Client

from riskconsole.people.models import User
from riskconsole.people.second_factor import app_code


def add_app(user: User) -> Authenticator:
    return TOTP.activate(user, generate_totp_secret()).instance


def add_recovery_codes(user: User) -> list[str]:
    codes: list[str] = RecoveryCodes.activate(user).get_unused_codes()
    return codes


def code_of(app: Authenticator, *, later: int = 0) -> str:
    """Return the code that the app shows now, or some steps later."""
    return app_code(app, int(time.time()) // app_settings.TOTP_PERIOD + later)


def remember(client: Client, user: User, *, at: datetime, **record: object) -> None:
    """Let the session say that the user proved something at a time."""
    session = client.session
    records = session.get(AUTHENTICATION_METHODS_SESSION_KEY, [])
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [*records, {"at": at.timestamp(), **record}]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()
