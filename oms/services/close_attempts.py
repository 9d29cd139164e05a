"""One attempt to close what an account holds: the network part, in no transaction."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from oms.domain.close_plan import (
    Blocked,
    Close,
    Exposure,
    Obstacle,
    Residual,
    marketless,
    plan,
    position_exposure,
    spot_exposures,
)
from oms.domain.closing import Finding, IntentState, LookUp, Outcome, outcome_of
from oms.services.attempts import Stopwatch
from oms.venues.base import (
    AccountSnapshot,
    Fatal,
    MarketRules,
    ReduceOrder,
    Rejected,
    Retryable,
    Unknown,
    Unsupported,
    VenueAdapter,
    VenueError,
)
from portfolio.domain.holdings import Side

Line = tuple[str, Side | None]
Decision = Close | Residual | Blocked


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """An order that is committed, and perhaps on its way."""

    client_id: str
    instrument: str
    position_side: Side | None
    sent_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Cash:
    """What a spot account sells into; a margin account has none."""

    currency: str
    pegs: frozenset[str]


@dataclass(slots=True, kw_only=True)
class CloseAttempt:
    """Look up what is unsettled, read what is held, send what closes it, and read again.

    :param cash: of a spot account; None on margin
    :param only: the instruments and assets that are meant; None for all
    :param unsettled: every order of the account whose outcome is not known
    :param mark_of: the fresh mark of an instrument at a moment, if there is one
    :param commit: writes an order down before it is sent; None says that somebody else took over
    :param settle: writes down what became of an order; False says that somebody else took over
    """

    adapter: VenueAdapter
    cash: Cash | None
    only: frozenset[str] | None
    unsettled: list[Sent]
    mark_of: Callable[[str, datetime], Decimal | None]
    commit: Callable[[Close, Decimal, datetime], Sent | None]
    settle: Callable[[str, Outcome, str, datetime], bool]
    watch: Stopwatch
    decisions: list[tuple[Exposure, Decision]] | None = None
    read_at: datetime | None = None
    error: str = ""
    is_fatal: bool = False
    is_lost: bool = False
    has_sent: bool = False
    has_progressed: bool = False
    retry_after: timedelta = timedelta(0)
    _rules: dict[str, MarketRules] = field(default_factory=dict)

    def run(self) -> None:
        """Leave in self what the venue did and said; no VenueError escapes."""
        for sent in self.unsettled[:]:
            self._look_up(sent)
        self._read()
        if self._send_all():
            self._read()

    def finding(self) -> Finding:
        """Return what the attempt means for the leg."""
        return Finding(
            is_flat=self._is_flat(),
            has_residuals=bool(self.residuals),
            has_progressed=self.has_progressed,
            read_at=self.read_at or self.watch.started_at,
            answered_at=self.watch.now(),
            is_fatal=self.is_fatal,
            retry_after=self.retry_after,
        )

    @property
    def residuals(self) -> list[Residual]:
        return [found for _, found in self.decisions or () if isinstance(found, Residual)]

    @property
    def blocked(self) -> list[Blocked]:
        return [found for _, found in self.decisions or () if isinstance(found, Blocked)]

    def _is_flat(self) -> bool | None:
        if self.unsettled:
            return False
        if self.decisions is None:
            return None
        return all(isinstance(found, Residual) for _, found in self.decisions)

    def _send_all(self) -> bool:
        """Send every order of the last reading; return whether one was."""
        orders = [(held, found) for held, found in self.decisions or () if isinstance(found, Close)]
        for held, close in orders:
            self._send(close, held=held.quantity)
        return bool(orders)

    def _send(self, close: Close, *, held: Decimal) -> None:
        if self.is_lost:
            return
        sent = self.commit(close, held, self.watch.now())
        if sent is None:
            self.is_lost = True
            return
        self.has_sent = True
        self.unsettled.append(sent)
        order = ReduceOrder(
            client_id=sent.client_id,
            instrument=close.instrument,
            side=close.side,
            position_side=close.position_side,
            quantity=close.quantity,
            limit_price=close.limit_price,
        )
        answer: VenueError | None = None
        try:
            self.adapter.reduce(order)
        except VenueError as error:
            self._note(error)
            answer = error
        self._look_up(sent, answer=answer)

    def _look_up(self, sent: Sent, *, answer: VenueError | None = None) -> None:
        """Ask what became of an order, and write it down."""
        if self.is_lost:
            return
        asked_at, outcome = self.watch.now(), Outcome(state=IntentState.UNKNOWN)
        with self._noting_errors():
            found = self.adapter.find_order(client_id=sent.client_id, instrument=sent.instrument)
            outcome = outcome_of(
                LookUp(
                    filled=found.filled if found else None,
                    is_open=found is not None and found.is_open,
                    sent_at=sent.sent_at,
                    asked_at=asked_at,
                    is_refused=isinstance(answer, Rejected),
                    is_undone=answer is not None and not isinstance(answer, Unknown),
                )
            )
        self._settle(sent, outcome, answer)

    def _settle(self, sent: Sent, outcome: Outcome, answer: VenueError | None) -> None:
        said = "" if answer is None else str(answer)
        if not self.settle(sent.client_id, outcome, said, self.watch.now()):
            self.is_lost = True
            return
        self.has_progressed |= outcome.state is IntentState.FILLED
        if outcome.state is not IntentState.UNKNOWN:
            self.unsettled.remove(sent)

    def _read(self) -> None:
        """Decide about everything that the account holds; a reading that fails decides nothing."""
        self.decisions, self.read_at = None, self.watch.now()
        with self._noting_errors():
            exposures = self._exposures(self.adapter.snapshot(now=self.read_at))
            self.decisions = [
                (held, self._decide(held)) for held in exposures if self._is_meant(held)
            ]

    def _exposures(self, snapshot: AccountSnapshot) -> list[Exposure]:
        if self.cash is not None:
            return spot_exposures(
                snapshot.balances,
                free=snapshot.free,
                currency=self.cash.currency,
                pegs=self.cash.pegs,
                listed=self.adapter.listed_instruments(),
            )
        return [
            position_exposure(
                instrument=position.instrument,
                side=position.side,
                quantity=position.quantity,
                contract_size=position.contract_size,
                is_inverse=position.is_inverse,
            )
            for position in snapshot.positions
        ]

    def _is_meant(self, held: Exposure) -> bool:
        return self.only is None or bool(self.only & {held.name, held.instrument})

    def _decide(self, held: Exposure) -> Decision:
        if stays := marketless(held):
            return stays
        rules = self._rules_of(held.instrument)
        if rules is None:
            return Blocked(instrument=held.instrument, obstacle=Obstacle.NO_RULES)
        lines: set[Line] = {(sent.instrument, sent.position_side) for sent in self.unsettled}
        return plan(
            held,
            rules=rules,
            mark=self.mark_of(held.instrument, self.watch.now()),
            is_settled=(held.instrument, held.position_side) not in lines,
        )

    def _rules_of(self, instrument: str) -> MarketRules | None:
        """Return what the venue demands; one market that it does not know holds up no other."""
        if instrument not in self._rules:
            with self._noting_errors():
                self._rules[instrument] = self.adapter.market_rules(instrument)
        return self._rules.get(instrument)

    @contextmanager
    def _noting_errors(self) -> Iterator[None]:
        try:
            yield
        except VenueError as error:
            self._note(error)

    def _note(self, error: VenueError) -> None:
        self.error = f"{type(error).__name__}: {error}"
        self.is_fatal |= isinstance(error, Fatal | Unsupported)
        if isinstance(error, Retryable):
            self.retry_after = max(self.retry_after, error.after)
