"""Money and accounts that come and go change no loss: by two people, at one moment."""

from datetime import timedelta
from decimal import Decimal

import pytest

from breaker.domain.gate import Reason
from breaker.domain.machine import BreakerState, Cause
from breaker.models import Breaker
from breaker.services.gate import gate_of
from breaker.services.requests import RequestRefused
from breaker.services.upkeep import keep_up
from oms.models import CancelLeg
from oms.services.feeding import take_snapshots
from portfolio import marks
from portfolio.models import Balance, Portfolio, VenueAccount
from portfolio.selectors import stored_book_of
from riskconsole.audit.models import AuditEntry
from tests.factories import make_account, make_portfolio, mark, push
from tests.history import check_history
from tests.integration.breaker.approvals import Desk, make_desk

pytestmark = pytest.mark.django_db

STEP = Decimal("1e-15")


@pytest.fixture
def desk() -> Desk:
    return make_desk()


def loss_ratio(desk: Desk) -> Decimal:
    desk.wait(seconds=0)
    ratio = desk.breaker.portfolio.evaluation.loss_ratio
    assert ratio is not None
    return ratio


def share_of_floor(desk: Desk) -> Decimal:
    base = Portfolio.objects.get(pk=desk.portfolio.pk).floor_base
    assert base is not None
    return stored_book_of(desk.portfolio.pk).equity / base


def bring(desk: Desk, amount: str) -> None:
    """Change what the account holds; a deposit looks like a gain until it is noted."""
    total = Balance.objects.get(account__slug="cash").total + Decimal(amount)
    desk.hold(f"{total:f}")


class TestFlow:
    @pytest.mark.parametrize("amount", ["1", "5000", "-1", "-200", "0.01", "123456.789"])
    def test_a_flow_keeps_the_loss_and_the_distance_to_the_floor(
        self, desk: Desk, amount: str
    ) -> None:
        desk.lose(percent="2.5")
        loss, floor = loss_ratio(desk), share_of_floor(desk)
        bring(desk, amount)

        desk.approve(desk.ask_flow(amount))

        assert loss_ratio(desk) == loss
        assert abs(share_of_floor(desk) - floor) < STEP
        portfolio = Portfolio.objects.get()
        assert portfolio.net_flows == Decimal(amount)
        assert portfolio.initial_capital == Decimal(10000)
        check_history()

    def test_a_flow_of_a_rebased_portfolio_moves_the_floor_too(self, desk: Desk) -> None:
        desk.lose(percent="5.5")
        desk.wait(minutes=15)
        desk.approve(desk.ask())
        bring(desk, "9450")

        desk.approve(desk.ask_flow("9450"))

        assert Portfolio.objects.get().floor_base == Decimal(20000)
        desk.hold("17955")
        assert desk.trip.cause == Cause.LOSS

    @pytest.mark.parametrize("before", ["0", "-5"])
    def test_from_nothing_no_loss_can_be_told(self, desk: Desk, before: str) -> None:
        desk.hold(before)
        bring(desk, "100")

        desk.approve(desk.ask_flow("100"))

        assert Portfolio.objects.get().reference_equity is None
        gate = gate_of(portfolio_id=desk.portfolio.pk, now=desk.now)
        assert Reason.NOT_PROTECTED in gate.reasons
        assert not gate.may_trade
        check_history()

    @pytest.mark.parametrize("left", ["0", "-1"])
    def test_to_nothing_no_loss_can_be_told(self, desk: Desk, left: str) -> None:
        gone = f"{Decimal(left) - 10000:f}"
        desk.approve(desk.ask_disable())
        bring(desk, gone)

        desk.approve(desk.ask_flow(gone))

        assert not desk.breaker.is_protected
        check_history()

    def test_an_approved_capital_protects_again_and_counts_flows_anew(self, desk: Desk) -> None:
        desk.approve(desk.ask_disable())
        bring(desk, "-10000")
        desk.approve(desk.ask_flow("-10000"))
        bring(desk, "5000")

        desk.approve(desk.ask_change(initial_capital="5000"))

        portfolio = Portfolio.objects.get()
        assert portfolio.initial_capital == portfolio.floor_base == Decimal(5000)
        assert portfolio.reference_equity == Decimal(5000)
        assert portfolio.net_flows == 0

    def test_zero_is_no_flow(self, desk: Desk) -> None:
        with pytest.raises(RequestRefused, match="not be zero"):
            desk.ask_flow("0")

    def test_before_it_is_armed_there_is_no_flow(self, desk: Desk) -> None:
        desk.portfolio = make_portfolio("other")

        with pytest.raises(RequestRefused, match="not armed"):
            desk.ask_flow("1")


class TestRemoval:
    @pytest.fixture
    def two(self, desk: Desk) -> Desk:
        """Return a desk with a second account that joined with 5000."""
        desk.approve(desk.ask_change(account=[{"slug": "more", "venue": "manual", "kind": "spot"}]))
        desk.now += timedelta(seconds=1)
        push(desk.portfolio, {"USDT": "5000"}, account="more", now=desk.now)
        keep_up(now=desk.now)
        desk.wait(seconds=1)
        return desk

    def test_an_account_ends_as_a_flow_of_its_last_equity(self, two: Desk) -> None:
        two.lose(percent="3")
        loss, floor = loss_ratio(two), share_of_floor(two)

        two.approve(two.ask_removal("more"))

        assert loss_ratio(two) == loss
        assert abs(share_of_floor(two) - floor) < STEP
        assert stored_book_of(two.portfolio.pk).equity == Decimal(9700)
        assert Portfolio.objects.get().net_flows == 0
        check_history()

    def test_it_is_out_of_everything_and_its_rows_stay(self, two: Desk) -> None:
        two.approve(two.ask_removal("more"))

        assert [account.slug for account in VenueAccount.objects.all()] == ["cash"]
        assert [account.slug for account in two.portfolio.accounts.all()] == ["cash"]
        gone = VenueAccount.everything.get(slug="more")
        assert gone.removed_at == two.now
        assert gone.balances.get().total == Decimal(5000)
        two.halt()
        assert [leg.account.slug for leg in CancelLeg.objects.all()] == ["cash"]
        check_history()

    def test_its_venue_is_not_read_any_more(self, desk: Desk) -> None:
        make_account(desk.portfolio, "perp", venue="paper")
        desk.approve(desk.ask_removal("perp"))

        assert not take_snapshots(now=desk.now)

    def test_its_name_is_free_again(self, two: Desk) -> None:
        two.approve(two.ask_removal("more"))

        two.approve(two.ask_change(account=[{"slug": "more", "venue": "manual", "kind": "spot"}]))

        assert VenueAccount.objects.get(slug="more").is_joining
        assert VenueAccount.everything.filter(slug="more").count() == 2

    def test_the_last_account_takes_the_measure_with_it(self, desk: Desk) -> None:
        desk.approve(desk.ask_removal("cash"))

        assert not desk.breaker.is_protected

    def test_an_account_that_is_not_there_is_not_removed(self, two: Desk) -> None:
        request = two.ask_removal("more")
        with pytest.raises(RequestRefused, match="no account elsewhere"):
            two.ask_removal("elsewhere")
        two.approve(two.ask_removal("more"))

        with pytest.raises(RequestRefused, match="changed since this was asked"):
            two.approve(request)
        with pytest.raises(RequestRefused, match="no account more"):
            two.ask_removal("more")


class TestJoining:
    @pytest.fixture
    def joining(self, desk: Desk) -> Desk:
        desk.lose(percent="2")
        more = {"slug": "more", "venue": "manual", "kind": "spot"}
        desk.approve(desk.ask_change(account=[more]))
        return desk

    def push(self, desk: Desk, balances: dict[str, str]) -> None:
        desk.now += timedelta(seconds=1)
        push(desk.portfolio, balances, account="more", now=desk.now)
        keep_up(now=desk.now)
        desk.wait(seconds=0)

    def test_it_does_not_count_until_it_was_read(self, joining: Desk) -> None:
        keep_up(now=joining.now)

        assert VenueAccount.objects.get(slug="more").is_joining
        assert stored_book_of(joining.portfolio.pk).equity == Decimal(9800)

    def test_it_does_not_count_until_each_line_has_a_price(self, joining: Desk) -> None:
        loss = loss_ratio(joining)

        self.push(joining, {"USDT": "1000", "BTC": "1"})
        assert VenueAccount.objects.get(slug="more").is_joining
        assert stored_book_of(joining.portfolio.pk).equity == Decimal(9800)
        mark("BTC/USDT", "60000", now=joining.now)
        marks.save_unsaved()
        keep_up(now=joining.now)
        joining.wait(seconds=0)

        assert not VenueAccount.objects.get(slug="more").is_joining
        assert stored_book_of(joining.portfolio.pk).equity == Decimal(70800)
        assert loss_ratio(joining) == loss
        assert Portfolio.objects.get().net_flows == Decimal(61000)
        assert joining.state is BreakerState.ACTIVE
        check_history()

    def test_it_joins_once_under_one_new_version(self, joining: Desk) -> None:
        version = joining.breaker.version

        self.push(joining, {"USDT": "5000"})
        keep_up(now=joining.now)

        assert joining.breaker.version == version + 1
        assert AuditEntry.objects.filter(action="portfolio.account.joined").count() == 1

    def test_of_two_runners_only_one_lets_it_join(self, joining: Desk) -> None:
        from breaker.services import upkeep

        joining.now += timedelta(seconds=1)
        push(joining.portfolio, {"USDT": "5000"}, account="more", now=joining.now)
        waiting = VenueAccount.objects.select_related("portfolio", "venue").get(slug="more")
        version = joining.breaker.version

        upkeep._join(waiting, now=joining.now)
        upkeep._join(waiting, now=joining.now)

        assert joining.breaker.version == version + 1
        assert Portfolio.objects.get().net_flows == Decimal(5000)

    def test_what_it_is_worth_is_read_where_it_joins(self, joining: Desk) -> None:
        """A book that was read before the lock would be a flow of another amount."""
        from breaker.services import upkeep

        waiting = VenueAccount.objects.select_related("portfolio", "venue").get(slug="more")
        loss = loss_ratio(joining)
        joining.now += timedelta(seconds=1)
        push(joining.portfolio, {"USDT": "5000"}, account="more", now=joining.now)

        upkeep._join(waiting, now=joining.now)

        assert loss_ratio(joining) == loss

    def test_a_debt_is_a_loss_and_no_flow(self, joining: Desk) -> None:
        self.push(joining, {"USDT": "-500"})

        assert Portfolio.objects.get().net_flows == 0
        assert joining.trip.cause == Cause.LOSS
        check_history()

    def test_an_empty_one_changes_nothing(self, joining: Desk) -> None:
        before = Portfolio.objects.get().reference_equity

        self.push(joining, {})

        assert Portfolio.objects.get().reference_equity == before
        assert not VenueAccount.objects.get(slug="more").is_joining

    @pytest.mark.parametrize("left", ["0", "-10"])
    def test_beside_an_empty_book_it_ends_the_measure(self, joining: Desk, left: str) -> None:
        joining.hold(left)

        self.push(joining, {"USDT": "5000"})

        assert not joining.breaker.is_protected
        assert not VenueAccount.objects.get(slug="more").is_joining
        check_history()

    def test_a_halt_gives_it_a_leg_before_it_counts(self, joining: Desk) -> None:
        joining.halt()

        assert {leg.account.slug for leg in CancelLeg.objects.all()} == {"cash", "more"}

    def test_before_it_is_armed_an_account_counts_at_once(self, desk: Desk) -> None:
        other = make_portfolio("other", accounts=())
        assert not make_account(other, "cash").is_joining
        assert Breaker.objects.filter(portfolio=other).exists()
