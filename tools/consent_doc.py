"""Write ``docs/consent.md``, the consent table and its diagram, from `duologue.core.rules`.

python tools/consent_doc.py
"""

from __future__ import annotations

from pathlib import Path

from duologue.core.rules import CONSENT, Situation, Tells, over
from duologue.vocabulary import NOTICES

TARGET = Path(__file__).parent.parent / "docs" / "consent.md"

_HEAD = """# Consent

Made from `duologue.core.rules.CONSENT`; `make docs` renews it and a test fails when it is
out of date.

How two clients stand to each other, as seen by the one that acts ("I"). What only the other side
may know is a situation of its own, so that the table shows that it makes no difference to me.

```mermaid
stateDiagram-v2
"""

_TABLE = """```

Beside what is drawn, time ends a request: both get `link_expired`, or only its maker if the other
was never told. When a client is gone for good its links close and its requests end.

What is over by my doing the other sessions that I have hear, too: the same events, with `own`.

| situation | I … | then | who hears of it | my other sessions hear |
|---|---|---|---|---|
"""


def document() -> str:
    lines = [_HEAD]
    for situation in Situation:
        lines.append(f'    state "{situation.value}" as {situation.name}\n')
    lines.append("    [*] --> NONE\n")
    for (before, action), step in CONSENT.items():
        if step.after is not None:
            lines.append(f"    {before.name} --> {step.after.name}: I {_verb(action.value)}\n")
    lines.append(_TABLE)
    for (before, action), step in CONSENT.items():
        if step.refused is not None:
            then, heard, mine = f"refused: `{step.refused}`", "", ""
        else:
            then = step.after.value if step.after else "as before"
            heard = step.tells.value if step.tells is not Tells.NOBODY else "nobody"
            ended = over(before, step)
            mine = NOTICES[ended] if ended else ""
        lines.append(f"| {before.value} | {_verb(action.value)} | {then} | {heard} | {mine} |\n")
    return "".join(lines)


def _verb(third_person: str) -> str:
    return third_person.removesuffix("s")


if __name__ == "__main__":
    TARGET.write_text(document())
