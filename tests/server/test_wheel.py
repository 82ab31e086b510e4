from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from duologue.server.wheel import Wheel


class Item:
    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.slot = -1
        self.expired: list[float] = []

    def expire(self, now: float) -> None:
        self.expired.append(now)
        self.deadline = math.inf


def test_an_item_expires_within_a_tick_of_its_deadline() -> None:
    wheel, item = Wheel(0.5), Item(10.2)
    wheel.schedule(item)
    for step in range(30):
        wheel.advance(step * 0.5)
    assert item.expired == [10.5]


def test_an_item_without_a_deadline_is_not_kept() -> None:
    wheel = Wheel(0.5)
    wheel.schedule(Item(math.inf))
    assert len(wheel) == 0


def test_a_deadline_that_was_put_off_is_kept() -> None:
    wheel, item = Wheel(0.5), Item(10.2)
    wheel.schedule(item)
    item.deadline = 20.2
    wheel.advance(15)
    wheel.advance(20.5)
    assert item.expired == [20.5]


def test_a_deadline_that_was_brought_forward_is_kept() -> None:
    wheel, item = Wheel(0.5), Item(20.2)
    wheel.schedule(item)
    item.deadline = 10.2
    wheel.schedule(item)
    wheel.advance(10.5)
    assert item.expired == [10.5]


def test_an_item_that_was_removed_does_not_expire() -> None:
    wheel, item = Wheel(0.5), Item(10.2)
    wheel.schedule(item)
    wheel.remove(item)
    wheel.advance(100)
    assert item.expired == []


def test_a_wheel_that_stood_still_for_long_catches_up() -> None:
    wheel, items = Wheel(0.01), [Item(1.0 + number) for number in range(100)]
    for item in items:
        wheel.schedule(item)
    wheel.advance(1_000_000)
    assert all(item.expired == [1_000_000] for item in items)


def test_an_item_may_remove_its_neighbour_while_it_expires() -> None:
    wheel = Wheel(0.5)
    first, second = Item(10.2), Item(10.2)

    def expire(now: float) -> None:
        for item in (first, second):
            wheel.remove(item)
            item.deadline = math.inf

    first.expire = second.expire = expire  # type: ignore[method-assign]
    wheel.schedule(first)
    wheel.schedule(second)
    wheel.advance(11)
    assert len(wheel) == 0


@given(st.lists(st.floats(0, 100), min_size=1), st.lists(st.floats(0.01, 10), min_size=1))
def test_nothing_expires_early_or_more_than_a_tick_late(
    deadlines: list[float], steps: list[float]
) -> None:
    wheel, now = Wheel(0.5), 0.0
    items = [(deadline, Item(deadline)) for deadline in deadlines]
    for _, item in items:
        wheel.schedule(item)
    for step in steps:
        now += step
        wheel.advance(now)
        for deadline, item in items:
            assert deadline <= now or not item.expired
            assert item.expired or now < deadline + wheel.tick
