"""An incident as one file that any browser shows and prints: no script, nothing from outside."""

from datetime import datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from breaker.models import Trip
from breaker.selectors.drawing import Curves, LimitLine, Series, curves_of, window_of
from breaker.selectors.incident import incident_page
from breaker.selectors.references import change_percent
from breaker.selectors.series import DEFAULT_AROUND, around
from breaker.services.incident_bundle import Copy, copy_name
from portfolio.selectors import equity_series
from riskconsole.audit import witness
from riskconsole.kernel.numbers import EXACT

STYLE = Path("riskconsole/static/riskconsole/incident-report.css")
POINTS = 240


def write(trip: Trip, *, now: datetime) -> Copy:
    """Render the report; everything that people or venues wrote is escaped by the template."""
    context = {
        "page": incident_page(trip, now=now),
        "curves": _curves(trip, now=now),
        "style": _style(),
        "taken_at": now,
        "log": witness.seen_now().text,
    }
    text = render_to_string("breaker/incident_report.html", context)
    name = copy_name(trip, now=now, ending="html")
    return Copy(name=name, content_type="text/html; charset=utf-8", file=BytesIO(text.encode()))


def _style() -> SafeString:
    """Return the one stylesheet; it is ours, and no page of the console has one inside."""
    text = (settings.BASE_DIR / STYLE).read_text()
    return format_html("<style>{}</style>", mark_safe(text))  # noqa: S308


def _curves(trip: Trip, *, now: datetime) -> Curves | None:
    start, end = around(trip, DEFAULT_AROUND, now=now)
    reference = trip.reference_equity
    if reference is None:
        return None
    points = [
        (point.at, change_percent(point.equity, reference))
        for point in equity_series(
            portfolio=trip.breaker.portfolio, start=start, end=end, points=POINTS
        )
    ]
    window = window_of([points], span=end - start, now=end)
    series = Series(name=trip.breaker.portfolio.name, tone="", points=points)
    return curves_of([series], window=window, limits=_limits(trip))


def _limits(trip: Trip) -> list[LimitLine]:
    limits = trip.evidence.get("limits", {})
    named = (("Warning", "warn", "warning_ratio"), ("Trip", "trip", "trip_ratio"))
    return [
        LimitLine(name=name, tone=tone, percent=_percent(limits[key]))
        for name, tone, key in named
        if key in limits
    ]


def _percent(ratio: str) -> Decimal:
    return EXACT.multiply(Decimal(ratio), Decimal(-100))
