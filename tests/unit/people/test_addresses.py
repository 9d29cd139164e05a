"""Whose address the log shows."""

import pytest

from riskconsole.addresses import caller_behind

PROXIES = ["10.0.0.0/8", "127.0.0.1"]


@pytest.mark.parametrize(
    ("remote", "forwarded", "caller"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", "198.51.100.1, 203.0.113.7, 10.1.2.3", "203.0.113.7"),
        ("127.0.0.1", "203.0.113.7, not an address", "127.0.0.1"),
        ("10.1.2.3", "2001:db8::1", "2001:db8::1"),
        ("", "203.0.113.7", ""),
    ],
)
def test_only_a_trusted_proxy_may_say_who_called(remote: str, forwarded: str, caller: str) -> None:
    assert caller_behind(remote=remote, forwarded=forwarded, trusted=PROXIES) == caller


def test_without_proxies_what_the_request_claims_is_ignored() -> None:
    found = caller_behind(remote="127.0.0.1", forwarded="203.0.113.7", trusted=[])

    assert found == "127.0.0.1"
