"""The browser client's types are those of the server."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from duologue import vocabulary

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tool() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "tools" / "protocol_ts.py"))


def test_the_types_are_made_from_the_structs(tool: dict[str, Any]) -> None:
    assert (ROOT / "web" / "src" / "client" / "protocol.ts").read_text() == tool["document"]()


def test_a_file_that_is_out_of_date_fails_the_check(tool: dict[str, Any], tmp_path: Path) -> None:
    stale = tmp_path / "protocol.ts"
    stale.write_text("// an older version\n")
    tool["main"].__globals__["TARGET"] = stale
    assert tool["main"](["--check"]) == 1


@pytest.mark.parametrize("name", [*vocabulary.COMMANDS, *vocabulary.NOTICES.values(), "refused"])
def test_every_event_has_a_type(tool: dict[str, Any], name: str) -> None:
    assert f"  readonly {name}: " in tool["document"]()
