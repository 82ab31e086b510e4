"""The examples in docs/rest.md do what is printed below them."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

from tests.support.process import Serve

DOCUMENT = (Path(__file__).parents[2] / "docs" / "rest.md").read_text()
KEY = "a-key-for-tests-of-more-than-32-characters"
MARK = "--- end of an example ---"


def examples() -> list[tuple[str, Any]]:
    """Each with what it prints, if anything."""
    blocks = re.findall(r"```(sh|json)\n(.*?)```", DOCUMENT, re.DOTALL)
    found: list[tuple[str, Any]] = []
    for language, text in blocks:
        if language == "sh":
            found.append((text, None))
        else:
            found[-1] = (found[-1][0], json.loads(text))
    return found


def test_the_examples_print_what_stands_below_them(serve: Serve) -> None:
    server = serve(env={"DUOLOGUE_API_KEY": KEY})
    script = "".join(f"{text}\necho\necho '{MARK}'\n" for text, _ in examples())
    env = {**os.environ, "API": f"{server.url}/api/v1", "DUOLOGUE_API_KEY": KEY}
    ran = subprocess.run(
        ["sh", "-eu"], input=script, env=env, capture_output=True, text=True, timeout=60, check=True
    )
    printed = [text.strip() for text in ran.stdout.split(MARK)[:-1]]
    # A message has the time at which it was sent
    times = re.compile(r'"at": ?\d+')
    found = [json.loads(times.sub('"at": 0', text)) if text else None for text in printed]
    expected = [
        None if value is None else json.loads(times.sub('"at": 0', json.dumps(value)))
        for _, value in examples()
    ]
    assert ran.stderr == ""
    assert found == expected
