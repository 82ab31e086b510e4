"""The documentation builds as a site."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    command = (sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html")
    done = subprocess.run(
        [*command, str(ROOT / "docs"), str(target)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return target


def test_every_document_is_a_page_of_the_site(site: Path) -> None:
    documents = {path.relative_to(ROOT / "docs") for path in ROOT.glob("docs/**/*.md")}
    missing = [path for path in documents if not (site / path.with_suffix(".html")).is_file()]
    assert missing == []


def test_every_page_can_be_reached_from_the_index(site: Path) -> None:
    index = (site / "index.html").read_text()
    pages = [path.with_suffix(".html").name for path in (ROOT / "docs").glob("*.md")]
    assert [page for page in pages if page != "index.html" and f'href="{page}"' not in index] == []


def test_a_page_loads_nothing_from_elsewhere(site: Path) -> None:
    page = (site / "index.html").read_text()
    loads = r'<(?:script|link|img)[^>]*(?:src|href)="(?:https?:)?//[^>]*>'
    assert re.findall(loads, page) == []


def test_the_sizing_page_is_made_from_the_last_benchmark() -> None:
    made = runpy.run_path(str(ROOT / "tools" / "sizing_doc.py"))["document"]()
    assert (ROOT / "docs" / "sizing.md").read_text() == made
