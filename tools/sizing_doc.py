"""Write ``docs/sizing.md`` from the last benchmark, ``bench/results/latest.json``.

python tools/sizing_doc.py
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "docs" / "sizing.md"

sys.path.insert(0, str(ROOT))

from bench.results import Results  # noqa: E402

#: A core that is busier than this answers late when something happens.
_LOAD = 0.5
_CLIENTS = (1_000, 10_000, 50_000, 100_000)

_CLIENTS_TEXT = """\
An idle client that is connected by WebSocket takes {kib:.1f} KiB of memory, beside 40 MiB for the
process; TLS in the process and a proxy take their own. After a restart all of them come back, about
{rate} a second with a store in SQLite. Memory was measured with 10,000 clients; the other lines are
reckoned from that."""

_DISK_TEXT = """
More than 20,000 from one address, or 100,000 in all, are refused, unless `max_sessions_per_address`
and `max_sessions` are set higher ([settings](settings.md)).

## Disk

In SQLite a message of up to 900 bytes takes its own size and 60 to 150 bytes more, a larger one as
many pages of 4,096 bytes as it needs and about 600 bytes more. Messages are kept for
`history_ttl_seconds` (30 days), at most `history_max` (10,000) of a link. Each commit waits for the
disk, and what arrives meanwhile shares the next one: a slow disk makes answers late before it makes
them few.
"""


def document() -> str:
    results = Results(json.loads((ROOT / "bench" / "results" / "latest.json").read_text()))
    kib = _median(results, "duologue", "idle-10000", "kib_per_connection")
    rows = [
        ("relay, messages in memory only", "duologue", "acks-8"),
        ("relay, each message on disk (SQLite) before its `ok`", "durable", "acks-8"),
        ("the same, with IDs for safe retries", "durable", "ids-8"),
        ("relay to clients that poll, without acknowledgements", "duologue", "polling-1"),
    ]
    machine = results.raw["machine"]
    lines = [
        "# Sizing",
        "",
        "Made from `bench/results/latest.json` by `tools/sizing_doc.py`; do not edit. Measured on",
        f"one core of an {machine['processor']} with Python {machine['python']}; `make bench`",
        "measures it on yours. Plan with half: a core that is full answers late.",
        "",
        "## Messages",
        "",
        "Of 64 bytes, each with an acknowledgement where nothing else is said.",
        "",
        "| what | CPU a message, µs | messages/s that fill a core | to plan with |",
        "| --- | ---: | ---: | ---: |",
    ]
    for what, peer, scenario in rows:
        cpu = _median(results, peer, scenario, "cpu_us")
        most = 1e6 / cpu
        lines.append(f"| {what} | {cpu:.1f} | {_round(most)} | {_round(most * _LOAD)} |")
    rate = _median(results, "durable", "connect", "connections_per_s")
    lines += [
        "",
        "Somebody who writes a message every ten seconds is a tenth of a message a second.",
        "",
        "## Clients",
        "",
        _CLIENTS_TEXT.format(kib=kib, rate=_round(rate)),
        "",
        "| clients | memory of the process | file descriptors | all back after |",
        "| ---: | ---: | ---: | ---: |",
    ]
    for clients in _CLIENTS:
        memory = 40 + clients * kib / 1024
        lines.append(
            f"| {clients:,} | {memory:,.0f} MiB | {clients + 100:,} | {clients / rate:,.0f} s |"
        )
    lines += [
        _DISK_TEXT,
    ]
    return "\n".join(lines)


def _median(results: Results, peer: str, scenario: str, figure: str) -> float:
    found = results.get(peer, scenario, figure)
    if found is None:
        raise SystemExit(f"The last benchmark did not measure {scenario} of {peer}")
    return found.median


def _round(number: float) -> str:
    """Two digits: more would promise what a measurement cannot keep."""
    digits = len(str(round(number))) - 2
    return f"{round(number, -digits):,.0f}"


if __name__ == "__main__":
    TARGET.write_text(document())
