"""What money that comes or goes does to the reference: a loss ratio stays what it was."""

from dataclasses import dataclass
from decimal import Decimal

from riskconsole.kernel.numbers import EXACT, ZERO, to_money_step


@dataclass(frozen=True, slots=True, kw_only=True)
class Capital:
    """What losses are measured from; None where the portfolio is not protected."""

    initial_capital: Decimal | None
    reference_equity: Decimal | None
    floor_base: Decimal | None
    net_flows: Decimal

    def after_flow(self, *, before: Decimal, after: Decimal) -> "Capital":
        """Return it after a flow that took the equity from before to after.

        Where either is not above zero no reference says what a loss is: not protected, until an
        approved initial capital is set.
        """
        net_flows = EXACT.add(self.net_flows, EXACT.subtract(after, before))
        if before <= ZERO or after <= ZERO:
            return Capital(
                initial_capital=None, reference_equity=None, floor_base=None, net_flows=net_flows
            )
        return Capital(
            initial_capital=self.initial_capital,
            reference_equity=_scaled(self.reference_equity, before=before, after=after),
            floor_base=_scaled(self.floor_base, before=before, after=after),
            net_flows=net_flows,
        )


def _scaled(value: Decimal | None, *, before: Decimal, after: Decimal) -> Decimal | None:
    if value is None:
        return None
    return to_money_step(EXACT.divide(EXACT.multiply(value, after), before))
