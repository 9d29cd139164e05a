from datetime import timedelta
from decimal import Decimal

import pytest
from django.conf import settings
from redis import Redis

from portfolio import marks
from portfolio.domain.mark_text import MarkKey
from portfolio.domain.outliers import Reason, Status
from portfolio.marks import NewMark
from portfolio.models import Mark
from riskconsole import redis_client as clients
from riskconsole import wake
from tests.clock import NOON, after
from tests.factories import mark

pytestmark = pytest.mark.django_db

BTC = MarkKey(venue="manual", instrument="BTC/USDT")


def accepted_price(key: MarkKey = BTC) -> Decimal | None:
    state = marks.states([key]).get(key)
    return None if state is None or state.accepted is None else state.accepted.price


@pytest.fixture
def no_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """Point the process at a socket on which nobody listens."""
    monkeypatch.setattr(settings, "REDIS_URL", "unix:///nonexistent/redis.sock")
    clients.redis_client.cache_clear()


@pytest.fixture(autouse=True)
def _forget_client() -> object:
    yield
    clients.redis_client.cache_clear()


def test_the_first_mark_is_held_and_the_second_within_two_per_cent_counts() -> None:
    (first,) = marks.accept(
        venue="manual", marks=[NewMark(instrument="BTC/USDT", price=Decimal(100))], now=NOON
    )
    (second,) = marks.accept(
        venue="manual", marks=[NewMark(instrument="BTC/USDT", price=Decimal(102))], now=after(1)
    )

    assert (first.status, first.reason) == (Status.HELD, Reason.FIRST)
    assert second.status is Status.ACCEPTED
    assert accepted_price() == Decimal(102)


def test_an_accepted_mark_is_dirty_until_it_is_drained() -> None:
    mark("BTC/USDT", "100")

    assert marks.drain() == {BTC}
    assert marks.drain() == set()


def test_one_word_wakes_the_monitor_however_many_marks_arrive(redis: Redis) -> None:
    for second in range(5):
        mark("BTC/USDT", "100", now=after(second))
    assert redis.llen(marks.MONITOR_WAKE) == 1

    assert wake.wait(marks.MONITOR_WAKE, seconds=1)
    assert not wake.wait(marks.MONITOR_WAKE, seconds=0.01)
    mark("BTC/USDT", "101", now=after(9))

    assert wake.wait(marks.MONITOR_WAKE, seconds=1)


def test_saved_marks_are_what_an_emptied_redis_begins_with(redis: Redis) -> None:
    mark("BTC/USDT", "100")
    mark("BTC/USDT", "200", now=after(1))
    marks.save_unsaved()
    redis.flushall()

    assert accepted_price() == Decimal(100)
    assert marks.states()[BTC].held is not None


def test_without_redis_marks_go_to_the_database_and_come_from_it(no_redis: None) -> None:
    mark("BTC/USDT", "100")

    assert Mark.objects.get().price == Decimal(100)
    assert accepted_price() == Decimal(100)


def test_a_writer_that_was_overtaken_judges_again(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark("BTC/USDT", "100")
    real = marks._live_texts
    overtaken: list[bool] = []

    def read_then_lose(keys: object) -> dict[str, str]:
        texts = real(keys)  # type: ignore[arg-type]
        if not overtaken:
            overtaken.append(True)
            monkeypatch.setattr(marks, "_live_texts", real)
            mark("BTC/USDT", "104", now=after(1))
        return texts

    monkeypatch.setattr(marks, "_live_texts", read_then_lose)
    marks.accept(
        venue="manual", marks=[NewMark(instrument="BTC/USDT", price=Decimal(108))], now=after(2)
    )

    assert accepted_price() == Decimal(108)


def test_a_sources_usual_lead_is_learned() -> None:
    for second in range(200):
        marks.accept(
            venue="manual",
            marks=[
                NewMark(
                    instrument="BTC/USDT",
                    price=Decimal(100),
                    source_at=after(second) + timedelta(seconds=2),
                )
            ],
            now=after(second),
        )

    (result,) = marks.accept(
        venue="manual",
        marks=[
            NewMark(
                instrument="BTC/USDT",
                price=Decimal(100),
                source_at=after(201) + timedelta(seconds=3.5),
            )
        ],
        now=after(201),
    )

    assert result.status is Status.ACCEPTED
