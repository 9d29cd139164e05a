"""A key of an armed portfolio is removed or swapped only once an approved request released it."""

from breaker.domain.approval import RequestKind
from breaker.triggers.conditions import ACCOUNT, BREAKER, KEY, PORTFOLIO, executed, no_replace
from riskconsole.triggers import Trigger, is_changed

_PORTFOLIO = f"(SELECT a.portfolio_id FROM {ACCOUNT} a WHERE a.id = OLD.account_id)"  # noqa: S608
_VERSION = f"(SELECT b.version FROM {BREAKER} b WHERE b.portfolio_id = {_PORTFOLIO})"  # noqa: S608
_GUARDS = (
    f"EXISTS (SELECT 1 FROM {ACCOUNT} a JOIN {PORTFOLIO} p ON p.id = a.portfolio_id"  # noqa: S608
    " WHERE a.id = OLD.account_id AND a.removed_at IS NULL AND p.armed_at IS NOT NULL)"
)
_IS_KEPT = f"OLD.released_until IS NULL AND {_GUARDS}"
_SAME_ACCOUNT = "OLD.venue_account_id <> '' AND NEW.venue_account_id = OLD.venue_account_id"

KEY_TRIGGERS = (
    Trigger(
        name="key_removal_approved",
        table=KEY,
        event="DELETE",
        condition=_IS_KEPT,
        reads_rows=True,
        message="a key of an armed portfolio is removed only by an approved request",
    ),
    Trigger(
        name="key_swap_approved",
        table=KEY,
        event="UPDATE",
        condition=f"({is_changed('set_at', 'key_hint')}) AND NOT ({_SAME_ACCOUNT}) AND {_IS_KEPT}",
        reads_rows=True,
        message="a key of an armed portfolio is swapped only by an approved request",
    ),
    Trigger(
        name="key_release_approved",
        table=KEY,
        event="UPDATE",
        condition="NEW.released_until IS NOT NULL AND"
        f" ({is_changed('released_until', 'released_by')}) AND NOT "
        + executed(RequestKind.KEY, portfolio=_PORTFOLIO, version=_VERSION),
        reads_rows=True,
        message="a key is released only by an approved request",
    ),
    Trigger(
        name="key_born_kept",
        table=KEY,
        event="INSERT",
        condition="NEW.released_until IS NOT NULL",
        message="a key is released only by an approved request",
    ),
    Trigger(
        name="key_stays_where_it_is",
        table=KEY,
        event="UPDATE",
        condition=is_changed("id", "account_id", "purpose"),
        message="a key belongs to one account and one purpose",
    ),
    Trigger(
        name="key_no_truncate",
        table=KEY,
        event="TRUNCATE",
        message="a key of an armed portfolio is removed only by an approved request",
    ),
    no_replace(KEY, "t.account_id = NEW.account_id AND t.purpose = NEW.purpose"),
)
