"""The plots of ``docs/benchmarks.md``, legible on light and on dark pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure

from .results import Results
from .scenarios import GROWTH

_INK: Final = "#7d8590"
_OURS: Final = "#2f81f7"
_THEIRS: Final = "#9aa4b2"

mpl.rcParams.update(
    {
        "svg.fonttype": "none",  # text stays text
        "svg.hashsalt": "duologue",  # so that the same figures make the same file
        "font.family": "sans-serif",
        "font.size": 10,
        "text.color": _INK,
        "axes.edgecolor": _INK,
        "axes.labelcolor": _INK,
        "xtick.color": _INK,
        "ytick.color": _INK,
    }
)


def relay(results: Results, target: Path) -> None:
    """CPU per message of each server, with one and with eight in flight."""
    figure = Figure(figsize=(8.4, 2.9), layout="constrained")
    for axes, scenario, title in zip(
        figure.subplots(1, 2, sharey=True),
        ("relay-1", "relay-8"),
        ("one message in flight", "eight in flight"),
        strict=True,
    ):
        found = [(peer, results.get(peer, scenario, "cpu_us")) for peer in results.titles]
        bars = [(peer, spread) for peer, spread in reversed(found) if spread is not None]
        values = [spread.median for _, spread in bars]
        drawn = axes.barh(
            [results.titles[peer] for peer, _ in bars],
            values,
            xerr=[
                [spread.median - spread.low for _, spread in bars],
                [spread.high - spread.median for _, spread in bars],
            ],
            ecolor=_INK,
            color=[_OURS if peer in ("duologue", "durable") else _THEIRS for peer, _ in bars],
        )
        axes.bar_label(drawn, fmt="{:.1f}", padding=4)
        axes.set_title(title, fontsize=10)
        axes.set_xscale("log")
        axes.set_xlim(1, max(values) * 2.5)
        axes.set_xticks([1, 10, 100], ["1", "10", "100"])
        _plain(axes)
    figure.supxlabel("server CPU per message, µs (log scale; less is better)", fontsize=10)
    _save(figure, target)


def growth(results: Results, target: Path) -> None:
    """CPU per message beside idle clients, as a ratio to that without them."""
    figure = Figure(figsize=(8.4, 2.9), layout="constrained")
    axes = figure.subplots()
    for peer, title in results.titles.items():
        ratios = [
            results.growth(peer, f"growth-{clients}", f"growth-{GROWTH[0]}", "cpu_us")
            for clients in GROWTH
        ]
        values = [spread.median for spread in ratios if spread is not None]
        if len(values) == len(GROWTH):
            axes.plot(
                [f"{clients:,}" for clients in GROWTH],
                values,
                label=title,
                marker="o",
                linewidth=2.5 if peer == "duologue" else 1.2,
                color=_OURS if peer == "duologue" else None,
            )
    axes.set_xlabel("idle clients beside 50 busy pairs")
    axes.set_ylabel("CPU per message,\nratio to none")
    axes.set_ylim(0, 1.5)
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    _plain(axes)
    _save(figure, target)


def _plain(axes: Any) -> None:
    axes.spines[["top", "right"]].set_visible(False)


def _save(figure: Figure, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    figure.savefig(target, transparent=True, metadata={"Date": None})
