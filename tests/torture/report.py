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


def markdown(reports: Sequence[Report]) -> str:
    heads = ["scenario", "disruptions", "sessions", "acks", "deliveries", "lost", "repeated"]
    heads += ["out of order", "other", "took", "result"]
    lines = ["# Torture", "", f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    lines += [report.row() for report in reports]
    for report in reports:
        lines += ["", report.details()]
    return "\n".join(lines)
