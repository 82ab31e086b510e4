"""The documents say what is so."""

from __future__ import annotations

import importlib
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

import duologue
from duologue.settings import markdown

ROOT = Path(__file__).parents[2]
_ROOMS = (
    "core|wire|server|stores|node|messages|hub|admission|keys|jwks|auth|counts|metrics|vocabulary"
    "|settings|config|logs|cli|host|threads|rest|client|hosts"
)
_NAME = re.compile(rf"`((?:{_ROOMS})\.[\w.]+)`")


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


@pytest.mark.parametrize("name", sorted(set(_NAME.findall((ROOT / "ARCHITECTURE.md").read_text()))))
def test_every_name_in_the_architecture_exists(name: str) -> None:
    assert _resolve(name) is not None


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
