"""A problem names the line of its key."""

import pytest

from breaker.services.desired.places import Place, Problem, bad_file, line_of, lines_of

TEXT = '''# a comment
[[portfolio]]
slug = "main"          # line 3
pegs = [
    "USDC",
    "DAI",
]
[portfolio.limits]
warning = "3"

[[portfolio.account]]
slug = "cash"
[[portfolio.account]]
slug = "perp"
[portfolio.account.paper]
orders = [
    { instrument = "BTC/USDT:USDT", price = "1" },
]
note = """
[[portfolio]]
slug = "not a table"
"""

[[portfolio]]
slug = "other"
limits.trip = 5
[[portfolio.account]]
slug = "cash"
'''


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (("portfolio", 0), 2),
        (("portfolio", 0, "slug"), 3),
        (("portfolio", 0, "pegs", 1), 4),
        (("portfolio", 0, "limits", "warning"), 9),
        (("portfolio", 0, "account", 0, "slug"), 12),
        (("portfolio", 0, "account", 1, "slug"), 14),
        (("portfolio", 0, "account", 1, "paper", "orders", 0, "price"), 16),
        (("portfolio", 1, "slug"), 25),
        (("portfolio", 1, "limits", "trip"), 26),
        (("portfolio", 1, "account", 0, "slug"), 28),
    ],
)
def test_each_key_has_the_line_on_which_it_stands(place: Place, line: int) -> None:
    assert line_of(place, lines_of(TEXT)) == line


def test_a_key_that_is_missing_has_the_line_of_its_table() -> None:
    assert line_of(("portfolio", 0, "account", 1, "venue"), lines_of(TEXT)) == 13


def test_a_file_without_the_table_at_all_has_line_one() -> None:
    assert line_of(("user", 0), lines_of(TEXT)) == 1


def test_two_problems_of_one_line_are_both_named() -> None:
    problems = [Problem(place=("portfolio", 0, key), what="is wrong") for key in ("slug", "name")]

    error = bad_file(problems, {("portfolio", 0): 7})

    assert str(error) == "line 7: portfolio.slug: is wrong\nline 7: portfolio.name: is wrong"
    assert error.problems == tuple(problems)
