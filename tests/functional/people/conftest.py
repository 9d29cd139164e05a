"""A clock for authenticator apps that stands still, so that no code ends in the middle of a test."""

import time
from types import SimpleNamespace

import pytest
from allauth.mfa.totp.internal import auth

from riskconsole.people.models import User
from tests.factories import make_user

PASSWORD = "a long password"


@pytest.fixture
def alice(db: None) -> User:
    return make_user("alice")


@pytest.fixture
def still_clock(monkeypatch: pytest.MonkeyPatch) -> float:
    now = time.time()
    monkeypatch.setattr(auth, "time", SimpleNamespace(time=lambda: now))
    monkeypatch.setattr("tests.second_factors.time", SimpleNamespace(time=lambda: now))
    return now
