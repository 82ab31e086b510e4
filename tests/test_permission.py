"""What the application says about who may ask whom."""

from __future__ import annotations

import asyncio
import logging

import pytest

from duologue.permission import Authorize, Permission

pytestmark = pytest.mark.anyio


async def answer(authorize: Authorize | None, timeout: float = 5.0) -> str:
    heard: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    permission = Permission(authorize, timeout)
    permission.ask(
        "ann", "ben", lambda: heard.set_result("allowed"), lambda no: heard.set_result(no.code)
    )
    return await heard


async def test_without_an_application_everybody_may_ask() -> None:
    assert await answer(None) == "allowed"


@pytest.mark.parametrize(("says", "expected"), [(True, "allowed"), (False, "unauthorized")])
async def test_a_function_says_who_may_ask(says: bool, expected: str) -> None:
    assert await answer(lambda asker, target: says) == expected


@pytest.mark.parametrize(("says", "expected"), [(True, "allowed"), (False, "unauthorized")])
async def test_a_coroutine_function_says_who_may_ask(says: bool, expected: str) -> None:
    async def authorize(asker: str, target: str) -> bool:
        await asyncio.sleep(0)
        return says

    assert await answer(authorize) == expected


async def test_what_is_not_true_is_no_permission() -> None:
    async def authorize(asker: str, target: str) -> bool:
        return "yes"  # type: ignore[return-value]

    assert await answer(authorize) == "unauthorized"


async def test_a_function_that_fails_permits_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def authorize(asker: str, target: str) -> bool:
        raise LookupError("no database")

    with caplog.at_level(logging.ERROR):
        assert await answer(authorize) == "unavailable"
    assert "no database" in caplog.text


async def test_one_that_takes_too_long_permits_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def authorize(asker: str, target: str) -> bool:
        await asyncio.Event().wait()
        return True

    assert await answer(authorize, timeout=0.01) == "unavailable"


async def test_one_that_gives_up_permits_nothing() -> None:
    async def authorize(asker: str, target: str) -> bool:
        raise asyncio.CancelledError

    assert await answer(authorize) == "unavailable"


async def test_nothing_is_left_waiting_after_the_end() -> None:

    async def authorize(asker: str, target: str) -> bool:
        await asyncio.Event().wait()
        return True

    before = asyncio.all_tasks()
    permission = Permission(authorize)
    permission.ask("ann", "ben", lambda: None, lambda no: None)
    await asyncio.sleep(0)
    permission.close()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
