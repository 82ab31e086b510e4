"""How heavy the page and the widget are, as they were built."""

from __future__ import annotations

import gzip
import json
import re
from importlib import resources
from pathlib import Path
from typing import Any

BUILT = Path(str(resources.files("duologue"))) / "_web"

MOST_AT_FIRST = 60_000
MOST_OF_THE_WIDGET = 60_000

# The name of a vocabulary; and what Socket.IO's client says of servers that are too old
_NO_ADDRESSES = re.compile(r"http://www\.w3\.org/|https://socket\.io/docs/")


def chunks() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((BUILT / ".vite" / "manifest.json").read_text())
    return found


def loaded_at_first() -> list[str]:
    """The scripts that the page needs before it shows anything: none that are imported later."""
    known, todo = chunks(), ["index.html"]
    seen: list[str] = []
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.append(name)
            todo += known[name].get("imports", [])
    return [known[name]["file"] for name in seen]


def weight(*names: str) -> int:
    return sum(len(gzip.compress((BUILT / name).read_bytes(), 9)) for name in names)


def test_the_page_is_light_when_it_is_first_loaded() -> None:
    scripts = loaded_at_first()
    weights = {name: weight(name) for name in scripts}
    assert sum(weights.values()) <= MOST_AT_FIRST, weights


def test_the_scripts_that_the_page_names_are_those_that_are_weighed() -> None:
    named = re.findall(r'(?:src|href)="\./(assets/[^"]+\.js)"', (BUILT / "index.html").read_text())
    assert sorted(named) == sorted(loaded_at_first())


def test_german_is_loaded_only_where_it_is_read() -> None:
    known = chunks()
    german = {each["file"] for name, each in known.items() if name.endswith("texts.de.ts")}
    assert german
    assert german.isdisjoint(loaded_at_first())


def test_the_widget_is_light() -> None:
    assert weight("duologue.js") <= MOST_OF_THE_WIDGET


def test_the_widget_is_one_file() -> None:
    assert re.findall(r"""\bimport\s*["'{*(]""", (BUILT / "duologue.js").read_text()) == []


def test_nothing_names_another_host() -> None:
    named = {
        f"{path.name}: {address}"
        for path in [*BUILT.glob("*.*"), *BUILT.glob("assets/*")]
        if path.suffix in (".js", ".css", ".html", ".svg", ".webmanifest")
        for address in re.findall(r"https?://[^\s\"'`)]+", path.read_text())
        if not _NO_ADDRESSES.match(address)
    }
    assert named == set()
