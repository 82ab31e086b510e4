"""``python -m tests.torture``: every scenario, small or in full, and a report as Markdown."""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
from pathlib import Path

from .report import Report, markdown, page
from .run import SCENARIOS, run


def main() -> int:
    """The exit code: 1 if any promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--full", action="store_true", help="in full, which takes a long time")
    parser.add_argument("--seed", type=int, default=None, help="that of a run to be made again")
    parser.add_argument("--only", choices=sorted(SCENARIOS), action="append", metavar="SCENARIO")
    parser.add_argument("--report", type=Path, help="file to write the page with the report to")
    arguments = parser.parse_args()
    seed = secrets.randbits(32) if arguments.seed is None else arguments.seed
    reports: list[Report] = []
    for name in arguments.only or SCENARIOS:
        print(f"{name}, seed {seed} …", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="duologue-torture-") as folder:
            report = run(name, seed, Path(folder), full=arguments.full)
        print(report.row(), file=sys.stderr, flush=True)
        reports.append(report)
    text = markdown(reports)
    print(text)
    if arguments.report is not None:
        arguments.report.write_text(page(reports))
    return 0 if all(report.passed for report in reports) else 1


if __name__ == "__main__":
    sys.exit(main())
