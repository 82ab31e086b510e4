"""Every scenario, small. `make torture` runs them in full."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import pytest

from .run import SCENARIOS, run


def _seed() -> int:
    """A new one each time; that of a failure is in its report, and can be set to see it again."""
    return int(os.environ.get("DUOLOGUE_TORTURE_SEED") or secrets.randbits(32))


@pytest.mark.timeout(300)  # a server that never settles is waited for, to be told what it lacks
@pytest.mark.parametrize("name", SCENARIOS)
def test_no_promise_is_broken_when_things_go_wrong(name: str, tmp_path: Path) -> None:
    report = run(name, _seed(), tmp_path, full=False)
    assert report.passed, report.details()
