"""Make and revoke tokens, make users, and note who signed in or failed to."""

import re
import secrets
from collections.abc import Sequence
from datetime import datetime

from allauth.usersessions.models import UserSession
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse

from riskconsole.audit.chain import Payload
from riskconsole.audit.services import SYSTEM, record
from riskconsole.kernel.errors import RiskConsoleError
from riskconsole.people.links import LINK_LIFETIME, digest_of, new_secret
from riskconsole.people.models import (
    ApiToken,
    FirstAdminLink,
    Scope,
    SignInFailure,
    SiteRole,
    User,
)
from riskconsole.people.selectors import THROTTLE_WINDOW

TOKEN_PREFIX = "rc_"  # noqa: S105 - the part of every token that is no secret
_TOKEN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


class BadToken(RiskConsoleError):
    """A token cannot be made or revoked as asked."""


class LinkNotUsable(RiskConsoleError):
    """The link of the first admin is unknown, used, older than a day, or no longer needed."""


def create_token(
    *,
    name: str,
    scopes: Sequence[str],
    portfolios: Sequence[str],
    now: datetime,
    actor: str = "command",
    address: str = "",
) -> str:
    """Make a token and return its text, which is shown this once and never stored.

    :param portfolios: slugs that the caller knows to exist; none means all
    :raises BadToken: for a bad or used name and for an unknown scope
    """
    _refuse_bad_token(name=name, scopes=scopes)
    text = TOKEN_PREFIX + secrets.token_urlsafe(32)
    chosen = {"scopes": sorted(set(scopes)), "portfolios": sorted(set(portfolios))}
    with transaction.atomic():
        _, is_new = ApiToken.objects.get_or_create(
            name=name, defaults={"digest": digest_of(text), "created_at": now, **chosen}
        )
        if not is_new:
            raise BadToken(f"The name {name!r} is in use")
        _record(
            "people.token.created",
            f"token:{name}",
            now=now,
            actor=actor,
            address=address,
            payload=chosen,
        )
    return text


def revoke_token(*, name: str, now: datetime, actor: str = "command", address: str = "") -> None:
    """End a token at once; its name stays taken, because the log speaks of it.

    :raises BadToken: for an unknown name and for a token revoked before
    """
    with transaction.atomic():
        open_tokens = ApiToken.objects.filter(name=name, revoked_at=None)
        if not open_tokens.update(revoked_at=now):
            raise BadToken(f"There is no token {name!r} to revoke")
        _record("people.token.revoked", f"token:{name}", now=now, actor=actor, address=address)


def authenticate_token(text: str) -> ApiToken | None:
    """Return the token that is not revoked, looked up by digest, so that no timing tells it."""
    return ApiToken.objects.filter(digest=digest_of(text), revoked_at=None).first()


def first_admin_link(*, now: datetime) -> str | None:
    """Return the path of a new one-time link, or None once somebody is there.

    Each call voids the links before it.
    """
    secret = new_secret()
    with transaction.atomic():
        if User.objects.exists():
            return None
        FirstAdminLink.objects.filter(used_at=None).delete()
        FirstAdminLink.objects.create(digest=digest_of(secret), created_at=now)
        _record("people.first_admin_link.created", "first admin", now=now)
    return reverse("people:first-admin", args=[secret])


def is_link_usable(*, secret: str, now: datetime) -> bool:
    """Return whether the link would still make the first admin."""
    return _usable_links(secret, now).exists() and not User.objects.exists()


def create_first_admin(
    *, secret: str, username: str, email: str, password: str, now: datetime, address: str
) -> User:
    """Make the admin that the link is for, and use the link up.

    :raises LinkNotUsable: if it is unknown, used, too old, or somebody is there already
    """
    with transaction.atomic():
        is_won = _usable_links(secret, now).update(used_at=now) == 1
        if not is_won or User.objects.exists():
            raise LinkNotUsable("This link has been used or is older than a day")
        return create_user(
            username=username,
            email=email,
            password=password,
            site_role=SiteRole.ADMIN,
            now=now,
            actor=f"user:{username}",
            address=address,
        )


def create_user(
    *,
    username: str,
    email: str,
    password: str,
    site_role: SiteRole | None,
    now: datetime,
    actor: str,
    address: str = "",
) -> User:
    """Make a user with a password that the caller has validated."""
    with transaction.atomic():
        user = User.objects.create_user(
            username=username, email=email, password=password, site_role=site_role or ""
        )
        payload = {"email": email, "site_role": user.site_role}
        _record(
            "people.user.created",
            f"user:{username}",
            now=now,
            actor=actor,
            address=address,
            payload=payload,
        )
    return user


def note_sign_in(*, user: User, methods: Sequence[str], address: str, now: datetime) -> None:
    """Put a sign-in into the log, with what it was proven by."""
    payload = {"methods": ", ".join(methods)}
    _note("people.user.signed_in", user, address=address, now=now, payload=payload)


def note_sign_out(*, user: User, address: str, now: datetime) -> None:
    """Put a sign-out into the log."""
    _note("people.user.signed_out", user, address=address, now=now)


def note_own_change(
    *, action: str, user: User, address: str, now: datetime, payload: Payload | None = None
) -> None:
    """Put into the log, in the transaction of the change, what people changed about themselves."""
    _note(action, user, address=address, now=now, payload=payload)


def end_session(*, session: UserSession, actor: str, address: str, now: datetime) -> None:
    """Sign one browser of a person out."""
    subject = f"user:{session.user.username}"
    payload = {"address": str(session.ip), "browser": session.user_agent}
    with transaction.atomic():
        session.end()
        _record(
            "people.session.ended",
            subject,
            now=now,
            actor=actor,
            address=address,
            payload=payload,
        )


def note_refused_access(*, user: User, what: str, address: str, now: datetime) -> None:
    """Put into the log that somebody asked for a page that is not theirs."""
    _note("people.access.refused", user, address=address, now=now, payload={"request": what})


def note_failed_sign_in(
    *, username: str, address: str, now: datetime, step: str = "password"
) -> None:
    """Count a refused attempt to prove who one is, and put it into the log."""
    known = username if User.objects.filter(username=username).exists() else ""
    with transaction.atomic():
        SignInFailure.objects.filter(at__lte=now - THROTTLE_WINDOW).delete()
        SignInFailure.objects.create(username=known, address=address, at=now)
        subject = f"user:{known}" if known else "unknown user"
        payload = {"step": step}
        _record("people.sign_in.failed", subject, now=now, address=address, payload=payload)


def choose_theme(*, user: User, theme: str) -> None:
    """Keep the colours that a user likes."""
    User.objects.filter(pk=user.pk).update(theme=theme)


def _refuse_bad_token(*, name: str, scopes: Sequence[str]) -> None:
    if not _TOKEN_NAME.fullmatch(name):
        raise BadToken(
            f"{name[:80]!r} is no name for a token: letters, digits, '.', '_' and '-', at most 64"
        )
    known = [scope.value for scope in Scope]
    for scope in scopes:
        if scope not in known:
            raise BadToken(f"{scope!r} is no scope: choose from {', '.join(known)}")
    if not scopes:
        raise BadToken(f"A token needs a scope: choose from {', '.join(known)}")


def _usable_links(secret: str, now: datetime) -> QuerySet[FirstAdminLink]:
    return FirstAdminLink.objects.filter(
        digest=digest_of(secret), used_at=None, created_at__gt=now - LINK_LIFETIME
    )


def _note(
    action: str, user: User, *, address: str, now: datetime, payload: Payload | None = None
) -> None:
    subject = f"user:{user.username}"
    with transaction.atomic():
        _record(action, subject, now=now, actor=subject, address=address, payload=payload)


def _record(
    action: str,
    subject: str,
    *,
    now: datetime,
    actor: str = SYSTEM,
    address: str = "",
    payload: Payload | None = None,
) -> None:
    record(
        action=action,
        subject=subject,
        payload=payload or {},
        now=now,
        actor=actor,
        address=address,
    )
