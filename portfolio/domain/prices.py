"""Which mark may price what, and the price of an asset in the reference currency."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Self

from portfolio.domain.holdings import Account, VenueKind
from riskconsole.kernel.numbers import EXACT, ONE, ROUNDED

INTERMEDIATES = ("USDT", "USD", "USDC", "EUR", "BTC", "ETH")
MAX_HOPS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """An accepted mark price of one instrument on one venue.

    :param source_at: as the source states it; only orders marks
    :param confirmed_at: when this price was last received; ages count from here
    """

    venue: str
    instrument: str
    price: Decimal
    source_at: datetime | None
    received_at: datetime
    confirmed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PricingVenue:
    """What pricing has to know of a venue.

    :param is_pushed: its marks arrive through the API instead of the venue's own feed
    :param poll_interval: of a polled feed; None where marks are streamed or pushed
    :param listed: the instruments it lists; None while that is unknown
    """

    slug: str
    kind: VenueKind
    is_pushed: bool = False
    poll_interval: timedelta | None = None
    listed: frozenset[str] | None = None

    @property
    def is_live(self) -> bool:
        """Whether the console reads this venue's market itself."""
        return self.kind is VenueKind.EXCHANGE and not self.is_pushed

    def may_price(self, *, venue: str, kind: VenueKind) -> bool:
        """Return whether this venue's marks may price the accounts of a venue of that kind."""
        if self.slug == venue:
            return True
        if self.kind is VenueKind.PAPER:
            return kind is VenueKind.PAPER
        return self.is_live or kind is VenueKind.MANUAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Ageing:
    """How long a mark is fresh at one moment."""

    max_mark_age: timedelta
    now: datetime

    def stale_after(self, mark: Mark, venue: PricingVenue | None) -> datetime:
        """Return the last moment at which the mark is fresh: three polls where it is polled."""
        polled = venue and venue.poll_interval
        return mark.confirmed_at + (3 * polled if polled else self.max_mark_age)

    def is_fresh(self, mark: Mark, venue: PricingVenue | None) -> bool:
        return self.now <= self.stale_after(mark, venue)


@dataclass(slots=True)
class PriceBoard:
    """The last accepted mark of each (venue, instrument)."""

    venues: Mapping[str, PricingVenue]
    _marks: dict[str, dict[str, Mark]] = field(default_factory=dict)

    @classmethod
    def of(cls, venues: Iterable[PricingVenue], marks: Iterable[Mark] = ()) -> Self:
        """Return a board of these venues with these marks on it."""
        board = cls({venue.slug: venue for venue in venues})
        for mark in marks:
            board.put(mark)
        return board

    def put(self, mark: Mark) -> None:
        """Keep the mark in place of the one before."""
        self._marks.setdefault(mark.instrument, {})[mark.venue] = mark

    def copy(self) -> "PriceBoard":
        """Return a board that moves on its own."""
        return PriceBoard(self.venues, {key: dict(marks) for key, marks in self._marks.items()})

    def on(self, instrument: str) -> Mapping[str, Mark]:
        """Return the instrument's marks by venue."""
        return self._marks.get(instrument, {})

    def get(self, *, venue: str, instrument: str) -> Mark | None:
        """Return the last accepted mark of that venue."""
        return self.on(instrument).get(venue)

    def is_unlisted(self, asset: str) -> bool:
        """Return whether every live venue's listing is known and none has a market of the asset.

        Without a live venue nothing is known: that is a missing price, not an unlisted asset.
        """
        live = [venue for venue in self.venues.values() if venue.is_live]
        return bool(live) and not any(_may_list(venue, asset) for venue in live)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One market on the way from an asset to the reference currency."""

    instrument: str
    towards: str
    is_inverted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """The price of an asset in the reference currency, and where it comes from.

    :param confirmed_at: of the oldest mark on the path; None for the reference and for a peg
    """

    price: Decimal
    path: tuple[str, ...]
    source: str
    confirmed_at: datetime | None
    marks: tuple[Mark, ...]
    is_pegged: bool


@dataclass(slots=True, kw_only=True)
class Pricing:
    """Prices as the accounts of one venue see them.

    :param ageing: with it a stale mark gives way to a fresh one of another venue
    """

    board: PriceBoard
    venue: str
    kind: VenueKind
    reference_currency: str
    pegs: frozenset[str]
    ageing: Ageing | None = None
    _depths: dict[str, int] | None = None

    def mark(self, instrument: str) -> Mark | None:
        """Return the mark that prices the instrument here: the own venue's, else the freshest."""
        marks = self.board.on(instrument)
        own = marks.get(self.venue)
        if own is not None and (self.ageing is None or self._is_fresh(own, self.ageing)):
            return own
        other = self._freshest(marks)
        if own is None or (other and self.ageing and self._is_fresh(other, self.ageing)):
            return other
        return own

    def hop(self, asset: str) -> Hop | None:
        """Return the first market on the asset's shortest path; direct goes before inverse."""
        own_depth = self.depths().get(asset, MAX_HOPS)
        for hub, depth in self.depths().items():
            if depth >= own_depth:
                break
            if hop := self._market(asset, hub):
                return hop
        return None

    def rate(self, asset: str) -> Rate | None:
        """Return the asset's price in the reference currency; None if there is no way to it."""
        price = ONE
        marks: list[Mark] = []
        while not self.is_root(asset):
            hop = self.hop(asset)
            mark = self.mark(hop.instrument) if hop else None
            if hop is None or mark is None:
                return None
            price = EXACT.multiply(price, factor(mark, is_inverted=hop.is_inverted))
            marks.append(mark)
            asset = hop.towards
        return rate_of(price=price, marks=tuple(marks), is_pegged=asset != self.reference_currency)

    def is_root(self, asset: str) -> bool:
        """Return whether the asset is the reference, or worth one of it by the portfolio's word."""
        return asset == self.reference_currency or asset in self.pegs

    def depths(self) -> Mapping[str, int]:
        """Return how many markets each hub is away from the reference, nearest first."""
        if self._depths is None:
            self._depths = self._measure()
        return self._depths

    def forget_depths(self) -> None:
        """Measure the hubs again: a market between two of them appeared."""
        self._depths = None

    def is_hub(self, asset: str) -> bool:
        """Return whether a path may lead through the asset."""
        return asset in INTERMEDIATES or self.is_root(asset)

    def hubs(self) -> tuple[str, ...]:
        """Return every asset that a path may lead through."""
        return tuple(dict.fromkeys((self.reference_currency, *sorted(self.pegs), *INTERMEDIATES)))

    def may_use(self, venue: str) -> bool:
        """Return whether that venue's marks may price accounts here."""
        known = self.board.venues.get(venue)
        return known is not None and known.may_price(venue=self.venue, kind=self.kind)

    def _measure(self) -> dict[str, int]:
        depths = {self.reference_currency: 0} | dict.fromkeys(sorted(self.pegs), 0)
        for depth in range(1, MAX_HOPS):
            nearer = tuple(depths)
            further = [asset for asset in INTERMEDIATES if asset not in depths]
            reached = [a for a in further if any(self._market(a, hub) for hub in nearer)]
            depths |= dict.fromkeys(reached, depth)
        return depths

    def _market(self, asset: str, hub: str) -> Hop | None:
        for instrument, is_inverted in ((f"{asset}/{hub}", False), (f"{hub}/{asset}", True)):
            if self.mark(instrument) is not None:
                return Hop(instrument=instrument, towards=hub, is_inverted=is_inverted)
        return None

    def _freshest(self, marks: Mapping[str, Mark]) -> Mark | None:
        usable = [m for v, m in marks.items() if v != self.venue and self.may_use(v)]
        return max(usable, key=lambda m: (m.confirmed_at, m.venue), default=None)

    def _is_fresh(self, mark: Mark, ageing: Ageing) -> bool:
        return ageing.is_fresh(mark, self.board.venues.get(mark.venue))


def factor(mark: Mark, *, is_inverted: bool) -> Decimal:
    """Return what one unit is multiplied by when it passes the mark's market."""
    return ROUNDED.divide(ONE, mark.price) if is_inverted else mark.price


def rate_of(*, price: Decimal, marks: tuple[Mark, ...], is_pegged: bool) -> Rate:
    """Return a rate with its path, source and age made from the marks it used."""
    sources = dict.fromkeys(mark.venue for mark in marks) | ({"peg": None} if is_pegged else {})
    return Rate(
        price=price,
        path=tuple(mark.instrument for mark in marks),
        source=", ".join(sources) or "reference",
        confirmed_at=min((mark.confirmed_at for mark in marks), default=None),
        marks=marks,
        is_pegged=is_pegged,
    )


def rate(
    *,
    asset: str,
    account: Account,
    board: PriceBoard,
    reference_currency: str,
    pegs: frozenset[str] = frozenset(),
) -> Rate | None:
    """Return the asset's price as one account sees it; None while it is missing."""
    pricing = Pricing(
        board=board,
        venue=account.venue,
        kind=account.venue_kind,
        reference_currency=reference_currency,
        pegs=pegs,
    )
    return pricing.rate(asset)


def _may_list(venue: PricingVenue, asset: str) -> bool:
    return venue.listed is None or asset in _assets_of(venue.listed)


@lru_cache(maxsize=256)
def _assets_of(listed: frozenset[str]) -> frozenset[str]:
    pairs = (instrument.partition(":")[0] for instrument in listed)
    return frozenset(asset for pair in pairs for asset in pair.split("/"))
