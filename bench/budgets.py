"""The budgets of the design, section 7, held against a result file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from .results import Results, Spread


@dataclass(frozen=True)
class Budget:
    """`value` of a run must be at most `limit`; None if the run did not measure it."""

    what: str
    limit: float
    value: Callable[[Results], float | None]
    at_least: bool = False


def _ratio(scenario: str, other: str, figure: str = "cpu_us") -> Callable[[Results], float | None]:
    return lambda results: _median(results.ratio("duologue", other, scenario, figure))


def _median(spread: Spread | None) -> float | None:
    return spread.median if spread else None


def _durable(results: Results) -> float | None:
    # Node's server stores nothing and acknowledges nothing here
    return _median(results.against("durable", "acks-8", "socketio", "relay-8", "cpu_us"))


def _growth(results: Results) -> float | None:
    return _median(results.growth("duologue", "growth-10000", "growth-0", "cpu_us"))


def _idle_kib(results: Results) -> float | None:
    return _median(results.get("duologue", "idle-10000", "kib_per_connection"))


BUDGETS: Final = (
    Budget("CPU per message, 1 in flight, to the floor", 1.6, _ratio("relay-1", "floor")),
    Budget("CPU per message, 1 in flight, to Node's Socket.IO", 0.6, _ratio("relay-1", "socketio")),
    Budget(
        "CPU per message, 1 in flight, to python-socketio", 0.15, _ratio("relay-1", "pysocketio")
    ),
    Budget(
        "CPU per message, 1 in flight, to the tutorial's listing",
        0.07,
        _ratio("relay-1", "tutorial"),
    ),
    Budget("CPU per message, 8 in flight, to the floor", 1.6, _ratio("relay-8", "floor")),
    Budget("CPU per message, 8 in flight, to Node's Socket.IO", 0.6, _ratio("relay-8", "socketio")),
    Budget("durable, acks after commit, 8 in flight, to Node's Socket.IO", 1.7, _durable),
    Budget("CPU per message beside 10,000 idle clients, to itself without them", 1.2, _growth),
    Budget("KiB per idle connection, of 10,000", 9.0, _idle_kib),
    Budget(
        "connections per second, to Node's Socket.IO",
        1.0,
        _ratio("connect", "socketio", "connections_per_s"),
        at_least=True,
    ),
)


def verdict(budget: Budget, results: Results) -> tuple[float | None, bool]:
    """What a run measured, and whether that keeps the budget; what was not measured does not."""
    value = budget.value(results)
    if value is None:
        return None, False
    return value, value >= budget.limit if budget.at_least else value <= budget.limit


def check(raw: dict[str, Any], name: str, say: Callable[[str], None]) -> bool:
    """Say of each budget whether the run keeps it; returns whether it misses any."""
    results = Results(raw)
    missed = False
    say(f"{name}, of {raw['when']}:")
    for budget in BUDGETS:
        value, kept = verdict(budget, results)
        missed = missed or not kept
        measured = "not measured" if value is None else f"{value:.3g}"
        bound = "at least" if budget.at_least else "at most"
        say(
            f"  {budget.what}: {bound} {budget.limit:g}; {'kept' if kept else 'MISSED'}: {measured}"
        )
    return missed
