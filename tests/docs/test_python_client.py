"""The bot in the guide answers as it is printed."""

from __future__ import annotations

import asyncio
import inspect
import re
import sys
from pathlib import Path
from typing import get_args

import pytest

from duologue import client
from duologue.client import Client, Event, LinkEstablished, MessageReceived
from tests.docs.test_readme import read_until, start
from tests.support.process import Serve

GUIDE = (Path(__file__).parents[2] / "docs" / "python-client.md").read_text()
SECONDS = 20


def bot() -> str:
    (found,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    return str(found)


async def conversation(url: str, peer: str) -> str:
    async with asyncio.timeout(SECONDS), Client(url) as person:
        await person.request(peer)
        async for event in person:
            if isinstance(event, LinkEstablished):
                await person.send(peer, "hello")
            if isinstance(event, MessageReceived):
                return str(event.content)
    raise AssertionError("no answer")


def test_the_bot_in_the_guide_answers(serve: Serve, tmp_path: Path) -> None:
    url = serve().url
    (tmp_path / "bot.py").write_text(bot())
    process = start(url, sys.executable, str(tmp_path / "bot.py"))
    try:
        client_id = read_until(process, r"[0-9a-f]{8}-[0-9a-f-]{27}")[0]
        assert asyncio.run(conversation(url, client_id)) == "You said: hello"
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.mark.parametrize("event", get_args(Event), ids=lambda event: str(event.__name__))
def test_every_event_is_in_the_guide_and_can_be_imported(event: type) -> None:
    assert (f"`{event.__name__}`" in GUIDE, event.__name__ in client.__all__) == (True, True)


def test_every_setting_of_a_client_is_in_the_guide() -> None:
    names = set(inspect.signature(client.Client).parameters) - {"url"}
    assert [name for name in sorted(names) if f"`{name}`" not in GUIDE] == []


def test_the_bot_has_at_most_15_lines() -> None:
    assert len([line for line in bot().splitlines() if line]) <= 15
