"""A result file read: medians over the rounds, and ratios between peers."""

from __future__ import annotations

from statistics import median
from typing import Any, NamedTuple


class Spread(NamedTuple):
    """A figure over the rounds of a run."""

    median: float
    low: float
    high: float


class Results:
    """The figures of one run of the benchmark."""

    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw
        self.titles: dict[str, str] = raw["titles"]
        self._figures: dict[tuple[str, str, str], list[float]] = {}
        for run in raw["runs"]:
            for key, value in run.items():
                if key not in ("peer", "scenario", "round"):
                    place = run["peer"], run["scenario"], key
                    self._figures.setdefault(place, []).append(value)

    def get(self, peer: str, scenario: str, figure: str) -> Spread | None:
        """None if this was not measured."""
        values = self._figures.get((peer, scenario, figure))
        return Spread(median(values), min(values), max(values)) if values else None

    def ratio(self, peer: str, other: str, scenario: str, figure: str) -> float | None:
        """How many times the figure of `other` that of `peer` is."""
        one, two = self.get(peer, scenario, figure), self.get(other, scenario, figure)
        return one.median / two.median if one and two else None

    def overloaded_load(self, peer: str, scenario: str) -> bool:
        """Whether the load generator was so busy that only the CPU per message counts."""
        busy = self.get(peer, scenario, "load_cpu")
        return busy is not None and busy.median > 0.9
