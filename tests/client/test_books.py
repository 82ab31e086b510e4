"""What a client remembers, without a server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from duologue.client.books import (
    MAX_PEERS,
    Backoff,
    Connected,
    Delivered,
    Disconnected,
    Inbox,
    Outbox,
    Outgoing,
    Progress,
)
from duologue.client.errors import Closed, DuologueError
from duologue.core.events import LinkEntry, Links, MessageReceived, Typing

pytestmark = pytest.mark.anyio


def inbox(**limits: int) -> Inbox:
    return Inbox(**{"max_events": 3, "max_bytes": 10_000, **limits})


def message(seq: int, **more: Any) -> MessageReceived:
    return MessageReceived(
        **{"sender": "ben", "content": seq, "id": f"id-{seq}", "seq": seq, "at": 0, **more}
    )


def taken(box: Inbox) -> list[Any]:
    contents = []
    while len(box):
        event = box.take()
        contents.append(event.content if isinstance(event, MessageReceived) else event)
        box.finish()
    return contents


# Inbox


def test_a_message_is_given_once() -> None:
    box = inbox()
    for seq in (1, 1, 2, 1, 2):
        box.message(message(seq), 1)
    assert taken(box) == [1, 2]


def test_what_has_come_is_said_to_the_next_session() -> None:
    box = inbox()
    box.message(message(7), 1)
    assert box.resume() == {"ben": 7}


def test_ones_own_messages_count_as_come() -> None:
    box = inbox()
    box.message(message(1), 1)
    box.acked("ben", 2)
    assert (box.resume(), taken(box)) == ({"ben": 2}, [1])


def test_one_that_is_full_takes_as_many_as_it_may_and_no_more() -> None:
    box = inbox()
    for seq in range(1, 4):
        box.message(message(seq), 1)
    assert not box.lagging
    box.message(message(4), 1)
    assert (box.lagging, box.resume(), taken(box)) == (True, {"ben": 3}, [1, 2, 3])


def test_bytes_are_a_limit_too() -> None:
    box = inbox(max_bytes=1_000)
    box.message(message(1), 400)
    box.message(message(2), 344)
    assert not box.lagging
    box.message(message(3), 1)
    assert box.lagging


def test_one_that_is_empty_takes_anything() -> None:
    box = inbox(max_bytes=1_000)
    box.message(message(1), 5_000)
    assert taken(box) == [1]


def test_one_that_lags_takes_nothing_until_it_resumes() -> None:
    box = inbox()
    for seq in range(1, 5):
        box.message(message(seq), 1)
    assert taken(box) == [1, 2, 3]
    box.message(message(5), 1)  # would leave a gap
    assert (len(box), box.drained) == (0, True)
    assert box.resume() == {"ben": 3}
    for seq in (4, 5):
        box.message(message(seq), 1)
    assert taken(box) == [4, 5]


def test_a_link_whose_first_message_found_no_room_is_asked_for_from_there() -> None:
    box = inbox(max_events=1)
    box.add(Typing("x", True), 1)
    box.message(message(12), 1)
    assert box.resume() == {"ben": 11}


def test_ones_own_message_beyond_a_gap_comes_to_nobody_and_leaves_no_gap() -> None:
    box = inbox(max_events=1)
    box.message(message(1), 1)
    box.message(message(2), 1)
    box.acked("ben", 3)
    assert (taken(box), box.resume()) == ([1], {"ben": 1})
    box.message(message(2), 1)
    assert taken(box) == [2]
    box.message(message(3, sender="me", to="ben"), 1)
    assert (taken(box), box.resume()) == ([], {"ben": 3})


def test_what_was_taken_is_finished_with_the_next() -> None:
    box = inbox()
    box.message(message(1), 1)
    box.message(message(2), 1)
    box.take()
    assert (box.finished(), box.untaken) == ({"ben": 0}, True)
    box.finish()
    assert (box.finished(), box.untaken) == ({"ben": 1}, True)
    box.take()
    box.finish()
    assert (box.finished(), box.untaken) == ({"ben": 2}, False)


def test_numbers_of_peers_without_a_link_are_forgotten() -> None:
    box = inbox()
    box.message(message(1), 1)
    box.message(message(1, sender="cy"), 1)
    box.keep_only({"cy"})
    assert box.resume() == {"cy": 1}
    box.unlink("cy")
    assert box.resume() == {}


def test_breaks_with_nothing_between_are_told_once() -> None:
    box = inbox()
    for _ in range(100):
        box.status(Disconnected("again"))
        box.status(Connected("me", new=False))
    assert len(box) <= 2


def test_breaks_are_bounded_too() -> None:
    box = inbox()
    for number in range(100):
        box.status(Connected(str(number), new=True))
    assert (len(box), box.lagging) == (6, True)


def test_one_that_lags_for_its_bytes_waits_until_half_of_them_are_taken() -> None:
    box = inbox(max_events=10, max_bytes=1_200)
    for seq in range(1, 6):
        box.message(message(seq), 44)
    assert (len(box), box.lagging, box.drained) == (4, True, False)
    box.take()
    assert not box.drained
    box.finish()
    box.take()
    assert box.drained


def test_peers_that_are_remembered_are_bounded() -> None:
    box = inbox(max_events=MAX_PEERS + 1, max_bytes=10**9)
    for number in range(MAX_PEERS + 1):
        box.message(message(1, sender=str(number)), 1)
    had = box.resume()
    assert (len(had), "0" in had, str(MAX_PEERS) in had) == (MAX_PEERS, False, True)


# Outbox


def outgoing(number: int, size: int = 1) -> Outgoing:
    return Outgoing(str(number), "ben", number, [b"x" * size])


async def test_an_outbox_keeps_the_order() -> None:
    box = Outbox(max_messages=3, max_bytes=10)
    entries = [outgoing(number) for number in range(3)]
    for entry in entries:
        box.add(entry)
    box.drop(entries[1])
    assert list(box) == [entries[0], entries[2]]


@pytest.mark.parametrize("sizes", [[1, 1, 1], [5, 5]], ids=["messages", "bytes"])
async def test_an_outbox_is_bounded(sizes: list[int]) -> None:
    box = Outbox(max_messages=3, max_bytes=10)
    for number, size in enumerate(sizes):
        box.add(outgoing(number, size))
    with pytest.raises(DuologueError) as caught:
        box.add(outgoing(9))
    assert caught.value.code == "overloaded"
    box.drop(next(iter(box)))
    box.add(outgoing(9))


# Receipts


async def test_a_receipt_is_waited_for() -> None:
    progress = Progress()
    waiting = asyncio.create_task(progress.link("ben").wait("delivered", 2))
    await asyncio.sleep(0)
    progress.link("ben").to(1, 0)
    await asyncio.sleep(0)
    assert not waiting.done()
    progress.link("ben").to(3, 0)
    await waiting


async def test_what_was_read_was_delivered() -> None:
    progress = Progress()
    progress.link("ben").to(0, 2)
    await progress.link("ben").wait("delivered", 2)


async def test_receipts_are_in_the_snapshot_too() -> None:
    progress = Progress()
    entry = LinkEntry("ben", None, True, None, seq=5, delivered=4, read=3)
    progress.links(Links([entry], [], []))
    await progress.link("ben").wait("delivered", 4)
    await progress.link("ben").wait("read", 3)


async def test_waiting_ends_with_the_client() -> None:
    progress = Progress()
    waiting = asyncio.create_task(progress.link("ben").wait("read", 1))
    await asyncio.sleep(0)
    progress.end(Closed())
    with pytest.raises(Closed):
        await waiting


async def test_nobody_begins_to_wait_after_the_end() -> None:
    progress = Progress()
    known = progress.link("ben")
    progress.end(Closed())
    for link in (known, progress.link("cy")):
        with pytest.raises(Closed):
            await link.wait("read", 1)


async def test_nobody_waits_for_a_link_that_has_ended_and_is_made_again() -> None:
    progress = Progress()
    earlier = progress.link("ben")
    progress.unlink("ben")
    progress.link("ben").to(5, 5)
    with pytest.raises(DuologueError, match="not_linked"):
        await earlier.wait("read", 1)


def test_the_last_number_of_a_link_may_be_of_what_this_client_has_said() -> None:
    box = inbox(max_events=1)
    assert box.last("ben") == 0
    box.message(message(1), 10)
    box.message(message(2), 10)  # finds no room
    box.acked("ben", 3)
    assert box.last("ben") == 3


async def test_links_are_bounded() -> None:
    progress = Progress()
    first = progress.link("peer-0")
    for number in range(MAX_PEERS):
        progress.link(f"peer-{number + 1}")
    with pytest.raises(DuologueError, match="not_linked"):
        await first.wait("read", 1)


def test_each_receipt_is_said_once_in_a_session() -> None:
    delivered = Delivered()
    delivered.note("ben", 3)
    assert (delivered.to_say(), delivered.to_say()) == ([("ben", 3)], [])


def test_a_receipt_without_an_answer_is_said_again_by_the_next_session() -> None:
    delivered = Delivered()
    delivered.note("ben", 3)
    delivered.note("cy", 1)
    delivered.to_say()
    delivered.answered("cy", 1)
    delivered.again()
    assert delivered.to_say() == [("ben", 3)]


# Backoff


def test_waits_double_up_to_the_most() -> None:
    backoff = Backoff(first=0.5, most=3.0)
    assert [backoff.next(1.0) for _ in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_a_wait_is_a_random_part_of_it() -> None:
    backoff = Backoff(first=0.5, most=3.0)
    assert [backoff.next(0.0), backoff.next(0.5)] == [0.0, 0.5]


def test_a_good_session_begins_anew() -> None:
    backoff = Backoff(first=0.5, most=3.0)
    backoff.next(1.0)
    backoff.reset()
    assert backoff.next(1.0) == 0.5
