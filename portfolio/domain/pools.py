"""Exact incremental sums: what is held flows along markets into the reference currency.

All accounts of one venue see the same prices. Their balances of an asset are one node, their
positions of an instrument one pool, and a node's amounts flow over one market to the node of the
asset it is priced in. A tick changes one factor, so it touches the few nodes downstream of it,
never the holdings.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from portfolio.domain.holdings import Position, Side, settle_of
from portfolio.domain.prices import Hop, Mark, Pricing, factor
from riskconsole.kernel.numbers import EXACT, ONE, ROUNDED, ZERO

_add, _multiply, _subtract = EXACT.add, EXACT.multiply, EXACT.subtract


@dataclass(slots=True)
class Totals:
    """Sums over everything that has a price, in the reference currency."""

    equity: Decimal = ZERO
    pnl: Decimal = ZERO
    gross: Decimal = ZERO


@dataclass(slots=True, eq=False)
class Node:
    """What one venue's accounts hold in one asset, and what flows in from others, in that asset.

    :param factor: towards the parent; None while the asset has no way to the reference
    """

    asset: str
    totals: Totals
    equity: Decimal = ZERO
    pnl: Decimal = ZERO
    gross: Decimal = ZERO
    hop: Hop | None = None
    mark: Mark | None = None
    parent: "Node | None" = None
    factor: Decimal | None = None

    @property
    def is_priced(self) -> bool:
        """Whether there is a way to the reference."""
        return self.factor is not None

    def add(self, equity: Decimal, pnl: Decimal, gross: Decimal) -> None:
        """Add amounts of this asset here and everything downstream."""
        node = self
        while True:
            node.equity = _add(node.equity, equity)
            node.pnl = _add(node.pnl, pnl)
            node.gross = _add(node.gross, gross)
            if node.factor is None:
                return
            if node.parent is None:
                break
            equity, pnl, gross = (
                _multiply(equity, node.factor),
                _multiply(pnl, node.factor),
                _multiply(gross, node.factor),
            )
            node = node.parent
        totals = self.totals
        totals.equity = _add(totals.equity, equity)
        totals.pnl = _add(totals.pnl, pnl)
        totals.gross = _add(totals.gross, gross)

    def flow(self, change: Decimal) -> None:
        """Pass on what a change of the factor makes of the amounts held here."""
        if self.parent is not None:
            self.parent.add(
                _multiply(self.equity, change),
                _multiply(self.pnl, change),
                _multiply(self.gross, change),
            )

    def reprice(self, mark: Mark) -> None:
        """Move the factor to another mark of the same market."""
        if self.hop is None or self.factor is None:
            raise ValueError(f"Node {self.asset} has no market to reprice")
        before, self.mark = self.factor, mark
        self.factor = factor(mark, is_inverted=self.hop.is_inverted)
        if self.factor != before:
            self.flow(_subtract(self.factor, before))

    def rate(self) -> Decimal | None:
        """Return the price in the reference currency; None while there is none."""
        price, node = ONE, self
        while node.factor is not None:
            if node.parent is None:
                return price
            price, node = _multiply(price, node.factor), node.parent
        return None

    def marks(self) -> tuple[Mark, ...]:
        """Return the marks on the way to the reference, nearest first."""
        own = () if self.mark is None else (self.mark,)
        return own if self.parent is None else own + self.parent.marks()

    def root(self) -> str:
        """Return the asset at which the way ends."""
        return self.asset if self.parent is None else self.parent.root()


@dataclass(slots=True, eq=False)
class Pool:
    """All positions of one instrument in one venue's accounts.

    A linear position is worth size x (mark - base), an inverse one size x (1/base - 1/mark):
    both are size x (quote - quote of the base) with quote = mark, or -1/mark.
    """

    instrument: str
    is_inverse: bool
    node: Node
    size: Decimal = ZERO
    gross_size: Decimal = ZERO
    base: Decimal = ZERO
    entry: Decimal = ZERO
    mark: Mark | None = None
    quote: Decimal | None = None

    @property
    def is_priced(self) -> bool:
        """Whether the instrument has a mark and its settlement asset a price."""
        return self.quote is not None and self.node.is_priced

    def include(self, position: Position, *, base_price: Decimal) -> None:
        """Take a position in; its equity counts from base_price, its P&L from its entry."""
        size = signed_size(position)
        self.size = _add(self.size, size)
        self.gross_size = _add(self.gross_size, size.copy_abs())
        self.base = _add(self.base, _multiply(size, self.quote_of(base_price)))
        self.entry = _add(self.entry, _multiply(size, self.quote_of(position.entry_price)))

    def reprice(self, mark: Mark) -> None:
        """Move to another mark of the instrument."""
        before, quote = self.quote, self.quote_of(mark.price)
        self.mark, self.quote = mark, quote
        if before is None:
            worth, gross = _multiply(self.size, quote), _multiply(self.gross_size, quote.copy_abs())
            self.node.add(_subtract(worth, self.base), _subtract(worth, self.entry), gross)
        elif quote != before:
            change = _multiply(self.size, _subtract(quote, before))
            widening = _subtract(quote.copy_abs(), before.copy_abs())
            self.node.add(change, change, _multiply(self.gross_size, widening))

    def quote_of(self, price: Decimal) -> Decimal:
        return ROUNDED.divide(ONE, price).copy_negate() if self.is_inverse else price


@dataclass(slots=True, eq=False)
class Scope:
    """The accounts of one venue: their nodes, pools and the prices they see."""

    pricing: Pricing
    totals: Totals
    nodes: dict[str, Node] = field(default_factory=dict)
    pools: dict[tuple[str, bool], Pool] = field(default_factory=dict)
    _pools_of: dict[str, list[Pool]] = field(default_factory=dict)
    _node_on: dict[str, Node] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)
    _candidates: frozenset[str] | None = None

    def node(self, asset: str) -> Node:
        """Return the asset's node, linked to its way to the reference where there is one."""
        node = self.nodes.get(asset)
        if node is None:
            node = self.nodes[asset] = Node(asset, self.totals)
            if self.pricing.is_root(asset):
                node.factor = ONE
            else:
                self._route(node)
        return node

    def pool(self, position: Position) -> Pool:
        """Return the pool of the position's instrument."""
        key = (position.instrument, position.is_inverse)
        pool = self.pools.get(key)
        if pool is None:
            pool = self.pools[key] = Pool(*key, self.node(settle_of(position.instrument)))
            self._pools_of.setdefault(position.instrument, []).append(pool)
        return pool

    def price_pools(self) -> None:
        """Give every pool the mark that there is at the start."""
        for pool in self.pools.values():
            if mark := self.pricing.mark(pool.instrument):
                pool.reprice(mark)

    def touch(self, new: Mark) -> bool:
        """Value again what the instrument prices here; return whether a way to price changed."""
        instrument = new.instrument
        pools, node = self._pools_of.get(instrument), self._node_on.get(instrument)
        if pools is None and node is None:
            return self._may_route(instrument)
        mark = new if new.venue == self.pricing.venue else self.pricing.mark(instrument)
        if mark is None:
            return False
        if node is not None:
            node.reprice(mark)
        is_first = False
        for pool in pools or ():
            is_first = is_first or pool.quote is None
            pool.reprice(mark)
        return self._may_route(instrument) or is_first

    def candidates(self) -> frozenset[str]:
        """Return every instrument that prices something here, or would if it had a mark."""
        if self._candidates is None:
            self._candidates = frozenset(self._find_candidates())
        return self._candidates

    def _find_candidates(self) -> set[str]:
        hubs = self.pricing.hubs()
        found = {pool.instrument for pool in self.pools.values()}
        if all(self.pricing.is_root(asset) for asset in self.nodes):
            return found
        for asset in {*self.nodes, *hubs}:
            if not self.pricing.is_root(asset):
                pairs = [(f"{asset}/{hub}", f"{hub}/{asset}") for hub in hubs if hub != asset]
                found.update(instrument for pair in pairs for instrument in pair)
        return found

    def _may_route(self, instrument: str) -> bool:
        if instrument in self._seen:
            return False
        base, slash, quote = instrument.partition("/")
        if not slash or ":" in quote:
            self._seen.add(instrument)
            return False
        if self.pricing.mark(instrument) is None:
            return False
        self._seen.add(instrument)
        return self._reroute(base, quote)

    def _reroute(self, base: str, quote: str) -> bool:
        pricing = self.pricing
        if pricing.is_hub(base) and pricing.is_hub(quote):
            pricing.forget_depths()
            nearest = [self.nodes[hub] for hub in pricing.depths() if hub in self.nodes]
            others = [node for node in self.nodes.values() if node not in nearest]
            moved = [self._route(node) for node in (*nearest, *others)]
            return any(moved)
        asset = base if pricing.is_hub(quote) else quote
        return asset in self.nodes and self._route(self.nodes[asset])

    def _route(self, node: Node) -> bool:
        """Link the node to the shortest way there is now; return whether that moved it."""
        hop = None if self.pricing.is_root(node.asset) else self.pricing.hop(node.asset)
        if hop is None or hop == node.hop:
            return False
        mark = self.pricing.mark(hop.instrument)
        if mark is None:
            raise ValueError(f"{hop.instrument} is a hop without a mark")
        if node.hop is not None and node.factor is not None:
            node.flow(node.factor.copy_negate())
            del self._node_on[node.hop.instrument]
        node.parent, node.hop, node.mark = self.node(hop.towards), hop, mark
        node.factor = factor(mark, is_inverted=hop.is_inverted)
        self._node_on[hop.instrument] = node
        node.flow(node.factor)
        return True


def signed_size(position: Position) -> Decimal:
    """Return quantity x contract size, below zero for a short."""
    size = _multiply(position.quantity, position.contract_size)
    return size if position.side is Side.LONG else size.copy_negate()
