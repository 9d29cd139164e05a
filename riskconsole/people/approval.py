"""What one admin may not do alone once a portfolio is armed."""

from collections.abc import Iterable

from riskconsole.kernel.errors import RiskConsoleError

LOOSENING_ROLES = frozenset({"ADMIN", "APPROVER"})


class NeedsApproval(RiskConsoleError):
    """It loosens what guards an armed portfolio: a second person has to agree."""


def refuse_alone(*, roles: Iterable[str], is_any_armed: bool, approval: str) -> None:
    """Return if the roles may be given.

    :param approval: the approved request that asks for it, such as "request:7"; empty for none
    :raises NeedsApproval: naming the role that needs a second person
    """
    loosening = sorted(LOOSENING_ROLES.intersection(roles))
    if is_any_armed and loosening and not approval:
        raise NeedsApproval(
            f"A portfolio is armed: making somebody {loosening[0]} takes a second person's approval"
        )
