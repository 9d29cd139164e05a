"""Keys in the clear: what shows of them, and how text becomes one without being repeated."""

import json
import traceback
from dataclasses import FrozenInstanceError

import pytest

from oms.domain.credentials import Credentials, KeyPurpose
from oms.services.key_text import BadKeyText, read_credentials, read_key_file, text_of

KEY = "canary-key-0042"
SECRET = "canary-secret-of-the-desk"
ONE = {"key": KEY, "secret": SECRET}


def test_only_the_end_of_a_key_shows() -> None:
    credentials = Credentials(key=KEY, secret=SECRET, passphrase="canary-phrase")

    for shown in (repr(credentials), str(credentials), f"{credentials}", str([credentials])):
        assert "0042" in shown
        assert "canary" not in shown


def test_credentials_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        Credentials(key=KEY, secret=SECRET).key = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({**ONE, "passphrase": "open"}),
        f'key = "{KEY}"\nsecret = "{SECRET}"\npassphrase = "open"\n',
    ],
)
def test_json_and_toml_are_both_taken(text: str) -> None:
    assert read_credentials(text) == Credentials(key=KEY, secret=SECRET, passphrase="open")


def test_a_secret_may_have_lines_and_a_passphrase_is_not_needed() -> None:
    pem = "-----BEGIN EC PRIVATE KEY-----\nabc\n-----END EC PRIVATE KEY-----\n"

    found = read_credentials(json.dumps({"key": KEY, "secret": pem}))

    assert (found.secret, found.passphrase) == (pem, "")


def test_a_file_holds_one_purpose_or_both() -> None:
    one, two = (
        f'[read]\nkey = "{KEY}-r"\nsecret = "s"\n',
        f'[emergency]\nkey = "{KEY}-e"\nsecret = "t"',
    )

    assert read_key_file(one) == {KeyPurpose.READ: Credentials(key=f"{KEY}-r", secret="s")}
    assert set(read_key_file(one + two)) == {KeyPurpose.READ, KeyPurpose.EMERGENCY}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "key is missing"),
        (f'{{"key": "{KEY}", "secret": "{SECRET}"', "line 1: is not well-formed"),
        (f'\n{{"key": "{KEY}",\n "secret": {SECRET}}}', "line 3: is not well-formed"),
        (f'key = "{KEY}"\nsecret = {SECRET}', "line 2: is not well-formed"),
        (f'key = "{KEY}"\nsecret = """{SECRET}', "line 2: is not well-formed"),
        (f"{SECRET} = 1\n{SECRET} = 2", "line 2: is not well-formed"),
        ('{"a":' * 100_000, "line 1: is not well-formed"),
        (json.dumps({"key": KEY}), "secret is missing"),
        (json.dumps({"secret": SECRET}), "key is missing"),
        (json.dumps({**ONE, "key": "canary1"}), "key is shorter than 8 characters"),
        (json.dumps({**ONE, "key": f"{KEY} x"}), "key is shorter than 8 characters, or has spaces"),
        (json.dumps({**ONE, "key": f"{KEY}\x07"}), "or unprintable ones"),
        (json.dumps({**ONE, "key": 12345678}), "key is empty or not text"),
        (json.dumps({**ONE, "secret": " \n"}), "secret is empty or not text"),
        (json.dumps({**ONE, "secret": [SECRET]}), "secret is empty or not text"),
        (json.dumps({**ONE, "passphrase": 5}), "passphrase is empty or not text"),
        (json.dumps({**ONE, SECRET: ""}), "holds something else than key, secret and passphrase"),
    ],
)
def test_what_is_wrong_is_said_without_a_word_of_the_text(text: str, sentence: str) -> None:
    with pytest.raises(BadKeyText) as caught:
        read_credentials(text)

    assert sentence in str(caught.value)
    assert "canary" not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("text", "place", "sentence"),
    [
        ("", (), "holds something else than the tables read and emergency"),
        (f'key = "{KEY}"', (), "holds something else than the tables read and emergency"),
        (f'read = "{KEY}"', ("read",), "read is not a table"),
        (f'[read]\nkey = "{KEY}"', ("read", "secret"), "read.secret is missing"),
        (f'[read]\nkey = "{KEY}"\nsecret = ""', ("read", "secret"), "read.secret is empty"),
    ],
)
def test_a_file_is_refused_by_the_place_in_it(
    text: str, place: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(BadKeyText, match=sentence) as caught:
        read_key_file(text)

    assert caught.value.place == place


def test_bytes_that_are_not_utf_8_are_not_repeated_either() -> None:
    with pytest.raises(BadKeyText, match="is not UTF-8") as caught:
        text_of(b"canary\xff")

    assert caught.value.__context__ is None
    assert text_of(b"\xef\xbb\xbfkey") == "key"
