"""Who may listen, what is sent, and when the socket is closed."""

import asyncio

import pytest
from asgiref.sync import sync_to_async
from django.contrib.sessions.models import Session
from redis import Redis

from portfolio.models import Membership, Portfolio, Role
from riskconsole.live.events import CHANNEL
from riskconsole.people.models import User
from tests.factories import LONG_AGO
from tests.functional.live.conftest import Browser, Connect, changed_frame, send, state_frame

CLOSED_WITHIN = 3


async def closed_with(browser: Browser) -> int:
    """Return the code with which the server closed the socket."""
    async with asyncio.timeout(CLOSED_WITHIN):
        while True:
            message = await browser.socket.receive_output(timeout=CLOSED_WITHIN)
            if message["type"] == "websocket.close":
                return int(message["code"])


@pytest.mark.parametrize(
    "origin",
    [
        None,
        b"null",
        b"https://evil.example",
        b"http://testserver.evil.example",
        b"http://testserver:99",
    ],
)
async def test_a_foreign_or_missing_origin_is_refused(
    connect: Connect, origin: bytes | None
) -> None:
    assert not (await connect("alice", origin=origin)).is_open


async def test_nobody_listens_without_signing_in(connect: Connect) -> None:
    assert await closed_with(await connect()) == 4401


async def test_a_snapshot_comes_first_with_what_the_user_may_see(connect: Connect) -> None:
    frame = await (await connect("bob")).frame()

    assert frame["type"] == "snapshot"
    assert [state["portfolio"] for state in frame["portfolios"]] == ["main"]
    assert frame["portfolios"][0]["equity"] is None
    assert frame["portfolios"][0]["health"] == "ARMING"


async def test_a_frame_reaches_whoever_may_see_its_portfolio_and_nobody_else(
    connect: Connect,
) -> None:
    bob, charlie, audrey = await connect("bob"), await connect("charlie"), await connect("audrey")
    for browser in (bob, charlie, audrey):
        await browser.frame()
        await browser.heard()

    await send(changed_frame("other"))
    await send(changed_frame("main"))

    assert (await bob.frame())["portfolio"] == "main"
    assert [(await audrey.frame())["portfolio"] for _ in range(2)] == ["other", "main"]
    await charlie.heard()
    assert {frame["type"] for frame in charlie.everything} == {"snapshot", "feed.state"}


async def test_states_of_a_quarter_second_are_merged_and_the_newest_is_sent(
    connect: Connect,
) -> None:
    bob = await connect("bob")
    await bob.frame()
    await bob.heard()

    for number in range(1, 51):
        await send(state_frame("main", number=number))
    await send(changed_frame("main"))

    kinds = []
    while (frame := await bob.frame())["type"] != "portfolio.state" or frame["number"] < 50:
        kinds.append(frame["type"])
    assert "breaker.changed" in kinds
    assert len(kinds) < 10


async def test_the_sequence_has_no_gap_and_the_epoch_stays(connect: Connect) -> None:
    bob = await connect("bob")
    for number in range(3):
        await bob.frame()
        await bob.heard()
        await send(changed_frame("main") | {"version": number})

    assert [frame["sequence"] for frame in bob.everything] == [*range(1, len(bob.everything) + 1)]
    assert len({frame["epoch"] for frame in bob.everything}) == 1


async def test_a_resync_brings_a_new_snapshot(connect: Connect) -> None:
    bob = await connect("bob")
    await bob.frame()

    await bob.socket.send_json_to({"type": "resync"})

    assert (await bob.frame())["type"] == "snapshot"


@pytest.mark.parametrize("text", ["{}", "nonsense", '{"type":"trip"}', "[" * 5000])
async def test_anything_else_that_is_sent_closes_the_socket(connect: Connect, text: str) -> None:
    bob = await connect("bob")
    await bob.frame()

    await bob.socket.send_to(text_data=text)

    assert await closed_with(bob) == 1003


async def test_signing_out_closes_the_socket(connect: Connect, main: Portfolio) -> None:
    bob = await connect("bob")
    await bob.frame()

    await Session.objects.all().adelete()

    assert await closed_with(bob) == 4401


async def test_a_deactivated_user_is_cut_off(connect: Connect) -> None:
    bob = await connect("bob")
    await bob.frame()

    await User.objects.filter(username="bob").aupdate(is_active=False)

    assert await closed_with(bob) == 4401


async def test_a_changed_password_cuts_off_the_old_sessions(connect: Connect) -> None:
    bob = await connect("bob")
    await bob.frame()

    user = await User.objects.aget(username="bob")
    user.set_password("another long password")
    await user.asave()

    assert await closed_with(bob) == 4401


async def test_a_demoted_operator_is_told_that_the_rights_changed(connect: Connect) -> None:
    alice = await connect("alice")
    await alice.frame()

    await Membership.objects.filter(user__username="alice").aupdate(role=Role.VIEWER)

    assert await closed_with(alice) == 4403


async def test_no_frame_reaches_somebody_who_left_the_portfolio(connect: Connect) -> None:
    bob = await connect("bob")
    await bob.frame()
    await bob.heard()

    await Membership.objects.filter(user__username="bob").adelete()

    assert await closed_with(bob) == 4403
    await send(changed_frame("main"))
    assert await bob.socket.receive_nothing(timeout=0.5)


async def test_a_new_right_brings_a_snapshot_with_the_new_portfolio(connect: Connect) -> None:
    bob = await connect("bob")
    await bob.frame()

    other = await Portfolio.objects.aget(slug="other")
    user = await User.objects.aget(username="bob")
    await Membership.objects.acreate(portfolio=other, user=user, role=Role.VIEWER, since=LONG_AGO)

    slugs = [state["portfolio"] for state in (await bob.frame())["portfolios"]]
    assert sorted(slugs) == ["main", "other"]


async def test_a_count_of_the_whole_log_goes_to_the_site_s_readers_only(
    connect: Connect,
) -> None:
    bob, audrey = await connect("bob"), await connect("audrey")
    for browser in (bob, audrey):
        await browser.frame()
        await browser.heard()

    await send({"type": "audit.count", "portfolio": "", "version": 7})
    await send(changed_frame("main"))

    kinds = {(await audrey.frame())["type"], (await audrey.frame())["type"]}
    assert kinds == {"audit.count", "breaker.changed"}
    await bob.heard()
    assert "audit.count" not in {frame["type"] for frame in bob.everything}


@pytest.mark.parametrize("text", ["{not json", "[]", '{"type":"breaker.changed"}'])
async def test_what_is_no_frame_is_passed_over(connect: Connect, redis: Redis, text: str) -> None:
    bob = await connect("bob")
    await bob.frame()
    await bob.heard()

    await sync_to_async(redis.publish)(CHANNEL, text)
    await send(changed_frame("main"))

    assert (await bob.frame())["type"] == "breaker.changed"
