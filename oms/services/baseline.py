"""What an account held at the trip, and what it was seen to hold more of since."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal

from oms.domain.growth import Line, spot_lines
from oms.venues.base import AccountSnapshot
from portfolio.domain.holdings import AccountKind, Side
from portfolio.models import Balance, Portfolio, Position, VenueAccount
