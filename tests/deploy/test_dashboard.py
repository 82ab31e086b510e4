"""The Grafana dashboard shows what there is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from duologue import config
from duologue.metrics import Metrics
from duologue.settings import Settings

DASHBOARD = json.loads(
    (Path(__file__).parents[2] / "deploy" / "grafana" / "duologue.json").read_text()
)
_NAME = re.compile(r"\b(?:duologue|process|python)_\w+")


def expressions(node: Any) -> Iterator[str]:
    """Every query in the dashboard."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        if key in ("expr", "query") and isinstance(value, str):
            yield value
        elif isinstance(value, dict | list):
            yield from expressions(value)


@pytest.fixture
async def served(tmp_path: Path) -> set[str]:
    """The names of the numbers that a server with a store in a file serves."""
    service = config.build(Settings(store=f"sqlite:///{tmp_path}/duologue.db"))
    body, _ = await Metrics(service.node, service.engine).render()
    service.node.close()
    families = list(text_string_to_metric_families(body.decode()))
    # Those with labels have no sample before something has happened
    names = {sample.name for family in families for sample in family.samples}
    return names | {f"{family.name}_total" for family in families if family.type == "counter"}


@pytest.mark.anyio
async def test_every_number_in_the_dashboard_is_served(served: set[str]) -> None:
    shown = {name for text in expressions(DASHBOARD) for name in _NAME.findall(text)}
    assert shown - served == set()


@pytest.mark.anyio
async def test_every_number_of_our_own_is_in_the_dashboard(served: set[str]) -> None:
    shown = {name for text in expressions(DASHBOARD) for name in _NAME.findall(text)}
    ours = {name for name in served if name.startswith("duologue_")}
    parts = re.compile(r"_(bucket|sum|count|created)$")
    assert {parts.sub("", name) for name in ours} - {parts.sub("", name) for name in shown} == set()


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    panels = DASHBOARD["panels"]
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in panels}) == len(panels)
