"""Which adapter speaks to an account's venue."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from oms.domain.credentials import Credentials, KeyPurpose
from oms.domain.orders import CancelAnswer
from oms.selectors import credentials_of
from oms.venues.base import (
    AccountSnapshot,
    AuthFailed,
    FoundOrder,
    KeyPermissions,
    MarketRules,
    OrderList,
    Quote,
    ReduceOrder,
    Unsupported,
    VenueAdapter,
    VenueError,
)
from oms.venues.paper import PaperAdapter
from portfolio.domain.holdings import VenueKind
from portfolio.models import VenueAccount
from riskconsole.sealing import CannotOpen


@dataclass(frozen=True, slots=True, kw_only=True)
class NoAdapter:
    """Stands for a venue that the console cannot talk to: every call says so."""

    error: VenueError

    def open_orders(self) -> OrderList:
        self._refuse()

    def cancel_all(self) -> None:
        self._refuse()

    def cancel_orders(self, ids: Collection[str]) -> Mapping[str, CancelAnswer]:
        self._refuse()

    def snapshot(self, *, now: datetime) -> AccountSnapshot:
        self._refuse()

    def quotes(self, instruments: Sequence[str]) -> tuple[Quote, ...]:
        self._refuse()

    def listed_instruments(self) -> frozenset[str]:
        self._refuse()

    def reduce(self, order: ReduceOrder) -> None:
        self._refuse()

    def find_order(self, *, client_id: str, instrument: str) -> FoundOrder | None:
        self._refuse()

    def market_rules(self, instrument: str) -> MarketRules:
        self._refuse()

    def key_permissions(self) -> KeyPermissions:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise self.error


def adapter_for(
    account: VenueAccount, *, purpose: KeyPurpose = KeyPurpose.EMERGENCY
) -> VenueAdapter:
    """Return the adapter of an account, its venue loaded; it talks to nobody yet.

    :param purpose: whose key signs; where an account has only the other one, that one does
    """
    if account.venue.kind == VenueKind.PAPER:
        return PaperAdapter(account=account)
    if account.venue.kind != VenueKind.EXCHANGE:
        return NoAdapter(error=Unsupported(f"There is no connection to {account.venue.slug}"))
    try:
        credentials = _credentials(account, purpose=purpose)
        is_emergency = purpose is KeyPurpose.EMERGENCY
        return _exchange_adapter(account, credentials, is_emergency=is_emergency)
    except VenueError as error:
        return NoAdapter(error=error)


def adapter_with(account: VenueAccount, credentials: Credentials) -> VenueAdapter:
    """Return the adapter of an exchange account with a key that is not kept yet.

    :raises Unsupported: if the console does not know this exchange
    """
    return _exchange_adapter(account, credentials, is_emergency=False)


def _exchange_adapter(
    account: VenueAccount, credentials: Credentials, *, is_emergency: bool
) -> VenueAdapter:
    # ccxt takes a second and 80 MB: only processes that talk to an exchange import it.
    from oms.venues.ccxt.adapter import CcxtAdapter

    return CcxtAdapter(account=account, credentials=credentials, emergency=is_emergency)


def _credentials(account: VenueAccount, *, purpose: KeyPurpose) -> Credentials:
    """Return the key for this purpose; where there is only the other one, that one."""
    try:
        for wanted in sorted(KeyPurpose, key=lambda other: other is not purpose):
            found = credentials_of(account_id=account.pk, purpose=wanted)
            if found is not None:
                return found
    except CannotOpen as error:
        raise AuthFailed(str(error)) from error
    raise AuthFailed(f"{account.slug} has no key")
