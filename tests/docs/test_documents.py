"""The documents say what is so."""

from __future__ import annotations

import importlib
import pkgutil
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

import duologue
from duologue.settings import markdown

ROOT = Path(__file__).parents[2]
_ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text()
_ROOMS = sorted(
    module.name for module in pkgutil.iter_modules(duologue.__path__) if module.name[0] != "_"
)
_NAME = re.compile(rf"`((?:{'|'.join(_ROOMS)})\.[\w.]+)`")


def _resolve(name: str) -> Any:
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join([duologue.__name__, *parts[:end]]))
        except ModuleNotFoundError:
            continue
        for part in parts[end:]:
            found = getattr(found, part)
        return found
    raise AttributeError(name)


@pytest.mark.parametrize("name", sorted(set(_NAME.findall(_ARCHITECTURE))))
def test_every_name_in_the_architecture_exists(name: str) -> None:
    assert _resolve(name) is not None


@pytest.mark.parametrize("room", _ROOMS)
def test_every_part_of_the_package_is_a_room_of_the_architecture(room: str) -> None:
    rows = re.findall(r"^\| (`.+?) \|", _ARCHITECTURE, re.MULTILINE)
    assert [row for row in rows if f"`{room}`" in row.split(", ")] != []


def test_decisions_are_numbered_one_after_the_other() -> None:
    decisions = sorted((ROOT / "docs" / "adr").glob("*.md"))
    named = [int(path.name[:4]) for path in decisions]
    headed = [int(path.read_text().split(".")[0].removeprefix("# ")) for path in decisions]
    assert named == headed == list(range(1, len(decisions) + 1))


def test_every_decision_that_is_referred_to_is_there() -> None:
    last = len(list((ROOT / "docs" / "adr").glob("*.md")))
    texts = [path.read_text() for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"))]
    assert {int(number) for text in texts for number in re.findall(r"\bADR (\d+)", text)} <= set(
        range(1, last + 1)
    )


def test_the_consent_page_is_made_from_the_table() -> None:
    made = runpy.run_path(str(ROOT / "tools" / "consent_doc.py"))["document"]()
    assert (ROOT / "docs" / "consent.md").read_text() == made


@pytest.mark.parametrize("document", sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("docs/**/*.md")))
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text())
    missing = [target for target in targets if not (document.parent / target).exists()]
    assert missing == []


def test_the_settings_page_is_made_from_the_settings() -> None:
    assert (ROOT / "docs" / "settings.md").read_text() == markdown()
