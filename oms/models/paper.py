"""The simulated venue's own state and journal."""

from enum import StrEnum

from django.db import models
from django.db.models import Q

from oms.domain.orders import OrderSide, OrderType
from oms.models.constraints import known
from portfolio.domain.holdings import Side
from portfolio.models import Venue, VenueAccount
from riskconsole.fields import MoneyField
from riskconsole.kernel.numbers import choices_of, plain_text


class PaperAccount(models.Model):
    """An account at the simulated venue; every call of its adapter takes latency_ms."""

    account = models.OneToOneField(VenueAccount, models.CASCADE, related_name="paper")
    latency_ms = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"paper {self.account_id}"


class PaperBalance(models.Model):
    account = models.ForeignKey(PaperAccount, models.CASCADE, related_name="balances")
    asset = models.CharField(max_length=32)
    total = MoneyField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "asset"], name="paper_balance_unique")
        ]

    def __str__(self) -> str:
        return f"{plain_text(self.total)} {self.asset}"


class PaperPosition(models.Model):
    account = models.ForeignKey(PaperAccount, models.CASCADE, related_name="positions")
    instrument = models.CharField(max_length=64)
    side = models.CharField(max_length=5, choices=choices_of(Side))
    quantity = MoneyField()
    entry_price = MoneyField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "instrument", "side"], name="paper_position_unique"
            ),
            known("side", Side, "paper_position_side_known"),
            models.CheckConstraint(
                condition=Q(quantity__gt=0, entry_price__gt=0),
                name="paper_position_numbers_positive",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.side} {plain_text(self.quantity)} {self.instrument}"


class PaperOrder(models.Model):
    """An open order; one that was filled or cancelled is only in the journal."""

    account = models.ForeignKey(PaperAccount, models.CASCADE, related_name="orders")
    instrument = models.CharField(max_length=64)
    side = models.CharField(max_length=4, choices=choices_of(OrderSide))
    type = models.CharField(max_length=5, choices=choices_of(OrderType))
    quantity = MoneyField()
    price = MoneyField()
    is_reduce_only = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            known("side", OrderSide, "paper_order_side_known"),
            known("type", OrderType, "paper_order_type_known"),
            models.CheckConstraint(
                condition=Q(quantity__gt=0, price__gt=0), name="paper_order_numbers_positive"
            ),
        ]

    def __str__(self) -> str:
        return (
            f"{self.side} {plain_text(self.quantity)} {self.instrument} at {plain_text(self.price)}"
        )


class PaperReduction(models.Model):
    """A reduce-only order that filled at once or was gone; its client_id is taken for ever."""

    account = models.ForeignKey(PaperAccount, models.CASCADE, related_name="reductions")
    client_id = models.CharField(max_length=32)
    instrument = models.CharField(max_length=64)
    side = models.CharField(max_length=4, choices=choices_of(OrderSide))
    quantity = MoneyField()
    limit_price = MoneyField()
    filled = MoneyField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "client_id"], name="paper_reduction_sent_once"
            ),
            known("side", OrderSide, "paper_reduction_side_known"),
            models.CheckConstraint(
                condition=Q(quantity__gt=0, limit_price__gt=0, filled__gte=0),
                name="paper_reduction_numbers_positive",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.side} {plain_text(self.quantity)} {self.instrument} to reduce"


class PaperMark(models.Model):
    """The seeded market of one instrument; crash_steps is what is left of a crash."""

    venue = models.ForeignKey(Venue, models.CASCADE, related_name="paper_marks")
    instrument = models.CharField(max_length=64)
    seed = models.BigIntegerField()
    step = models.PositiveBigIntegerField(default=0)
    price = MoneyField()
    stepped_at = models.DateTimeField(null=True)
    crash_steps = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["venue", "instrument"], name="paper_mark_unique"),
            models.CheckConstraint(condition=Q(price__gt=0), name="paper_mark_price_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.instrument} {plain_text(self.price)}"


class PaperVerb(StrEnum):
    PLACED = "PLACED"
    CANCELLED = "CANCELLED"
    FILLED = "FILLED"
    EXPIRED = "EXPIRED"


class PaperEntry(models.Model):
    """One effect on the simulated venue's book: its journal, in the order of pk."""

    account = models.ForeignKey(PaperAccount, models.CASCADE, related_name="journal")
    verb = models.CharField(max_length=9, choices=choices_of(PaperVerb))
    order_id = models.CharField(max_length=32)
    text = models.CharField(max_length=200)

    class Meta:
        constraints = [known("verb", PaperVerb, "paper_entry_verb_known")]

    def __str__(self) -> str:
        return f"{self.verb} {self.order_id}: {self.text}"


class PaperCall(StrEnum):
    OPEN_ORDERS = "OPEN_ORDERS"
    CANCEL_ALL = "CANCEL_ALL"
    CANCEL_ORDERS = "CANCEL_ORDERS"
    SNAPSHOT = "SNAPSHOT"
    QUOTES = "QUOTES"
    REDUCE = "REDUCE"
    FIND_ORDER = "FIND_ORDER"
    MARKET_RULES = "MARKET_RULES"
    ANY = "ANY"


class PaperFaultKind(StrEnum):
    """LATENCY answers late; HANG never does; GHOST acts and times out; the rest are answers.

    PARTIAL cancels only the first amount orders, or fills amount per cent of a reduction, INCOMPLETE lists only the first page, APPEAR
    lets a copy of the last cancelled order come up right after the cancel.
    """

    LATENCY = "LATENCY"
    RETRYABLE = "RETRYABLE"
    UNKNOWN = "UNKNOWN"
    AUTH_FAILED = "AUTH_FAILED"
    NO_PERMISSION = "NO_PERMISSION"
    SUSPENDED = "SUSPENDED"
    UNSUPPORTED = "UNSUPPORTED"
    REJECTED = "REJECTED"
    HANG = "HANG"
    GHOST = "GHOST"
    PARTIAL = "PARTIAL"
    INCOMPLETE = "INCOMPLETE"
    APPEAR = "APPEAR"


class PaperFault(models.Model):
    """A scripted fault for the next calls of one account, first in first out.

    :param amount: milliseconds of LATENCY, seconds of RETRYABLE's pause, orders or per cent of PARTIAL
    :param remaining: calls that it will still hit
    """

    account = models.ForeignKey(PaperAccount, models.CASCADE, related_name="faults")
    call = models.CharField(max_length=13, choices=choices_of(PaperCall), default=PaperCall.ANY)
    kind = models.CharField(max_length=13, choices=choices_of(PaperFaultKind))
    amount = models.PositiveIntegerField(default=0)
    remaining = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            known("call", PaperCall, "paper_fault_call_known"),
            known("kind", PaperFaultKind, "paper_fault_kind_known"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} on {self.call}, {self.remaining} left"
