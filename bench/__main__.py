"""The benchmark's command; see the package's own words for its use."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any, Final

from . import budgets, report
from .scenarios import FULL, QUICK, Run

RESULTS: Final = Path(__file__).parent / "results"
LATEST: Final = RESULTS / "latest.json"
ELSEWHERE: Final = RESULTS / "elsewhere"
QUICK_LATEST: Final = RESULTS / "quick.json"


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def read(path: Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return result


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="measure, and write a result file")
    run.add_argument("--quick", action="store_true", help="a rough look, in under two minutes")
    run.add_argument("--only", default="", metavar="WORD", help="scenarios with WORD in their name")
    run.add_argument("--peer", action="append", default=[], metavar="NAME", help="only this peer")
    run.add_argument("--output", type=Path, help="the result file")
    show = commands.add_parser("report", help="write docs/benchmarks.md and its plots")
    show.add_argument("file", type=Path, nargs="?", default=LATEST)
    check = commands.add_parser("budgets", help="name each budget that a result file misses")
    check.add_argument("files", type=Path, nargs="*", default=[LATEST])
    arguments = parser.parse_args()

    if arguments.command == "report":
        report.write(
            read(arguments.file), [read(each) for each in sorted(ELSEWHERE.glob("*.json"))]
        )
        return 0
    if arguments.command == "budgets":
        missed = [budgets.check(read(path), str(path), print) for path in arguments.files]
        return 1 if any(missed) else 0
    if (os.cpu_count() or 1) < 2:
        say("The benchmark needs two cores: one for the server, one for the load.")
        return 1
    plan = QUICK if arguments.quick else FULL
    result = Run(plan, only=arguments.only, peers=tuple(arguments.peer), say=say).go()
    output = arguments.output or (QUICK_LATEST if arguments.quick else LATEST)
    output.parent.mkdir(exist_ok=True)
    output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    say(f"Written to {output}")
    return 1 if result["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
