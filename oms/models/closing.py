"""What must be closed, and every order that the console sent for it."""

from django.db import models
from django.db.models import F, Q

from oms.domain.closing import CLOSED, UNSETTLED, CloseStatus, IntentState
from oms.domain.orders import OrderSide
from oms.models.attended import Attended
from oms.models.constraints import known
from portfolio.domain.holdings import Side
from portfolio.models import Portfolio, VenueAccount
from riskconsole.fields import MoneyField
from riskconsole.kernel.numbers import choices_of


class CloseRun(models.Model):
    """Positions of a portfolio must go, from opened_at until ended_at.

    max_mark_age is how old the mark may be that an order's limit is measured from. is_held: what
    appears again is closed again until the run is ended; else a leg ends when its account is flat.
    """

    portfolio = models.ForeignKey(Portfolio, models.PROTECT, related_name="close_runs")
    cause = models.CharField(max_length=128, unique=True)
    max_mark_age = models.DurationField()
    is_held = models.BooleanField()
    opened_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("opened_at")),
                name="close_run_ends_after_it_opened",
            ),
            models.CheckConstraint(condition=~Q(cause=""), name="close_run_has_a_cause"),
        ]

    def __str__(self) -> str:
        return self.cause


class CloseLeg(Attended):
    """One account of a run; an account has one leg at a time that goes on.

    instruments limits it to these markets and assets; null is everything. residuals is what stays,
    a list of name, side, quantity and reason; blocked what cannot be sent now, a list of instrument
    and obstacle. read_at is the begin of the last reading that found nothing to close.
    """

    run = models.ForeignKey(CloseRun, models.PROTECT, related_name="legs")
    account = models.ForeignKey(VenueAccount, models.PROTECT, related_name="close_legs")
    status = models.CharField(
        max_length=11, choices=choices_of(CloseStatus), default=CloseStatus.CLOSING
    )
    instruments = models.JSONField(null=True)
    residuals = models.JSONField(default=list)
    blocked = models.JSONField(default=list)
    read_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "account"], name="close_leg_unique"),
            models.UniqueConstraint(
                fields=["account"], condition=Q(is_ended=False), name="close_leg_one_goes_on"
            ),
            known("status", CloseStatus, "close_leg_status_known"),
            models.CheckConstraint(
                condition=~Q(status__in=[status.value for status in CLOSED])
                | Q(confirmed_at__isnull=False, read_at__isnull=False),
                name="close_leg_flat_is_confirmed",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"], name="close_leg_attended", condition=Q(is_ended=False)
            )
        ]

    def __str__(self) -> str:
        return f"close leg {self.pk} {self.status}"


class CloseIntent(models.Model):
    """One reduce-only order, committed before it is sent; client_id is what the venue knows it by.

    number counts the orders for this side of the instrument; one that the venue never came to know
    is not used up, and is sent again under the same client_id with what was read since. held is
    what was read just before.
    """

    leg = models.ForeignKey(CloseLeg, models.PROTECT, related_name="intents")
    account = models.ForeignKey(VenueAccount, models.PROTECT, related_name="close_intents")
    client_id = models.CharField(max_length=32, unique=True)
    instrument = models.CharField(max_length=64)
    side = models.CharField(max_length=4, choices=choices_of(OrderSide))
    position_side = models.CharField(max_length=5, choices=choices_of(Side), blank=True)
    number = models.PositiveIntegerField()
    held = MoneyField()
    quantity = MoneyField()
    limit_price = MoneyField()
    state = models.CharField(
        max_length=7, choices=choices_of(IntentState), default=IntentState.SENT
    )
    filled = MoneyField(default=0)
    is_used_up = models.BooleanField(default=False)
    sent_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["leg", "instrument", "position_side", "number"],
                name="close_intent_numbered_once",
            ),
            models.UniqueConstraint(
                fields=["account", "instrument", "position_side"],
                condition=Q(state__in=[state.value for state in UNSETTLED]),
                name="close_intent_one_unsettled",
            ),
            known("side", OrderSide, "close_intent_side_known"),
            known("state", IntentState, "close_intent_state_known"),
            models.CheckConstraint(
                condition=Q(position_side__in=["", *(side.value for side in Side)]),
                name="close_intent_position_side_known",
            ),
            models.CheckConstraint(
                condition=Q(quantity__gt=0, limit_price__gt=0),
                name="close_intent_numbers_positive",
            ),
            models.CheckConstraint(
                condition=Q(quantity__lte=F("held")), name="close_intent_within_what_was_read"
            ),
            models.CheckConstraint(
                condition=Q(state=IntentState.FILLED, filled__gt=0)
                | (~Q(state=IntentState.FILLED) & Q(filled=0)),
                name="close_intent_filled_something",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.instrument} {self.state}"
