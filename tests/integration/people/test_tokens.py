"""Tokens: made once, shown once, stored as a digest, ended at once."""

import hashlib
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from riskconsole.audit.models import AuditEntry
from riskconsole.people.models import ApiToken
from riskconsole.people.services import (
    BadToken,
    authenticate_token,
    create_token,
    revoke_token,
)
from tests.clock import NOON
from tests.factories import make_portfolio

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("token", *arguments, stdout=out)
    return out.getvalue()


def refusal_of(*arguments: str) -> str:
    with pytest.raises(CommandError) as caught:
        run(*arguments)
    assert caught.value.returncode == 2
    return str(caught.value)


def test_create_prints_exactly_the_token() -> None:
    text = run("create", "bot", "--scope", "read", "gate").removesuffix("\n")

    token = authenticate_token(text)
    assert text.startswith("rc_")
    assert token is not None
    assert token.scopes == ["gate", "read"]
    assert token.portfolios == []


def test_options_take_several_values_and_may_be_repeated() -> None:
    for slug in ("a", "b", "c"):
        make_portfolio(slug)

    run(
        *("create", "bot", "--scope", "read", "gate", "--scope", "halt"),
        *("--portfolio", "b", "--portfolio", "c", "a"),
    )

    token = ApiToken.objects.get()
    assert token.scopes == ["gate", "halt", "read"]
    assert token.portfolios == ["a", "b", "c"]


def test_only_a_digest_is_stored_and_nothing_of_it_is_logged() -> None:
    text = create_token(name="bot", scopes=["read"], portfolios=[], now=NOON)

    row = ApiToken.objects.values().get()
    assert row["digest"] == hashlib.sha256(text.encode()).hexdigest()
    assert text not in str(row)
    entry = AuditEntry.objects.get()
    assert entry.action == "people.token.created"
    assert text not in entry.payload
    assert row["digest"] not in entry.payload


def test_two_tokens_are_never_the_same() -> None:
    texts = {
        create_token(name=f"bot-{at}", scopes=["read"], portfolios=[], now=NOON) for at in range(20)
    }

    assert len(texts) == 20
    assert all(len(text) >= 43 for text in texts)


def test_a_revoked_token_is_none() -> None:
    text = create_token(name="bot", scopes=["read"], portfolios=[], now=NOON)

    run("revoke", "bot")

    assert authenticate_token(text) is None
    assert AuditEntry.objects.filter(action="people.token.revoked").count() == 1


def test_a_name_in_use_is_refused_even_when_it_was_revoked() -> None:
    run("create", "bot", "--scope", "read")
    revoke_token(name="bot", now=NOON)

    assert "'bot'" in refusal_of("create", "bot", "--scope", "read")
    assert ApiToken.objects.count() == 1


def test_an_unknown_scope_is_named() -> None:
    assert "'write'" in refusal_of("create", "bot", "--scope", "read", "write")
    assert not ApiToken.objects.exists()


def test_an_unknown_slug_is_named() -> None:
    make_portfolio("main")

    refusal = refusal_of("create", "bot", "--scope", "read", "--portfolio", "main", "nowhere")

    assert "'nowhere'" in refusal
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("name", ["", " ", "a b", "a\nb", "x" * 65, "-bot", "é"])
def test_a_name_is_short_and_plain(name: str) -> None:
    with pytest.raises(BadToken):
        create_token(name=name, scopes=["read"], portfolios=[], now=NOON)


def test_a_token_without_a_scope_is_refused() -> None:
    with pytest.raises(BadToken):
        create_token(name="bot", scopes=[], portfolios=[], now=NOON)


def test_list_shows_every_token_and_never_its_text() -> None:
    text = create_token(name="bot", scopes=["read"], portfolios=[], now=NOON)
    create_token(name="old", scopes=["halt"], portfolios=["main"], now=NOON)
    revoke_token(name="old", now=NOON)

    lines = run("list").splitlines()

    assert lines == [
        "bot read all portfolios created 2030-01-02T12:00:00Z",
        "old halt main created 2030-01-02T12:00:00Z revoked 2030-01-02T12:00:00Z",
    ]
    assert text not in "".join(lines)


@pytest.mark.parametrize("name", ["nobody", "gone"])
def test_what_is_not_there_to_revoke_is_named(name: str) -> None:
    create_token(name="gone", scopes=["read"], portfolios=[], now=NOON)
    revoke_token(name="gone", now=NOON)

    assert name in refusal_of("revoke", name)
