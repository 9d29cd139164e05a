"""Each holding of a book tied to what prices it; its line is made again only after a change."""

from dataclasses import dataclass
from decimal import Decimal

from portfolio.domain.holdings import Account, Position
from portfolio.domain.lines import Line, LineKind, amount_line, position_line
from portfolio.domain.pools import Node, Pool
from portfolio.domain.prices import Mark


@dataclass(slots=True, eq=False, kw_only=True)
class AmountRow:
    """A balance, or the venue's own equity figure.

    :param node: None if it adds nothing: an empty balance, or one within the venue's figure
    :param is_counted: without a price it is missing; False if it then counts zero
    """

    account: Account
    kind: LineKind
    asset: str
    amount: Decimal
    node: Node | None
    reference: str
    is_counted: bool = True
    _marks: tuple[Mark, ...] = ()
    _line: Line | None = None

    @property
    def label(self) -> str:
        return f"{self.account.slug} {self.asset}"

    @property
    def is_missing(self) -> bool:
        """Whether there is no price and one is needed."""
        return self.node is not None and not self.node.is_priced and self.is_counted

    def move_to(self, account: Account) -> None:
        """Take the account's newer facts."""
        if account != self.account:
            self.account, self._line = account, None

    def line(self) -> Line:
        """Return the line; the one made before while its marks are the same."""
        marks = self.node.marks() if self.node else ()
        if self._line is None or marks != self._marks:
            self._marks = marks
            self._line = amount_line(
                account=self.account,
                kind=self.kind,
                asset=self.asset,
                amount=self.amount,
                node=self.node,
                reference=self.reference,
                is_counted=self.is_counted,
            )
        return self._line


@dataclass(slots=True, eq=False, kw_only=True)
class PositionRow:
    """A position.

    :param base_price: that its equity counts from; None while that is not known
    """

    account: Account
    position: Position
    pool: Pool
    base_price: Decimal | None
    reference: str
    _marks: tuple[Mark, ...] = ()
    _line: Line | None = None

    @property
    def label(self) -> str:
        return f"{self.account.slug} {self.position.instrument} {self.position.side}"

    @property
    def is_missing(self) -> bool:
        """Whether there is no price for it, or none to count from."""
        return self.base_price is None or not self.pool.is_priced

    def move_to(self, account: Account) -> None:
        """Take the account's newer facts."""
        if account != self.account:
            self.account, self._line = account, None

    def line(self) -> Line:
        """Return the line; the one made before while its marks are the same."""
        own = () if self.pool.mark is None else (self.pool.mark,)
        marks = own + self.pool.node.marks()
        if self._line is None or marks != self._marks:
            self._marks = marks
            self._line = position_line(
                account=self.account,
                position=self.position,
                pool=self.pool,
                base_price=self.base_price,
                reference=self.reference,
            )
        return self._line
