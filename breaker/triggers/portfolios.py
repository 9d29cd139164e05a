"""What an armed portfolio, its capital and its accounts never do without an approved request."""

from breaker.domain.approval import RequestKind
from breaker.triggers.conditions import ACCOUNT, BREAKER, PORTFOLIO, executed, no_replace
from riskconsole.triggers import Trigger, is_changed

_OWN_VERSION = f"(SELECT b.version FROM {BREAKER} b WHERE b.portfolio_id = OLD.id)"  # noqa: S608

# A first capital is a new measure, and so as much as a lower one.
_LOWERS_REFERENCE = " OR ".join(
    f"NEW.{name} < OLD.{name} OR (NEW.{name} IS NOT NULL AND OLD.{name} IS NULL)"
    for name in ("initial_capital", "reference_equity", "floor_base")
)
# An account that joins an empty book ends the measure, without a request of its own.
_IS_JOINED = (
    f"EXISTS (SELECT 1 FROM {ACCOUNT} a WHERE a.portfolio_id = OLD.id"  # noqa: S608
    " AND a.is_joining AND a.as_of IS NOT NULL AND a.removed_at IS NULL)"
)
_LOSES_REFERENCE = (
    f"NEW.reference_equity IS NULL AND OLD.reference_equity IS NOT NULL AND NOT {_IS_JOINED}"
)


def _pegs_widen(*, vendor: str, widens: str) -> Trigger:
    return Trigger(
        name=f"portfolio_pegs_{vendor}",
        table=PORTFOLIO,
        event="UPDATE",
        condition=f"OLD.armed_at IS NOT NULL AND {widens} AND NOT "
        + executed(RequestKind.CHANGE, portfolio="OLD.id", version=_OWN_VERSION),
        reads_rows=True,
        vendor=vendor,
        message="pegs widen only by an approved request",
    )


PORTFOLIO_TRIGGERS = (
    Trigger(
        name="portfolio_reference_approved",
        table=PORTFOLIO,
        event="UPDATE",
        condition=f"OLD.armed_at IS NOT NULL AND ({_LOWERS_REFERENCE} OR {_LOSES_REFERENCE})"
        " AND NOT "
        + executed(
            RequestKind.RESET,
            RequestKind.CHANGE,
            RequestKind.FLOW,
            RequestKind.REMOVAL,
            portfolio="OLD.id",
            version=_OWN_VERSION,
        ),
        reads_rows=True,
        message="a reference falls only by an approved request",
    ),
    _pegs_widen(
        vendor="sqlite",
        widens="EXISTS (SELECT 1 FROM json_each(NEW.pegs) n WHERE n.value NOT IN"
        " (SELECT o.value FROM json_each(OLD.pegs) o))",
    ),
    _pegs_widen(vendor="postgresql", widens="NOT (OLD.pegs @> NEW.pegs)"),
    Trigger(
        name="portfolio_stays_armed",
        table=PORTFOLIO,
        event="UPDATE",
        condition=f"OLD.armed_at IS NOT NULL AND ({is_changed('id', 'armed_at')})",
        message="an armed portfolio stays armed",
    ),
    Trigger(
        name="portfolio_armed_no_delete",
        table=PORTFOLIO,
        event="DELETE",
        condition="OLD.armed_at IS NOT NULL",
        message="an armed portfolio is never removed",
    ),
    no_replace(PORTFOLIO, "t.slug = NEW.slug"),
)

_ARMED_ACCOUNT = (
    f"EXISTS (SELECT 1 FROM {PORTFOLIO} p"  # noqa: S608
    " WHERE p.id = OLD.portfolio_id AND p.armed_at IS NOT NULL)"
)
_ACCOUNT_VERSION = f"(SELECT b.version FROM {BREAKER} b WHERE b.portfolio_id = OLD.portfolio_id)"  # noqa: S608


def _approved_account(kind: RequestKind, *, name: str, change: str, message: str) -> Trigger:
    approved = executed(kind, portfolio="OLD.portfolio_id", version=_ACCOUNT_VERSION)
    return Trigger(
        name=name,
        table=ACCOUNT,
        event="UPDATE",
        condition=f"({change}) AND {_ARMED_ACCOUNT} AND NOT {approved}",
        reads_rows=True,
        message=message,
    )


ACCOUNT_TRIGGERS = (
    _approved_account(
        RequestKind.REMOVAL,
        name="account_removal_approved",
        change="OLD.removed_at IS NULL AND NEW.removed_at IS NOT NULL",
        message="an account leaves an armed portfolio only by an approved request",
    ),
    _approved_account(
        RequestKind.RESET,
        name="account_exception_approved",
        change="NEW.is_excepted AND NOT OLD.is_excepted",
        message="an account is left out of health only by an approved reset",
    ),
    Trigger(
        name="account_stays_counted",
        table=ACCOUNT,
        event="UPDATE",
        condition=f"({is_changed('id', 'portfolio_id')}) OR (NEW.is_joining AND NOT OLD.is_joining)"
        " OR (OLD.removed_at IS NOT NULL AND NEW.removed_at IS NULL)",
        message="an account joins its portfolio once, and leaves it once",
    ),
)
