"""The shell's facts for base.html: one read per page."""

from typing import Any

from django import template
from django.conf import settings
from django.utils import timezone

from breaker.selectors import shell as selectors
from breaker.selectors.rows import CHECKS_AT_LEAST_EVERY, operated_ids
from breaker.selectors.waiting import waiting_for
from portfolio.selectors import HALTERS, visible_portfolios
from riskconsole.ops.demo_home import DemoCode, demo_codes
from riskconsole.people.models import Theme, User

register = template.Library()

THEMES = (Theme.SYSTEM, Theme.DARK, Theme.LIGHT)


@register.simple_tag(takes_context=True)
def shell(context: dict[str, Any]) -> selectors.Shell:
    """Return what the shell of a signed-in person's page shows."""
    user, now = context["request"].user, timezone.now()  # noqa: TID251 - a part of every view
    portfolios = visible_portfolios(user)
    last_check_at = selectors.last_check_at(portfolios)
    is_recent = last_check_at is not None and now - last_check_at <= CHECKS_AT_LEAST_EVERY
    return selectors.Shell(
        now=now,
        alarms=selectors.alarms_of(portfolios),
        needs_human=selectors.stuck_legs_of(portfolios),
        untold=selectors.untold_alerts_of(portfolios, now=now),
        last_check_at=last_check_at,
        is_checking=is_recent or not portfolios.exists(),
        worst=selectors.worst_state_of(portfolios),
        has_alert_route=bool(settings.ALERT_URLS),
        to_decide=waiting_for(user, now=now),
        may_halt=bool(operated_ids(user)),
        is_solo=settings.IS_SOLO,
        is_demo=settings.IS_DEMO,
        crashable=_crashable(user) if settings.IS_DEMO else (),
        next_theme=THEMES[(THEMES.index(Theme(user.theme)) + 1) % len(THEMES)],
    )


@register.simple_tag
def is_solo() -> bool:
    """Return whether one person works alone here: each page says so, signing in too."""
    return bool(settings.IS_SOLO)


@register.simple_tag
def demo_people() -> tuple[DemoCode, ...]:
    """Return the codes that the banner of a demo shows."""
    return demo_codes(now=timezone.now())  # noqa: TID251 - a part of every view


def _crashable(user: User) -> tuple[tuple[str, str], ...]:
    """Return slug and name of what the user may let fall."""
    operated = user.memberships.filter(role__in=HALTERS).order_by("portfolio__name")
    found: list[tuple[str, str]] = list(
        operated.values_list("portfolio__slug", "portfolio__name").distinct()
    )
    return tuple(found)
