"""A result file read: medians over the rounds, of figures and of ratios between peers."""

from __future__ import annotations

from collections.abc import Collection
from statistics import median
from typing import Any, NamedTuple


class Spread(NamedTuple):
    """A figure over the rounds of a run."""

    median: float
    low: float
    high: float


def _spread(values: Collection[float]) -> Spread | None:
    return Spread(median(values), min(values), max(values)) if values else None


class Results:
    """The figures of one run of the benchmark."""

    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw
        self.titles: dict[str, str] = raw["titles"]
        #: By peer, scenario and figure, then by round.
        self._figures: dict[tuple[str, str, str], dict[int, float]] = {}
        for run in raw["runs"]:
            for key, value in run.items():
                if key not in ("peer", "scenario", "round"):
                    place = run["peer"], run["scenario"], key
                    self._figures.setdefault(place, {})[run["round"]] = value

    def get(self, peer: str, scenario: str, figure: str) -> Spread | None:
        """None if this was not measured."""
        return _spread(self._figures.get((peer, scenario, figure), {}).values())

    def ratio(self, peer: str, other: str, scenario: str, figure: str) -> Spread | None:
        """How many times the figure of `other` that of `peer` is."""
        return self._ratios((peer, scenario, figure), (other, scenario, figure))

    def against(
        self, peer: str, scenario: str, other: str, base: str, figure: str
    ) -> Spread | None:
        """The same where the two do not do the same: `other` is in the scenario `base`."""
        return self._ratios((peer, scenario, figure), (other, base, figure))

    def growth(self, peer: str, scenario: str, base: str, figure: str) -> Spread | None:
        """How many times its own figure in the scenario `base` a peer's is in `scenario`."""
        return self._ratios((peer, scenario, figure), (peer, base, figure))

    def _ratios(self, one: tuple[str, str, str], two: tuple[str, str, str]) -> Spread | None:
        # Within each round, for a shared machine is not as fast in one as in the next
        figures, bases = self._figures.get(one, {}), self._figures.get(two, {})
        return _spread([figures[each] / bases[each] for each in figures if each in bases])

    def overloaded_load(self, peer: str, scenario: str) -> bool:
        """Whether the load generator was so busy that only the CPU per message counts."""
        busy = self.get(peer, scenario, "load_cpu")
        return busy is not None and busy.median > 0.9
