"""What a scenario found, and the report on several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .ledger import Kind, Ledger


@dataclass
class Report:
    """One run of one scenario. `disruptions` says what was done, `facts` what was measured."""

    scenario: str
    seed: int
    ledger: Ledger
    seconds: float = 0.0
    disruptions: str = ""
    facts: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not self.ledger.violations.total()

    def row(self) -> str:
        counts, found = self.ledger.counts, self.ledger.violations
        rest = found.total() - found[Kind.LOST] - found[Kind.REPEATED] - found[Kind.OUT_OF_ORDER]
        cells = [
            self.scenario,
            self.disruptions,
            f"{counts['sessions']:,}",
            f"{counts['acks']:,}",
            f"{counts['deliveries']:,}",
            f"{found[Kind.LOST]:,}",
            f"{found[Kind.REPEATED]:,}",
            f"{found[Kind.OUT_OF_ORDER]:,}",
            f"{rest:,}",
            f"{self.seconds:,.0f} s",
            "pass" if self.passed else "**fail**",
        ]
        return f"| {' | '.join(cells)} |"

    def details(self) -> str:
        """Everything about a run, with all that is needed to make it again."""
        counts = ", ".join(f"{name} {n:,}" for name, n in sorted(self.ledger.counts.items()))
        lines = [f"### {self.scenario}, seed {self.seed}", "", f"Counts: {counts}."]
        lines += ["", *(f"- {fact}" for fact in self.facts)] if self.facts else []
        if not self.passed:
            found = ", ".join(f"{kind} {n:,}" for kind, n in self.ledger.violations.items())
            lines += ["", f"Violations: {found}.", ""]
            lines += [f"- {text}" for text in self.ledger.texts]
        return "\n".join(lines)


_INTRO = """\
# Reliability

What is promised of messages, with a store in SQLite or PostgreSQL:

1. **Acked is stored.** `ok` for a message is sent after its commit, which has reached the disk
   (`synchronous=FULL`). So is the message to its target.
2. **In order, each once.** `seq` counts 1, 2, 3, … for both sides; the same `id` again is the same
   message, across restarts too; `since` brings what was missed.
3. **Only between those who are linked**, decided and once more where the message is written.
4. **A truthful answer.** While nothing can be stored, senders are told `unavailable`. So they are
   when PostgreSQL is lost in the very moment of a commit: nobody knows then whether it took place,
   nothing of it is done again, and the same `id` sent again finds out.

Each is tested from outside: real clients over WebSocket and long-polling write down every answer
and every delivery, while the server is killed with SIGKILL at random moments and started again on
the same file, stopped with SIGTERM under load, deprived of disk space, and while connections are
cut half-way, go silent, or are never read. Afterwards the accounts are compared with each other
and with the history. `make test` does it in small each time, with new random choices whose seed a
failure prints; `make torture` in full.

A power cut cannot be had that way. `tests/torture/test_power.py` puts SQLite on a disk of its own
making that forgets what was not flushed, or half of it, and whose flushes may fail: what was
committed is there afterwards, and nothing is there by halves. With `synchronous=NORMAL` every one
of those tests fails.

Not tested: a disk that lies about what it has flushed; a file system that loses a file that was
renamed; more than one server on one database.

## The last full run
"""


def page(reports: Sequence[Report]) -> str:
    """``docs/reliability.md``."""
    return f"{_INTRO}\n{markdown(reports)}\n"


def markdown(reports: Sequence[Report]) -> str:
    heads = ["scenario", "disruptions", "sessions", "acks", "deliveries", "lost", "repeated"]
    heads += ["out of order", "other", "took", "result"]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    lines += [report.row() for report in reports]
    for report in reports:
        lines += ["", report.details()]
    return "\n".join(lines)
