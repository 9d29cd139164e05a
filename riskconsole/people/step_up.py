"""A decision needs a fresh second factor: a passkey or a code, at most two minutes old, used once.

A password never is one, and neither is a recovery code.
"""

import hashlib
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any

from allauth.account.internal.flows.login import (
    AUTHENTICATION_METHODS_SESSION_KEY,
    get_authentication_records,
)
from allauth.account.internal.flows.reauthentication import STATE_SESSION_KEY, suspend_request
from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from riskconsole.people.account_forms import AppCodeForm
from riskconsole.people.models import UsedProof, User
from riskconsole.people.proof import Proof
from riskconsole.people.selectors import SECOND_FACTORS

MAX_AGE = timedelta(seconds=120)
CODE_FIELD = "code"

View = Callable[..., HttpResponse]


class ProvenRequest(HttpRequest):
    """A POST whose second factor has been checked and used up."""

    user: User
    proof: Proof


def second_factor_required(view: View) -> View:
    """Let a POST through only with a fresh second factor, and hand it over as request.proof.

    The code may come in the POST itself, in the field "code". Otherwise the POST is held, the
    factor asked for, and the POST played again.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ANN401
        if request.method == "POST":
            now = timezone.now()  # noqa: TID251 - a part of the view
            proof = take_proof(request, now=now)
            if proof is None:
                return hold(request)
            request.proof = proof  # type: ignore[attr-defined]
        return view(request, *args, **kwargs)

    return guarded


def take_proof(request: HttpRequest, *, now: datetime) -> Proof | None:
    """Use up the newest proof of this session, or the code of this POST; None without either."""
    if not isinstance(request.user, User):
        return None
    if request.POST.get(CODE_FIELD):
        return _proof_by_code(request, request.user, now)
    return _proof_by_record(request, request.user, now)


def hold(request: HttpRequest) -> HttpResponse:
    """Keep the POST with the session and ask for a second factor."""
    kept = request.POST.copy()
    kept.pop(CODE_FIELD, None)
    request.POST = kept  # type: ignore[assignment]
    answer: HttpResponse = suspend_request(request, reverse("people:step-up"))
    # Two tabs share a session: the page says which POST it was opened for.
    request.session[STATE_SESSION_KEY]["id"] = secrets.token_urlsafe(8)
    return answer


def held_id(request: HttpRequest) -> str:
    """Return which POST is being held; empty where none is."""
    return str(request.session.get(STATE_SESSION_KEY, {}).get("id", ""))


def forget_held(request: HttpRequest) -> None:
    request.session.pop(STATE_SESSION_KEY, None)


def _proof_by_code(request: HttpRequest, user: User, now: datetime) -> Proof | None:
    form = AppCodeForm({"code": request.POST[CODE_FIELD]}, user=user)
    if not form.is_valid():
        for error in form.errors["code"]:
            messages.error(request, str(error))
        return None
    app = form.authenticator
    return Proof(method=app.type, credential=str(app.pk), at=now)


def _proof_by_record(request: HttpRequest, user: User, now: datetime) -> Proof | None:
    mine = Authenticator.objects.filter(user=user, type__in=SECOND_FACTORS)
    known = {str(pk): kind for pk, kind in mine.values_list("pk", "type")}
    for record in reversed(get_authentication_records(request, user)):
        proof = _proof_of(record)
        is_fresh = proof is not None and timedelta(0) <= now - proof.at <= MAX_AGE
        if proof is None or not is_fresh or known.get(proof.credential) != proof.method:
            continue
        if _use_up(request, record, now):
            return proof
    return None


def _proof_of(record: Mapping[str, Any]) -> Proof | None:
    """Return what allauth wrote into the session; None for a password."""
    if record["method"] != "mfa":
        return None
    at = datetime.fromtimestamp(record["at"], tz=UTC)
    return Proof(method=str(record["type"]), credential=str(record["id"]), at=at)


def _use_up(request: HttpRequest, record: Mapping[str, Any], now: datetime) -> bool:
    """Return whether this request is the one that uses the proof.

    The database decides: of two requests that race, the later write of a session wins, so a
    session cannot.
    """
    parts = (request.session.session_key, record["type"], record["id"], repr(record["at"]))
    key = hashlib.sha256(" ".join(map(str, parts)).encode()).hexdigest()
    UsedProof.objects.filter(at__lt=now - 2 * MAX_AGE).delete()
    _, is_first = UsedProof.objects.get_or_create(key=key, defaults={"at": now})
    records = request.session[AUTHENTICATION_METHODS_SESSION_KEY]
    request.session[AUTHENTICATION_METHODS_SESSION_KEY] = [one for one in records if one != record]
    return is_first
