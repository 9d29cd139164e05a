from decimal import Decimal

import pytest

from portfolio.domain.holdings import Side, VenueKind
from portfolio.domain.lines import LineFlag, LineKind
from portfolio.domain.prices import PricingVenue
from portfolio.domain.valuation import Book, equity_of
from tests.unit.portfolio.books import (
    AT,
    MANUAL,
    MEXC,
    PAPER,
    account,
    balance,
    board,
    book,
    holdings,
    margin,
    mark,
    position,
    seconds,
)

LONG, SHORT = Side.LONG, Side.SHORT


def test_a_spot_account_is_worth_each_total_at_its_price() -> None:
    found = book(
        balance("USDT", "1000"), balance("BTC", "0.5"), marks=(mark("BTC/USDT", "60000.25"),)
    )

    assert found.equity == Decimal("31000.125")
    assert found.gross_exposure == Decimal("30000.125")
    assert found.unrealized_pnl == 0


def test_the_same_asset_on_two_accounts_and_venues_adds_up() -> None:
    found = book(
        balance("BTC", "1"),
        balance("BTC", "2", of=2),
        balance("BTC", "4", of=3),
        accounts=(account(1), account(2), account(3, venue=MEXC)),
        marks=(mark("BTC/USDT", "100"), mark("BTC/USDT", "101", venue="mexc")),
    )

    assert found.equity == Decimal(3 * 100 + 4 * 101)


def test_a_margin_account_is_its_wallet_and_its_unrealized_pnl() -> None:
    found = book(
        balance("USDT", "5000"),
        position("BTC/USDT:USDT", LONG, "0.2", "61000"),
        accounts=(margin(),),
        marks=(mark("BTC/USDT:USDT", "60000"),),
    )

    assert found.equity == Decimal(4800)
    assert found.unrealized_pnl == Decimal(-200)
    assert found.gross_exposure == Decimal(12000)


def test_opening_a_position_at_its_mark_changes_no_equity() -> None:
    wallet, at_mark = balance("USDT", "5000"), (mark("BTC/USDT:USDT", "60000"),)

    before = book(wallet, accounts=(margin(),), marks=at_mark)
    after = book(
        wallet,
        position("BTC/USDT:USDT", LONG, "0.2", "60000"),
        accounts=(margin(),),
        marks=at_mark,
    )

    assert before.equity == after.equity


def test_a_long_and_a_short_of_one_instrument_are_two_lines() -> None:
    found = book(
        position("BTC/USDT:USDT", LONG, "2", "100"),
        position("BTC/USDT:USDT", SHORT, "3", "90"),
        accounts=(margin(),),
        marks=(mark("BTC/USDT:USDT", "110"),),
    )

    assert found.equity == Decimal(2 * 10 - 3 * 20)
    assert found.gross_exposure == Decimal(5 * 110)
    assert found.net_exposure("BTC") == Decimal(-110)


def test_contracts_count_by_their_size() -> None:
    found = book(
        position("BTC/USDT:USDT", LONG, "1500", "60000", size="0.0001"),
        accounts=(margin(),),
        marks=(mark("BTC/USDT:USDT", "61000"),),
    )

    assert found.equity == Decimal(150)
    assert found.gross_exposure == Decimal("9150")


@pytest.mark.parametrize(("side", "pnl"), [(LONG, Decimal(2500)), (SHORT, Decimal(-2500))])
def test_an_inverse_position_earns_in_its_settlement_asset(side: Side, pnl: Decimal) -> None:
    # 10,000 contracts of 1 USD from 40,000 to 50,000: 10,000 x (1/40,000 - 1/50,000) = 0.05 BTC.
    found = book(
        position("BTC/USD:BTC", side, "10000", "40000", is_inverse=True),
        accounts=(margin(),),
        marks=(mark("BTC/USD:BTC", "50000"), mark("BTC/USDT", "50000")),
    )

    assert found.equity == pnl
    assert found.unrealized_pnl == pnl
    assert found.gross_exposure == Decimal(10000)


def test_a_tick_moves_what_an_inverse_position_earns_and_exposes() -> None:
    found = book(
        position("BTC/USD:BTC", SHORT, "10000", "40000", is_inverse=True),
        accounts=(margin(),),
        marks=(mark("BTC/USD:BTC", "40000"), mark("BTC/USDT", "50000")),
    )
    assert (found.equity, found.gross_exposure) == (Decimal(0), Decimal(12500))

    found.apply((mark("BTC/USD:BTC", "50000"),))

    assert (found.equity, found.gross_exposure) == (Decimal(-2500), Decimal(10000))


def test_a_coin_wallet_hedged_by_an_inverse_short_has_no_net_exposure() -> None:
    found = book(
        balance("BTC", "1"),
        position("BTC/USD:BTC", SHORT, "40000", "40000", is_inverse=True),
        accounts=(margin(),),
        marks=(mark("BTC/USD:BTC", "40000"), mark("BTC/USDT", "40000")),
    )

    assert found.net_exposure("BTC") == 0
    assert found.gross_exposure == Decimal(80000)


def test_the_settlement_asset_is_converted_like_a_balance() -> None:
    found = book(
        position("BTC/USDC:USDC", LONG, "1", "100"),
        accounts=(margin(),),
        marks=(mark("BTC/USDC:USDC", "150"), mark("USDC/USDT", "0.98")),
    )

    assert found.equity == Decimal(49)
    assert found.gross_exposure == Decimal(147)


def test_a_position_is_priced_only_by_its_own_instrument() -> None:
    found = book(
        position("BTC/USDT:USDT", LONG, "1", "100"),
        accounts=(margin(),),
        marks=(mark("BTC/USDT", "150"), mark("BTC/USDC:USDC", "150")),
    )

    assert found.unpriced == ("kraken-1 BTC/USDT:USDT LONG",)
    assert found.equity == 0


class TestVenueEquity:
    def test_the_venues_figure_stands_for_the_wallet_and_moves_with_the_marks(self) -> None:
        found = book(
            balance("USDT", "5000"),
            balance("BTC", "1"),
            position("BTC/USDT:USDT", LONG, "2", "900", snapshot_mark="1000"),
            accounts=(margin(equity="5200"),),
            marks=(mark("BTC/USDT:USDT", "1010"),),
        )

        assert found.equity == Decimal(5220)
        assert found.unrealized_pnl == Decimal(220)
        assert found.is_complete

    def test_at_the_snapshots_own_mark_nothing_counts_twice(self) -> None:
        found = book(
            position("BTC/USDT:USDT", SHORT, "2", "900", snapshot_mark="1000"),
            accounts=(margin(equity="5200"),),
            marks=(mark("BTC/USDT:USDT", "1000"),),
        )

        assert found.equity == Decimal(5200)

    def test_an_inverse_position_changes_it_in_the_coin(self) -> None:
        found = book(
            position("BTC/USD:BTC", LONG, "10000", "30000", is_inverse=True, snapshot_mark="40000"),
            accounts=(margin(equity="2", currency="BTC"),),
            marks=(mark("BTC/USD:BTC", "50000"), mark("BTC/USDT", "50000")),
        )

        assert found.equity == Decimal("2.05") * 50000

    def test_its_currency_needs_a_price(self) -> None:
        found = book(accounts=(margin(equity="5200", currency="USD"),))

        assert found.unpriced == ("kraken-1 USD",)
        assert not found.is_complete

    def test_a_position_without_the_snapshots_mark_is_missing_not_zero(self) -> None:
        found = book(
            position("BTC/USDT:USDT", SHORT, "2", "900"),
            accounts=(margin(equity="5200"),),
            marks=(mark("BTC/USDT:USDT", "1000"),),
        )

        assert found.unpriced == ("kraken-1 BTC/USDT:USDT SHORT",)

    def test_the_wallet_is_shown_but_adds_nothing(self) -> None:
        found = book(balance("BTC", "1"), accounts=(margin(equity="5200"),))

        wallet, own = found.lines()

        assert (wallet.value, wallet.flags) == (Decimal(0), (LineFlag.IN_VENUE_EQUITY,))
        assert (own.kind, own.name, own.value) == (LineKind.VENUE_EQUITY, "USDT", Decimal(5200))


class TestCompleteness:
    def test_a_missing_price_is_missing_and_never_zero(self) -> None:
        found = book(balance("USDT", "10"), balance("BTC", "1"))

        assert found.equity == Decimal(10)
        assert found.unpriced == ("kraken-1 BTC",)
        assert not found.is_complete
        assert found.lines()[1].value is None
        assert found.lines()[1].flags == (LineFlag.UNPRICED,)

    def test_the_accounts_that_miss_a_price_are_known(self) -> None:
        found = book(
            balance("USDT", "10"), balance("BTC", "1", of=2), accounts=(account(1), account(2))
        )

        assert found.unpriced_accounts == {2}

    def test_a_first_mark_completes_the_book(self) -> None:
        found = book(balance("BTC", "1"))

        found.apply((mark("BTC/USDT", "60000"),))

        assert found.is_complete
        assert found.equity == Decimal(60000)

    def test_a_portfolio_without_accounts_is_not_complete(self) -> None:
        assert not book(accounts=()).is_complete

    def test_an_account_without_a_snapshot_is_not_complete(self) -> None:
        assert not book(accounts=(account(snapshot_at=None),)).is_complete
        assert book(accounts=(account(),)).is_complete

    def test_an_empty_balance_needs_no_price(self) -> None:
        found = book(balance("DUST", "0"))

        assert found.is_complete
        assert found.lines()[0].value == 0

    def test_a_settlement_asset_without_a_price_leaves_the_position_missing(self) -> None:
        found = book(
            position("BTC/USDC:USDC", LONG, "1", "100"),
            accounts=(margin(),),
            marks=(mark("BTC/USDC:USDC", "150"),),
        )

        assert found.unpriced == ("kraken-1 BTC/USDC:USDC LONG",)

    def test_an_emptied_book_is_worth_nothing(self) -> None:
        found = book(balance("BTC", "1"), marks=(mark("BTC/USDT", "60000"),))

        assert found.replaced(holdings()).equity == 0
        assert found.replaced(holdings()).is_complete


class TestNotListed:
    @staticmethod
    def venues(*, listed: frozenset[str] | None) -> tuple[PricingVenue, ...]:
        kraken = PricingVenue(slug="kraken", kind=VenueKind.EXCHANGE, listed=listed)
        return (kraken, MANUAL, PAPER)

    def test_an_asset_that_no_live_venue_lists_counts_zero_and_holds_nothing_up(self) -> None:
        found = book(
            balance("USDT", "10"),
            balance("AIRDROP", "1000"),
            venues=self.venues(listed=frozenset({"BTC/USDT"})),
        )

        assert found.is_complete
        assert found.equity == Decimal(10)
        assert found.lines()[1].flags == (LineFlag.NOT_COUNTED,)
        assert found.lines()[1].value == 0

    def test_an_unknown_listing_leaves_it_missing(self) -> None:
        found = book(balance("AIRDROP", "1000"), venues=self.venues(listed=None))

        assert found.unpriced == ("kraken-1 AIRDROP",)

    def test_without_a_live_venue_it_is_missing(self) -> None:
        found = book(balance("BTC", "1"), accounts=(account(venue=MANUAL),), venues=(MANUAL, PAPER))

        assert found.unpriced == ("manual-1 BTC",)

    def test_a_listed_market_without_a_mark_is_missing(self) -> None:
        found = book(balance("BTC", "1"), venues=self.venues(listed=frozenset({"BTC/JPY"})))

        assert found.unpriced == ("kraken-1 BTC",)

    def test_a_debt_is_never_left_out(self) -> None:
        listed = self.venues(listed=frozenset({"BTC/USDT"}))

        assert not book(balance("ALT", "-1"), venues=listed).is_complete

    def test_a_margin_wallet_and_a_paper_account_are_never_left_out(self) -> None:
        listed = self.venues(listed=frozenset({"BTC/USDT"}))

        assert not book(balance("ALT", "1"), accounts=(margin(),), venues=listed).is_complete
        on_paper = (account(venue=PAPER),)
        assert not book(balance("ALT", "1"), accounts=on_paper, venues=listed).is_complete


class TestLines:
    def test_a_line_keeps_its_price_path_source_and_age(self) -> None:
        found = book(
            balance("ALT", "10"),
            marks=(
                mark("ALT/BTC", "0.001", at=AT - seconds(4)),
                mark("BTC/USDT", "60000", venue="mexc"),
            ),
        )

        (line,) = found.lines()

        assert (line.price, line.value) == (Decimal(60), Decimal(600))
        assert (line.path, line.source) == (("ALT/BTC", "BTC/USDT"), "kraken, mexc")
        assert line.confirmed_at == AT - seconds(4)
        assert line.flags == (LineFlag.OTHER_VENUE,)
        assert line.label == "kraken-1 ALT"

    def test_a_line_follows_the_ticks(self) -> None:
        found = book(balance("BTC", "2"), marks=(mark("BTC/USDT", "100"),))
        before = found.lines()

        found.apply((mark("BTC/USDT", "90"),))

        assert [line.value for line in before] == [Decimal(200)]
        assert [line.value for line in found.lines()] == [Decimal(180)]

    def test_a_position_shows_its_mark_and_its_value_in_the_reference(self) -> None:
        found = book(
            position("BTC/USDC:USDC", SHORT, "2", "100"),
            accounts=(margin(),),
            marks=(mark("BTC/USDC:USDC", "90"), mark("USDC/USDT", "0.99")),
        )

        (line,) = found.lines()

        assert (line.kind, line.side, line.quantity) == (LineKind.POSITION, SHORT, Decimal(2))
        assert (line.price, line.value, line.notional) == (
            Decimal(90),
            Decimal("19.8"),
            Decimal("178.2"),
        )
        assert line.path == ("BTC/USDC:USDC", "USDC/USDT")

    def test_a_peg_is_flagged(self) -> None:
        (line,) = book(balance("USDC", "5"), pegs=("USDC",)).lines()

        assert (line.value, line.flags) == (Decimal(5), (LineFlag.PEG,))


class TestReplacing:
    def test_other_holdings_are_valued_at_the_same_marks(self) -> None:
        now = book(balance("BTC", "1"), marks=(mark("BTC/USDT", "100"),))
        now.apply((mark("BTC/USDT", "110"),))

        before = now.replaced(holdings(balance("BTC", "3")))

        assert before.equity == Decimal(330)
        assert equity_of(holdings=holdings(balance("BTC", "3")), board=now.board) == Decimal(330)
        assert now.equity == Decimal(110)

    def test_books_on_one_board_move_apart(self) -> None:
        shared = board(mark("BTC/USDT", "100"))
        one = Book(holdings=holdings(balance("BTC", "1")), board=shared)
        other = Book(holdings=holdings(balance("BTC", "1")), board=shared)

        one.apply((mark("BTC/USDT", "50"),))

        assert (one.equity, other.equity) == (Decimal(50), Decimal(100))

    def test_asking_what_if_changes_nothing(self) -> None:
        found = book(
            balance("BTC", "2"),
            position("BTC/USDT:USDT", SHORT, "1", "100"),
            accounts=(margin(),),
            marks=(mark("BTC/USDT", "100"), mark("BTC/USDT:USDT", "100")),
        )

        assert found.equity_if(mark("BTC/USDT", "50")) == Decimal(100)
        assert found.equity_if(mark("BTC/USDT:USDT", "150")) == Decimal(150)
        assert found.equity_if(mark("ETH/USDT", "1")) == Decimal(200)
        assert found.equity == found.full_equity() == Decimal(200)


class TestNeeds:
    def test_what_could_price_a_line_is_needed(self) -> None:
        found = book(
            balance("ALT", "1"),
            position("BTC/USDT:USDT", LONG, "1", "1", of=2),
            accounts=(account(1), margin(2)),
        )

        needed = found.needed_instruments(venue="kraken")

        assert {"ALT/USDT", "USDT/ALT", "ALT/BTC", "BTC/USDT", "BTC/USDT:USDT"} <= needed
        assert not {"DOGE/USDT", "ETH/USDT:USDT", "USDT/USDT"} & needed

    def test_cash_alone_needs_no_market(self) -> None:
        found = book(balance("USDT", "1"), balance("USDC", "1"), pegs=("USDC",))

        assert found.needed_instruments(venue="kraken") == frozenset()

    def test_a_venue_whose_marks_may_not_price_anything_is_not_needed(self) -> None:
        found = book(balance("BTC", "1"))

        assert found.needs(venue="kraken", instrument="BTC/USDT")
        assert found.needs(venue="mexc", instrument="BTC/USDT")
        assert not found.needs(venue="paper", instrument="BTC/USDT")
        assert not found.needs(venue="kraken", instrument="DOGE/USDT")


def test_a_new_market_moves_the_asset_to_its_shorter_way() -> None:
    found = book(
        balance("ALT", "10"),
        marks=(mark("ALT/BTC", "0.001"), mark("BTC/EUR", "50000"), mark("EUR/USDT", "1.1")),
    )
    assert found.equity == Decimal(550)

    found.apply((mark("BTC/USDT", "60000"),))
    assert found.equity == Decimal(600)

    found.apply((mark("ALT/USDT", "70"),))
    assert found.equity == Decimal(700)


def test_the_freshest_other_venue_prices_a_manual_account() -> None:
    found = book(balance("BTC", "1"), accounts=(account(venue=MANUAL),))

    found.apply((mark("BTC/USDT", "100"),))
    found.apply((mark("BTC/USDT", "101", venue="mexc", at=AT + seconds(1)),))
    assert found.equity == 101

    found.apply((mark("BTC/USDT", "102", at=AT + seconds(2)),))
    assert found.equity == 102


def test_no_digit_is_lost_next_to_large_sums() -> None:
    found = book(
        balance("USDT", "999999999999999"),
        balance("ALT", "0.000000000000000001"),
        marks=(mark("ALT/USDT", "0.000000000000000001"),),
    )

    assert str(found.equity) == "999999999999999.000000000000000000000000000000000001"
