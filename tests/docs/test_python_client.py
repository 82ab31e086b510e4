"""The bot in the guide answers as it is printed."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

from duologue.client import Client, LinkEstablished, MessageReceived
from tests.docs.test_readme import read_until, start
from tests.support.process import Serve

GUIDE = (Path(__file__).parents[2] / "docs" / "python-client.md").read_text()
SECONDS = 20


def bot() -> str:
    (found,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    return str(found)


async def conversation(url: str, peer: str) -> str:
    async with asyncio.timeout(SECONDS), Client(url) as client:
        await client.request(peer)
        async for event in client:
            if isinstance(event, LinkEstablished):
                await client.send(peer, "hello")
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


def test_the_bot_has_at_most_15_lines() -> None:
    assert len([line for line in bot().splitlines() if line]) <= 15
