"""What a requester writes, held against what the system sees: pure.

Only plain words are looked for. A claim that is not found is no proof of anything, so the page
shows the facts themselves in any case.
"""

import re
from collections.abc import Iterator, Sequence

FLAT = re.compile(r"(?<!not )(?<!n't )\b(?:flat|no (?:open )?positions?)\b", re.IGNORECASE)
NO_ORDERS = re.compile(
    r"\bno (?:open |more )?orders?\b|\borders? (?:are |were |is |was )?(?:all )?(?:gone|cancell?ed)\b",
    re.IGNORECASE,
)


def contradictions(
    reason: str, *, open_positions: int, unconfirmed: Sequence[str]
) -> tuple[str, ...]:
    """Return a sentence for each thing that is written and is not seen.

    :param unconfirmed: accounts not confirmed without orders
    """
    return tuple(_found(reason, open_positions=open_positions, unconfirmed=unconfirmed))


def _found(reason: str, *, open_positions: int, unconfirmed: Sequence[str]) -> Iterator[str]:
    flat, no_orders = FLAT.search(reason), NO_ORDERS.search(reason)
    if flat and open_positions:
        are = "position is" if open_positions == 1 else "positions are"
        yield f"The reason says “{flat[0]}”, but {open_positions} {are} open"
    if no_orders and unconfirmed:
        where = ", ".join(unconfirmed)
        yield f"The reason says “{no_orders[0]}”, but {where} is not confirmed without orders"
