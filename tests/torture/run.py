"""The scenarios by name, and how one is run."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, NamedTuple

from . import scenarios, starved
from .report import Report

_Run = Callable[[int, Path], Awaitable[Report]]


class Scenario(NamedTuple):
    """Takes a seed and an empty folder."""

    small: _Run
    full: _Run


_partial = functools.partial

SCENARIOS: Final = {
    "killed": Scenario(
        _partial(scenarios.killed, scenarios.KILLS_SMALL),
        _partial(scenarios.killed, scenarios.KILLS_FULL),
    ),
    "cut": Scenario(
        _partial(scenarios.cut, scenarios.CUTS_SMALL),
        _partial(scenarios.cut, scenarios.CUTS_FULL),
    ),
    "cut-unkept": Scenario(
        _partial(scenarios.cut, dataclasses.replace(scenarios.CUTS_SMALL, kept=False)),
        _partial(scenarios.cut, dataclasses.replace(scenarios.CUTS_FULL, kept=False)),
    ),
    "unheard": Scenario(
        _partial(scenarios.unheard, scenarios.LOSSES_SMALL),
        _partial(scenarios.unheard, scenarios.LOSSES_FULL),
    ),
    "absent": Scenario(
        _partial(scenarios.absent, scenarios.ABSENCE_SMALL),
        _partial(scenarios.absent, scenarios.ABSENCE_FULL),
    ),
    "full-disk": Scenario(
        _partial(starved.full_disk, starved.DISK_SMALL),
        _partial(starved.full_disk, starved.DISK_FULL),
    ),
    "bulky": Scenario(
        _partial(starved.bulky, starved.BULK_SMALL),
        _partial(starved.bulky, starved.BULK_FULL),
    ),
    "stopped-readers": Scenario(
        _partial(starved.sleepers, starved.SLEEPERS_SMALL),
        _partial(starved.sleepers, starved.SLEEPERS_FULL),
    ),
    "restarted": Scenario(
        _partial(scenarios.restarted, scenarios.RESTARTS_SMALL),
        _partial(scenarios.restarted, scenarios.RESTARTS_FULL),
    ),
    "herd": Scenario(
        _partial(scenarios.herd, scenarios.HERD_SMALL),
        _partial(scenarios.herd, scenarios.HERD_FULL),
    ),
}


def run(name: str, seed: int, folder: Path, *, full: bool) -> Report:
    """Run a scenario in an event loop of its own."""
    scenario = SCENARIOS[name]
    chosen = scenario.full if full else scenario.small

    async def play() -> Report:
        return await chosen(seed, folder)

    return asyncio.run(play())
