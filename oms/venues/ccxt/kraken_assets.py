"""Kraken's names of assets: one asset has several rows where some of it earns or is held."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal

from riskconsole.kernel.numbers import ZERO

# .F earns and is sold through the asset itself; the others are locked until they are released.
_LIQUID = "F"
_LOCKED = frozenset({"B", "M", "S", "P", "HOLD"})
_FEE_CREDITS = "KFEE"
_SUFFIXED = re.compile(r"(?P<asset>[A-Z0-9]+?)(?P<term>\d{2})?\.(?P<suffix>[A-Z]+)")
_STAKED = {"ETH2": "ETH"}


def fold(name: str, *, code_of: Callable[[str], str]) -> tuple[str, bool]:
    """Return the asset that a balance is counted as, and whether it can be sold now.

    A name whose suffix is not known stays as it is, and has no price: so it is reported.
    """
    found = _SUFFIXED.fullmatch(name)
    suffix = found["suffix"] if found else ""
    if found is None or suffix not in {*_LOCKED, _LIQUID}:
        return (name if "." in name else _plain(name, code_of)), True
    return _plain(found["asset"], code_of), suffix == _LIQUID


def is_worthless(name: str) -> bool:
    """Return whether it only pays for fees."""
    return name == _FEE_CREDITS


def folded(
    totals: Mapping[str, tuple[Decimal, Decimal]], *, code_of: Callable[[str], str]
) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """Return totals and free amounts by asset, from (total, held by orders) by Kraken's name."""
    balances: dict[str, Decimal] = {}
    free: dict[str, Decimal] = {}
    for name, (total, held) in totals.items():
        if is_worthless(name):
            continue
        asset, is_liquid = fold(name, code_of=code_of)
        balances[asset] = balances.get(asset, ZERO) + total
        free[asset] = free.get(asset, ZERO) + (total - held if is_liquid else ZERO)
    return balances, free


def _plain(name: str, code_of: Callable[[str], str]) -> str:
    code = code_of(name)
    return _STAKED.get(code, code)
