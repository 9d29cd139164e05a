"""What is held where, what it was last worth, and who may see it."""

from enum import StrEnum

from django.conf import settings
from django.db import models
from django.db.models import Q

from portfolio.domain.flows import Capital
from portfolio.domain.holdings import AccountKind, Side, VenueKind
from riskconsole.fields import MoneyField, RatioField
from riskconsole.kernel.numbers import choices_of


class Role(StrEnum):
    VIEWER = "VIEWER"
    OPERATOR = "OPERATOR"
    APPROVER = "APPROVER"


class MarkSource(StrEnum):
    VENUE = "VENUE"
    PUSH = "PUSH"


class Venue(models.Model):
    """An exchange, or one of the two built-in venues "manual" and "paper"."""

    slug = models.SlugField(unique=True)
    kind = models.CharField(max_length=8, choices=choices_of(VenueKind))
    exchange = models.CharField(max_length=32, blank=True)
    source = models.CharField(max_length=5, choices=choices_of(MarkSource))
    urls = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=[kind.value for kind in VenueKind]), name="venue_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(source__in=[source.value for source in MarkSource]),
                name="venue_source_known",
            ),
        ]

    def __str__(self) -> str:
        return self.slug


class Portfolio(models.Model):
    """One book with one breaker; holdings_version changes with each snapshot or account.

    is_closing: the console is closing its positions, so that nobody else may reduce them.
    """

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=80)
    reference_currency = models.CharField(max_length=16)
    initial_capital = MoneyField(null=True)
    reference_equity = MoneyField(null=True)
    floor_base = MoneyField(null=True)
    net_flows = MoneyField(default=0)
    pegs = models.JSONField(default=list)
    armed_at = models.DateTimeField(null=True)
    holdings_version = models.PositiveBigIntegerField(default=0)
    is_closing = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(initial_capital__isnull=True) | Q(initial_capital__gt=0),
                name="portfolio_initial_capital_positive",
            ),
            models.CheckConstraint(
                condition=Q(reference_equity__isnull=True) | Q(reference_equity__gt=0),
                name="portfolio_reference_equity_positive",
            ),
            models.CheckConstraint(
                condition=Q(
                    initial_capital__isnull=True,
                    reference_equity__isnull=True,
                    floor_base__isnull=True,
                )
                | Q(
                    initial_capital__isnull=False,
                    reference_equity__isnull=False,
                    floor_base__isnull=False,
                ),
                name="portfolio_capital_whole",
            ),
        ]

    def __str__(self) -> str:
        return self.slug

    @property
    def capital(self) -> Capital:
        """What its losses are measured from."""
        return Capital(
            initial_capital=self.initial_capital,
            reference_equity=self.reference_equity,
            floor_base=self.floor_base,
            net_flows=self.net_flows,
        )


class Membership(models.Model):
    """A role in a portfolio, and since when: a new approver does not count at once."""

    portfolio = models.ForeignKey(Portfolio, models.PROTECT, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=8, choices=choices_of(Role))
    since = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["portfolio", "user", "role"], name="membership_unique"),
            models.CheckConstraint(
                condition=Q(role__in=[role.value for role in Role]), name="membership_role_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.role} of {self.portfolio_id}"


class PresentAccounts(models.Manager["VenueAccount"]):
    """The accounts that belong to their portfolio; a removed one is only in the record."""

    def get_queryset(self) -> models.QuerySet["VenueAccount"]:
        return super().get_queryset().filter(removed_at=None)


class VenueAccount(models.Model):
    """One account at one venue; as_of is the time that its stored snapshot states.

    previous keeps the lines before the last change of quantities, to tell a breach by price from
    one that only a change of quantities explains. is_joining: added to an armed portfolio, and not
    counted until each of its lines has a price. is_excepted: a reset accepted that it could not be
    read, so it keeps its last quantities, out of health, until its next complete snapshot.
    """

    portfolio = models.ForeignKey(Portfolio, models.PROTECT, related_name="accounts")
    venue = models.ForeignKey(Venue, models.PROTECT, related_name="accounts")
    slug = models.SlugField()
    kind = models.CharField(max_length=6, choices=choices_of(AccountKind))
    as_of = models.DateTimeField(null=True)
    venue_equity = MoneyField(null=True)
    venue_equity_currency = models.CharField(max_length=16, blank=True)
    previous = models.JSONField(null=True)
    is_joining = models.BooleanField(default=False)
    is_excepted = models.BooleanField(default=False)
    removed_at = models.DateTimeField(null=True)

    objects = PresentAccounts()
    everything: models.Manager["VenueAccount"] = models.Manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["portfolio", "slug"],
                condition=Q(removed_at__isnull=True),
                name="venue_account_unique",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=[kind.value for kind in AccountKind]),
                name="venue_account_kind_known",
            ),
        ]

    def __str__(self) -> str:
        return self.slug


class Balance(models.Model):
    """A total of one asset; below zero it is a debt."""

    account = models.ForeignKey(VenueAccount, models.CASCADE, related_name="balances")
    asset = models.CharField(max_length=32)
    total = MoneyField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "asset"], name="balance_unique")]

    def __str__(self) -> str:
        return f"{self.total} {self.asset}"


class Position(models.Model):
    """One side of one instrument; snapshot_mark is the venue's mark at the snapshot."""

    account = models.ForeignKey(VenueAccount, models.CASCADE, related_name="positions")
    instrument = models.CharField(max_length=64)
    side = models.CharField(max_length=5, choices=choices_of(Side))
    quantity = MoneyField()
    entry_price = MoneyField()
    contract_size = MoneyField(default=1)
    is_inverse = models.BooleanField(default=False)
    snapshot_mark = MoneyField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "instrument", "side"], name="position_unique"
            ),
            models.CheckConstraint(
                condition=Q(side__in=[side.value for side in Side]), name="position_side_known"
            ),
            models.CheckConstraint(
                condition=Q(quantity__gt=0, entry_price__gt=0, contract_size__gt=0),
                name="position_numbers_positive",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.quantity} {self.instrument}"


class Mark(models.Model):
    """The last accepted mark of an instrument on a venue, and one that is held as an outlier."""

    venue = models.ForeignKey(Venue, models.PROTECT, related_name="marks")
    instrument = models.CharField(max_length=64)
    price = MoneyField(null=True)
    source_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    held = models.JSONField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["venue", "instrument"], name="mark_unique"),
            models.CheckConstraint(
                condition=Q(price__isnull=True) | Q(price__gt=0), name="mark_price_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.venue_id} {self.instrument} {self.price}"


class Evaluation(models.Model):
    """What the last finished evaluation of a portfolio found; the gate and the health read it.

    number counts the finished evaluations that were written; one that read number n writes only
    over n. fresh_until and blind_from say when, if nothing new arrives, health leaves OK and
    becomes BLIND.
    """

    portfolio = models.OneToOneField(Portfolio, models.PROTECT, related_name="evaluation")
    number = models.PositiveBigIntegerField(default=0)
    breaker_version = models.PositiveBigIntegerField(null=True)
    holdings_version = models.PositiveBigIntegerField(null=True)
    finished_at = models.DateTimeField(null=True)
    equity = MoneyField(null=True)
    unrealized_pnl = MoneyField(null=True)
    conservative_equity = MoneyField(null=True)
    loss_ratio = RatioField(null=True)
    gross_exposure = MoneyField(null=True)
    net_exposure = MoneyField(null=True)
    fresh_until = models.DateTimeField(null=True)
    blind_from = models.DateTimeField(null=True)
    blind_since = models.DateTimeField(null=True)
    blind_moved_at = models.DateTimeField(null=True)
    not_blind_since = models.DateTimeField(null=True)
    quantity_breach_since = models.DateTimeField(null=True)
    warning_clear_since = models.DateTimeField(null=True)
    is_clock_jumped = models.BooleanField(default=False)
    reasons = models.JSONField(default=list)
    stale = models.JSONField(default=list)
    missing = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"evaluation {self.number} of {self.portfolio_id}"


class Resolution(models.IntegerChoices):
    SECOND = 1
    MINUTE = 60
    FIVE_MINUTES = 300


class EquityPoint(models.Model):
    """Equity over one bucket of 1, 60 or 300 s: last, lowest and highest."""

    portfolio = models.ForeignKey(Portfolio, models.PROTECT, related_name="equity_points")
    resolution = models.PositiveSmallIntegerField(choices=Resolution.choices)
    at = models.DateTimeField()
    equity = MoneyField()
    low = MoneyField()
    high = MoneyField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["portfolio", "resolution", "at"], name="equity_point_unique"
            )
        ]
        indexes = [models.Index(fields=["resolution", "at"], name="equity_point_age")]

    def __str__(self) -> str:
        return f"{self.at} {self.equity}"


class MarkPoint(models.Model):
    """The mark of one second, kept for the evidence of a trip."""

    venue = models.ForeignKey(Venue, models.PROTECT, related_name="+")
    instrument = models.CharField(max_length=64)
    at = models.DateTimeField()
    price = MoneyField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["venue", "instrument", "at"], name="mark_point_unique")
        ]
        indexes = [models.Index(fields=["at"], name="mark_point_age")]

    def __str__(self) -> str:
        return f"{self.at} {self.instrument} {self.price}"


class KeptWindow(models.Model):
    """A time around a trip or reset of which every second is kept for ever."""

    portfolio = models.ForeignKey(Portfolio, models.PROTECT, related_name="kept_windows")
    start = models.DateTimeField()
    end = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.start} to {self.end}"
