"""Take-profit and stop-loss orders that hang on a position: a third scope of MEXC swap."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from portfolio.domain.holdings import Side
from tests.emulators.mexc import millis
from tests.emulators.mexc_swap_orders import NO_SUCH_ORDER, MexcSwapOrders, answer, page
from tests.emulators.mexc_swap_told import POSITION_TYPES, number
from tests.emulators.wire import Request

UNTRIGGERED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """A stop-loss of a position."""

    id: str
    instrument: str
    side: Side
    quantity: Decimal
    price: Decimal
    created_at: datetime


class MexcSwapStops(MexcSwapOrders):
    """What hangs stops on positions, lists them and takes them away."""

    attached: dict[str, Attached]

    def attach(self, *, instrument: str, side: Side, quantity: Decimal, price: Decimal) -> str:
        """Hang a stop-loss on a position, as its owner would; return its id."""
        order_id = str(841_000_000_000_000_000 + len(self.attached))
        self.attached[order_id] = Attached(
            id=order_id,
            instrument=instrument,
            side=side,
            quantity=quantity,
            price=price,
            created_at=self.clock(),
        )
        return order_id

    def list_attached(self, request: Request) -> object:
        rows = [self._attached_row(found) for found in self.attached.values()]
        return answer(page(request, rows, symbol=request.query.get("symbol")))

    def cancel_attached(self, request: Request) -> object:
        body: Any = request.json()
        ids = {str(row["stopPlanOrderId"]) for row in body}
        is_known = ids <= set(self.attached)
        for order_id in ids:
            self.attached.pop(order_id, None)
        return answer() if is_known else self.error(NO_SUCH_ORDER)

    def cancel_all_attached(self, _request: Request) -> object:
        self.attached.clear()
        return answer()

    def _attached_row(self, found: Attached) -> dict[str, object]:
        return {
            "id": found.id,
            "symbol": self.id_of(found.instrument),
            "positionType": POSITION_TYPES[found.side],
            "vol": number(found.quantity),
            "stopLossPrice": number(found.price),
            "takeProfitPrice": 0,
            "state": UNTRIGGERED,
            "isFinished": 0,
            "createTime": millis(found.created_at),
        }
