"""Answers that are given again, and for how long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from duologue.rest.bodies import Failed
from duologue.rest.idempotency import Answer, Answers, message_id

pytestmark = pytest.mark.anyio

DONE = Answer(200, b"{}", "application/json", {})


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Making:
    """Makes answers with the statuses given, one after the other; counts how often it had to."""

    def __init__(self, *statuses: int) -> None:
        self._statuses = list(statuses)
        self.times = 0

    async def __call__(self) -> Answer:
        self.times += 1
        await asyncio.sleep(0)
        return DONE._replace(status=self._statuses.pop(0))


async def asked(answers: Answers, make: Callable[[], Awaitable[Answer]], now: float = 0.0) -> int:
    return (await answers.once("key", b"print", now, make)).status


async def test_requests_at_once_are_carried_out_once() -> None:
    answers, making = Answers(), Making(201)
    found = await asyncio.gather(*(asked(answers, making) for _ in range(3)))
    assert (found, making.times) == ([201, 201, 201], 1)


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_what_may_be_otherwise_later_is_not_given_again(status: int) -> None:
    answers, making = Answers(), Making(status, 201)
    assert [await asked(answers, making), await asked(answers, making)] == [status, 201]


async def test_one_that_waits_for_a_request_that_fails_makes_its_own() -> None:
    async def fails() -> Answer:
        await asyncio.sleep(0)
        raise OSError("gone")

    answers = Answers()
    first = asyncio.ensure_future(asked(answers, fails))
    await asyncio.sleep(0)
    second = asyncio.ensure_future(asked(answers, Making(201)))
    with pytest.raises(OSError, match="gone"):
        await first
    assert await second == 201


async def test_of_those_that_wait_for_a_request_that_fails_one_at_a_time_takes_its_place() -> None:
    answers, making = Answers(), Making(503, 201)
    found = await asyncio.gather(*(asked(answers, making) for _ in range(5)))
    assert (sorted(found), making.times) == ([201, 201, 201, 201, 503], 2)


async def test_a_key_belongs_to_one_request() -> None:
    answers = Answers()
    await asked(answers, Making(201))
    with pytest.raises(Failed) as failure:
        await answers.once("key", b"another print", 0.0, Making(201))
    assert failure.value.status == 422


@pytest.mark.parametrize(("now", "times"), [(59.9, 1), (60.0, 2)])
async def test_answers_are_kept_for_a_time(now: float, times: int) -> None:
    answers, making = Answers(seconds=60.0), Making(201, 201)
    await asked(answers, making)
    await asked(answers, making, now)
    assert making.times == times


async def test_a_number_of_keys_is_remembered() -> None:
    answers, making = Answers(keys=3), Making(*[201] * 9)
    for key in ("a", "b", "c", "d", "b", "a"):
        await answers.once(key, b"", 0.0, making)
    assert (len(answers), making.times) == (3, 5)


def test_a_messages_id_follows_from_its_key_and_what_it_says() -> None:
    ids = {message_id(key, said) for key in ("a", "b") for said in (b"x", b"y")}
    assert len(ids) == 4
    assert message_id("a", b"x") == message_id("a", b"x")
