"""A result file read: medians, ratios, budgets, and the page made from it."""

from __future__ import annotations

from typing import Any

import pytest

from bench import budgets, report
from bench.results import Results, Spread


def run(peer: str, scenario: str, round_number: int, **figures: float) -> dict[str, Any]:
    return {"peer": peer, "scenario": scenario, "round": round_number, **figures}


#: Figures that keep every budget, each by a little.
KEPT: list[dict[str, Any]] = [
    run("duologue", "relay-1", 0, cpu_us=6.0, load_cpu=0.5),
    run("floor", "relay-1", 0, cpu_us=4.0, load_cpu=0.95),
    run("socketio", "relay-1", 0, cpu_us=10.0),
    run("pysocketio", "relay-1", 0, cpu_us=40.0),
    run("tutorial", "relay-1", 0, cpu_us=90.0),
    run("duologue", "relay-8", 0, cpu_us=6.0),
    run("floor", "relay-8", 0, cpu_us=4.0),
    run("socketio", "relay-8", 0, cpu_us=10.0),
    run("durable", "acks-8", 0, cpu_us=16.0),
    run("duologue", "growth-0", 0, cpu_us=6.0),
    run("duologue", "growth-10000", 0, cpu_us=7.0),
    run("duologue", "idle-10000", 0, kib_per_connection=8.9),
    run("duologue", "connect", 0, connections_per_s=1_001),
    run("socketio", "connect", 0, connections_per_s=1_000),
]


def raw(*runs: dict[str, Any]) -> dict[str, Any]:
    return {
        "when": "2026-01-02T03:04:05+00:00",
        "took_seconds": 900,
        "quick": False,
        "rounds": 3,
        "seconds": 1.0,
        "machine": {"processor": "a processor", "cores": 2, "kernel": "6.1", "python": "3.11.7"},
        "titles": {
            "duologue": "Duologue",
            "floor": "the floor",
            "socketio": "Socket.IO",
            "pysocketio": "python-socketio",
            "tutorial": "the tutorial",
        },
        "versions": {"duologue": {"msgspec": "1.0"}, "floor": {}},
        "failures": [],
        "runs": list(runs),
    }


def kept_but(peer: str, scenario: str, figure: str, value: float) -> dict[str, Any]:
    """`KEPT` with one figure changed."""
    return raw(
        *(
            {**each, figure: value}
            if (each["peer"], each["scenario"]) == (peer, scenario)
            else each
            for each in KEPT
        )
    )


def test_a_figure_is_the_median_of_its_rounds_with_the_least_and_the_greatest() -> None:
    rounds = [run("floor", "relay-1", number, cpu_us=us) for number, us in enumerate((5, 1, 3))]
    assert Results(raw(*rounds)).get("floor", "relay-1", "cpu_us") == Spread(3, 1, 5)


def test_a_ratio_is_the_median_of_those_within_each_round() -> None:
    ours = [run("duologue", "relay-1", number, cpu_us=us) for number, us in enumerate((4, 9, 40))]
    theirs = [run("floor", "relay-1", number, cpu_us=us) for number, us in enumerate((2, 3, 10))]
    spread = Results(raw(*ours, *theirs)).ratio("duologue", "floor", "relay-1", "cpu_us")
    assert spread == Spread(3, 2, 4)


def test_a_round_that_only_one_of_two_was_in_makes_no_ratio() -> None:
    rounds = [run("floor", "relay-1", 0, cpu_us=1), run("duologue", "relay-1", 1, cpu_us=2)]
    assert Results(raw(*rounds)).ratio("duologue", "floor", "relay-1", "cpu_us") is None


def test_what_was_not_measured_has_no_ratio() -> None:
    assert Results(raw(*KEPT)).ratio("duologue", "floor", "kib-8", "cpu_us") is None


@pytest.mark.parametrize(("busy", "overloaded"), [(0.9, False), (0.91, True)])
def test_a_load_generator_above_nine_tenths_is_said_to_be_busy(
    busy: float, overloaded: bool
) -> None:
    results = Results(raw(run("floor", "relay-1", 0, cpu_us=1, load_cpu=busy)))
    assert results.overloaded_load("floor", "relay-1") is overloaded


def missed(figures: dict[str, Any]) -> list[str]:
    """The budgets that are said to be missed."""
    said: list[str] = []
    budgets.check(figures, "a file", said.append)
    return [line.partition(":")[0].strip() for line in said if "MISSED" in line]


def test_a_run_that_keeps_every_budget_misses_none() -> None:
    assert not budgets.check(raw(*KEPT), "a file", lambda _: None)


@pytest.mark.parametrize(
    ("peer", "scenario", "figure", "value", "budget"),
    [
        ("floor", "relay-1", "cpu_us", 3.7, "CPU per message, 1 in flight, to the floor"),
        ("socketio", "relay-8", "cpu_us", 9.9, "CPU per message, 8 in flight, to Node's Socket.IO"),
        ("duologue", "idle-10000", "kib_per_connection", 9.1, "KiB per idle connection, of 10,000"),
        (
            "durable",
            "acks-8",
            "cpu_us",
            17.1,
            "durable, acks after commit, 8 in flight, to Node's Socket.IO",
        ),
        (
            "duologue",
            "growth-10000",
            "cpu_us",
            7.3,
            "CPU per message beside 10,000 idle clients, to itself without them",
        ),
        (
            "duologue",
            "connect",
            "connections_per_s",
            999,
            "connections per second, to Node's Socket.IO",
        ),
    ],
)
def test_the_one_budget_that_is_missed_is_named(
    peer: str, scenario: str, figure: str, value: float, budget: str
) -> None:
    assert missed(kept_but(peer, scenario, figure, value)) == [budget]


def test_a_budget_that_was_not_measured_is_missed() -> None:
    assert len(missed(raw())) == len(budgets.BUDGETS)


def test_the_page_says_which_budgets_another_machine_misses() -> None:
    other = kept_but("floor", "relay-1", "cpu_us", 3.0)
    rows = report.page(Results(raw(*KEPT)), [Results(other)]).splitlines()
    assert "| CPU per message, 1 in flight, to the floor | ≤ 1.6 | **2** |" in rows


def test_the_page_says_where_another_is_ahead() -> None:
    page = report.page(Results(raw(*KEPT)))
    assert "- 64 B, 1 in flight: the floor needs 1/1.50 of Duologue's CPU" in page


def test_the_page_marks_a_rate_that_the_load_generator_bounded() -> None:
    runs = [{**each, "messages_per_s": 1_000.0} for each in KEPT]
    page = report.page(Results(raw(*runs)))
    rows = [line for line in page.splitlines() if line.startswith("| the floor | 4.0")]
    assert "\\*" in rows[0]


def test_the_page_names_what_failed() -> None:
    assert "- a peer: it fell over" in report.page(
        Results({**raw(*KEPT), "failures": ["a peer: it fell over"]})
    )
