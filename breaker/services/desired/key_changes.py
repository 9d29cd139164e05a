"""Which keys of accounts have to be set; pure."""

from collections.abc import Iterator, Mapping

from breaker.services.desired.account_changes import venue_kinds
from breaker.services.desired.changes import KeyChange, Part
from breaker.services.desired.document import AccountIn, Document, PortfolioIn
from breaker.services.desired.existing import Existing
from breaker.services.desired.key_files import Keys
from breaker.services.desired.places import Place, Problem
from oms.domain.credentials import Credentials, KeyPurpose
from portfolio.domain.holdings import VenueKind


def key_parts(
    portfolio: PortfolioIn, document: Document, existing: Existing, keys: Keys, place: Place
) -> Iterator[Part]:
    """Yield the keys that differ from those there are, and what is wrong with naming a file."""
    kinds = venue_kinds(document, existing)
    for index, account in enumerate(portfolio.account):
        if account.credentials_file is None:
            continue
        inside: Place = (*place, "account", index, "credentials_file")
        name = (portfolio.slug, account.slug)
        if name not in keys:
            yield Problem(place=inside, what="is read by the command apply only")
        elif kinds.get(account.venue) in {VenueKind.MANUAL, VenueKind.PAPER}:
            yield Problem(place=inside, what=f"is not for accounts of the venue {account.venue}")
        else:
            there = existing.keys.get(name, {})
            yield from _changes(portfolio, account, keys[name], there, existing, inside)


def _changes(
    portfolio: PortfolioIn,
    account: AccountIn,
    keys: Mapping[KeyPurpose, Credentials],
    there: Mapping[KeyPurpose, Credentials],
    existing: Existing,
    place: Place,
) -> Iterator[KeyChange]:
    known = existing.portfolios.get(portfolio.slug)
    for purpose, key in keys.items():
        before = there.get(purpose)
        if key != before:
            yield KeyChange(
                place=place,
                subject=f"portfolio {portfolio.slug}: account {account.slug}",
                key=f"{purpose} key",
                before=f"...{before.hint}" if before else "",
                after=f"...{key.hint}",
                loosens=before is not None and known is not None and known.is_armed,
                portfolio_slug=portfolio.slug,
                account_slug=account.slug,
                purpose=purpose,
                credentials=key,
            )
