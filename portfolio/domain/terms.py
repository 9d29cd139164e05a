"""The equity as one sum over every holding, to check and to measure the running sums against."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from operator import mul

from portfolio.domain.pools import Node, Pool, signed_size
from portfolio.domain.rows import AmountRow, PositionRow
from riskconsole.kernel.numbers import EXACT, ONE, ZERO


@dataclass(slots=True, eq=False)
class _Group:
    """Holdings whose worth comes out in the same asset; node is None for the reference."""

    node: Node | None
    amounts: list[Decimal] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    sizes: list[Decimal] = field(default_factory=list)
    pools: list[Pool] = field(default_factory=list)
    base: Decimal = ZERO

    def include(self, row: PositionRow) -> None:
        """Take a position in."""
        size = signed_size(row.position)
        self.sizes.append(size)
        self.pools.append(row.pool)
        base = EXACT.multiply(size, row.pool.quote_of(row.base_price or ZERO))
        self.base = EXACT.add(self.base, base)

    def worth(self) -> Decimal:
        """Return the sum in the reference currency; to be called in the EXACT context."""
        factors = [node.factor for node in self.nodes]
        quotes = [pool.quote for pool in self.pools]
        total = sum(map(mul, self.amounts, factors), sum(map(mul, self.sizes, quotes), -self.base))
        return total * ((self.node and self.node.rate()) or ONE)


@dataclass(slots=True, eq=False)
class Terms:
    """Priced holdings in the order in which they are summed; void once a way to price changes."""

    _groups: dict[Node | None, _Group] = field(default_factory=dict)

    @classmethod
    def of(cls, *, amounts: Iterable[AmountRow], positions: Iterable[PositionRow]) -> "Terms":
        """Return the terms of everything that has a price."""
        terms = cls()
        for row in amounts:
            if row.node is not None and row.node.is_priced:
                group = terms._group(row.node.parent)
                group.amounts.append(row.amount)
                group.nodes.append(row.node)
        for item in positions:
            if not item.is_missing:
                terms._group(item.pool.node).include(item)
        return terms

    def total(self) -> Decimal:
        """Return the equity at the present marks."""
        with localcontext(EXACT):
            return sum((group.worth() for group in self._groups.values()), ZERO)

    def _group(self, node: Node | None) -> _Group:
        return self._groups.setdefault(node, _Group(node))
