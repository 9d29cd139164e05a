"""`key set ACCOUNT --read|--emergency --stdin`, `key list`, `key remove ACCOUNT ...`, `key rotate`.

A key comes in through standard input only, never as an argument, and never goes out again.
"""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandParser
from django.db.models import F
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from oms.domain.credentials import Credentials, KeyPurpose
from oms.models import VenueKey
from oms.services.key_text import BadKeyText, read_credentials, text_of
from oms.services.keys import opens, remove_key, set_key
from oms.services.probing import NotTold, permissions_of
from oms.venues.base import KeyPermissions
from portfolio.domain.holdings import VenueKind
from portfolio.models import VenueAccount
from riskconsole.command import ConsoleCommand
from riskconsole.kernel.clock import time_text
from riskconsole.kernel.errors import RiskConsoleError
from riskconsole.ops.resealing import reseal_everything

COMMAND = "command"


class UnknownAccount(RiskConsoleError):
    """No account has this name."""


class Command(ConsoleCommand):
    help = "Keep the keys of venue accounts; an account is PORTFOLIO/ACCOUNT."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        setting = verbs.add_parser("set", help="seal a key, in the place of the one before")
        _add_choice(setting)
        setting.add_argument(
            "--stdin",
            action="store_true",
            required=True,
            help="read key, secret and perhaps passphrase from standard input, as JSON or TOML",
        )
        verbs.add_parser("list", help="every key by its last four characters")
        _add_choice(verbs.add_parser("remove", help="forget a key for good"))
        verbs.add_parser("rotate", help="seal everything anew with the new master key")

    def handle(self, **options: Any) -> None:  # noqa: ANN401
        verb: str = options["verb"]
        if verb == "set":
            self._set(options["account"], options["purpose"])
        elif verb == "remove":
            self._remove(options["account"], options["purpose"])
        elif verb == "rotate":
            self._rotate()
        else:
            self._list()

    @sensitive_variables()
    def _set(self, name: str, purpose: KeyPurpose) -> None:
        account = _account(name, also_removed=False)
        credentials = _credentials_on_stdin()
        key = set_key(
            account_id=account.pk,
            purpose=purpose,
            credentials=credentials,
            actor=COMMAND,
            address="",
            now=timezone.now(),
            permissions=self._asked(account, credentials),
        )
        self.stdout.write(f"Sealed the {key}")

    @sensitive_variables()
    def _asked(self, account: VenueAccount, credentials: Credentials) -> KeyPermissions | None:
        """Ask the venue about the key; one that cannot tell is said, and asked again later."""
        if account.venue.kind != VenueKind.EXCHANGE:
            return None
        try:
            return permissions_of(account=account, credentials=credentials)
        except NotTold as error:
            self.stderr.write(f"Not known what the key may do: {error}")
            return None

    def _remove(self, name: str, purpose: KeyPurpose) -> None:
        account = _account(name, also_removed=True)
        now = timezone.now()
        remove_key(account_id=account.pk, purpose=purpose, actor=COMMAND, address="", now=now)
        self.stdout.write(f"Removed the {purpose} key")

    def _list(self) -> None:
        for key in VenueKey.objects.select_related("account__portfolio").order_by(
            "account__portfolio__slug", "account__slug", "account", "-purpose"
        ):
            self.stdout.write(_line(key))

    def _rotate(self) -> None:
        done = reseal_everything(actor=COMMAND, now=timezone.now())
        self.stdout.write(
            f"Sealed anew: {done.venue_keys} venue keys, {done.second_factors} second factors"
        )


def _add_choice(parser: ArgumentParser) -> None:
    parser.add_argument("account", metavar="PORTFOLIO/ACCOUNT")
    choice = parser.add_mutually_exclusive_group(required=True)
    for purpose in KeyPurpose:
        choice.add_argument(
            f"--{purpose.lower()}", dest="purpose", action="store_const", const=purpose
        )


def _account(name: str, *, also_removed: bool) -> VenueAccount:
    """Return the account that is meant; a removed one may still have a key to remove."""
    portfolio, _, slug = name.partition("/")
    accounts = VenueAccount.everything if also_removed else VenueAccount.objects
    found = accounts.filter(portfolio__slug=portfolio, slug=slug).select_related("venue")
    account = found.order_by(F("removed_at").desc(nulls_first=True)).first()
    if account is None:
        raise UnknownAccount(f"There is no account {name!r}")
    return account


@sensitive_variables()
def _credentials_on_stdin() -> Credentials:
    try:
        return read_credentials(text_of(sys.stdin.buffer.read()))
    except BadKeyText as error:
        raise BadKeyText(f"The key on standard input: {error}") from error


def _line(key: VenueKey) -> str:
    """Return everything about a key but the key."""
    account = key.account
    removed = " removed account" if account.removed_at else ""
    expires = f" expires {time_text(key.expires_at)}" if key.expires_at else ""
    probed = f" asked {time_text(key.probed_at)}" if key.probed_at else " never asked at the venue"
    useless = "" if opens(key) else " CANNOT BE OPENED with this master key"
    return (
        f"{account.portfolio.slug}/{account.slug}{removed} {key}"
        f" set {time_text(key.set_at)} by {key.set_by}{probed}{expires}{useless}"
    )
