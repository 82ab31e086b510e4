"""``docs/benchmarks.md`` and its plots, made from a result file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from .budgets import BUDGETS, verdict
from .results import Results, Spread
from .scenarios import GROWTH, RELAY, STORED

_OURS: Final = ("duologue", "durable")

DOCS: Final = Path(__file__).parent.parent / "docs"
PAGE: Final = DOCS / "benchmarks.md"

_INTRO: Final = """\
# Benchmarks

Made by `make bench` from `bench/results/latest.json`; do not edit. `make budgets` holds the same
file against the budgets.

Every server does the same work: a client gets an ID when it connects, `message` goes to the client
that it names, and arrives with who it is from. Duologue does more than that: policy `required`, so
it looks up whether the two are linked, counts rates, numbers messages, and checks what the others
let pass; nothing is switched off. The server has one core, the load generator (C, epoll) the other;
peers take turns in each of up to {rounds} rounds. A figure is the median of its rounds, with the
least and the greatest; a ratio is one of figures of the same round. **CPU per message** is the
kernel's account of all of a server's processes and threads, and is the figure to compare: messages
per second follow from it, unless it was the load generator that was busy (marked \\*).

- **floor**: a single-threaded C epoll relay with just enough of the protocols, each message its own
  `write`. Nothing that speaks Socket.IO on one core can do much better.
- **ws (Node)** is the bare WebSocket library, without Socket.IO: no event names, no acks.
- **the tutorial's listing** is what Duologue grew out of: Flask-SocketIO on eventlet, which takes
  no more than 1,024 clients.
"""

_ELSEWHERE: Final = """\
## The budgets on other machines

Whole runs, in `bench/results/elsewhere/`. A machine that is shared with others is not as fast in
one second as in the next: in brackets are the least and the greatest of Duologue's CPU per message
with 8 in flight, in µs.
"""

_NOT_MEASURED: Final = """\
## What this does not say

One machine with {cores} cores, loopback only: no network, no TLS, no proxy, no compression, and no
second core for anybody's cluster mode. The load generator shares caches and memory with the server.
Clients read as fast as they can. Differences of a few percent are noise; the ranges show how much.
The C floor writes every message at once; one that gathers writes, as Duologue does, spends less
than half with eight in flight. With one message in flight nearly all of the C programs' time, and
half of Duologue's, is the kernel's for `recv`, `send` and `epoll_wait`, which no server saves; a
server that is fast enough to keep the load generator busy also never has to wake it up.
"""


def write(raw: dict[str, Any], elsewhere: Sequence[dict[str, Any]] = ()) -> None:
    """Write the page and its plots; `elsewhere` are runs on other machines."""
    # Imported here: the rest of the benchmark does without a plotting library
    from . import plots

    results = Results(raw)
    plots.relay(results, DOCS / "pictures" / "benchmark-relay.svg")
    plots.growth(results, DOCS / "pictures" / "benchmark-growth.svg")
    PAGE.write_text(page(results, [Results(each) for each in elsewhere]), encoding="utf-8")


def page(results: Results, elsewhere: Sequence[Results] = ()) -> str:
    """The page as Markdown."""
    raw = results.raw
    parts = [
        _INTRO.format(rounds=raw["rounds"]),
        "![CPU per message, by server](pictures/benchmark-relay.svg)\n",
        "## CPU per message, as ratios\n\n" + "\n".join(_ratios(results)) + "\n",
        "## Budgets\n\n" + "\n".join(_budgets(results)) + "\n",
        *((_ELSEWHERE + "\n" + "\n".join(_others(elsewhere)) + "\n",) if elsewhere else ()),
        "## Where others are ahead\n\n" + "\n".join(_ahead(results)) + "\n",
        *(
            f"## {each.title}\n\n" + "\n".join(_scenario(results, each.name))
            for each in _measured(results)
        ),
        "## Durable\n\n" + "\n".join(_durable(results)) + "\n",
        "## Connections and memory\n\n" + "\n".join(_connections(results)) + "\n",
        "## Beside idle clients\n\n" + "\n".join(_growth(results)) + "\n",
        "![CPU per message beside idle clients](pictures/benchmark-growth.svg)\n",
        *(
            (
                "## What failed\n\n"
                + "\n".join(f"- {each}" for each in dict.fromkeys(raw["failures"]))
                + "\n",
            )
            if raw["failures"]
            else ()
        ),
        _NOT_MEASURED.format(cores=raw["machine"]["cores"]),
        "## The machine and the versions\n\n" + "\n".join(_versions(raw)) + "\n",
    ]
    return "\n".join(parts)


def _measured(results: Results) -> Iterator[Any]:
    for scenario in RELAY:
        if any(results.get(peer, scenario.name, "cpu_us") for peer in results.titles):
            yield scenario


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def _head(first: str, *rest: str) -> Iterator[str]:
    yield _row(first, *rest)
    yield _row("---", *("---:" for _ in rest))


def _shown(spread: Spread | None, scale: float = 1.0, digits: int = 1) -> str:
    if spread is None:
        return "-"
    middle, low, high = (f"{value / scale:,.{digits}f}" for value in spread)
    return f"{middle} ({low}-{high})"


def _ratios(results: Results) -> Iterator[str]:
    others = [peer for peer in results.titles if peer not in _OURS]
    yield from _head("Duologue's CPU per message ÷", *(results.titles[peer] for peer in others))
    for scenario in _measured(results):
        ratios = (results.ratio("duologue", peer, scenario.name, "cpu_us") for peer in others)
        yield _row(scenario.title, *(_shown(ratio, digits=2) for ratio in ratios))


def _budgets(results: Results) -> Iterator[str]:
    yield from _head("what", "budget", "measured", "")
    for budget in BUDGETS:
        value, kept = verdict(budget, results)
        bound = "≥" if budget.at_least else "≤"
        shown = "not measured" if value is None else f"{value:.3g}"
        yield _row(
            budget.what, f"{bound} {budget.limit:g}", shown, "kept" if kept else "**missed**"
        )


def _others(elsewhere: Sequence[Results]) -> Iterator[str]:
    yield from _head("what", "budget", *map(_where, elsewhere))
    for budget in BUDGETS:
        bound = "≥" if budget.at_least else "≤"
        measured = [verdict(budget, results) for results in elsewhere]
        shown = ("-" if value is None else f"{value:.3g}" for value, _ in measured)
        marked = (
            figure if kept else f"**{figure}**"
            for figure, (_, kept) in zip(shown, measured, strict=True)
        )
        yield _row(budget.what, f"{bound} {budget.limit:g}", *marked)


def _where(results: Results) -> str:
    machine, day = results.raw["machine"], results.raw["when"][:10]
    return f"{machine['processor']}, {day} {_range(results.get('duologue', 'relay-8', 'cpu_us'))}"


def _range(spread: Spread | None) -> str:
    return "" if spread is None else f"({spread.low:.1f}-{spread.high:.1f})"


def _ahead(results: Results) -> Iterator[str]:
    ahead = False
    for scenario in _measured(results):
        for peer, title in results.titles.items():
            ratio = results.ratio("duologue", peer, scenario.name, "cpu_us")
            if peer not in _OURS and ratio is not None and ratio.median > 1:
                ahead = True
                yield f"- {scenario.title}: {title} needs 1/{ratio.median:.2f} of Duologue's CPU"
    for peer, title in results.titles.items():
        mine = results.get("duologue", "idle-10000", "kib_per_connection")
        theirs = results.get(peer, "idle-10000", "kib_per_connection")
        if mine and theirs and theirs.median < mine.median:
            ahead = True
            yield f"- memory: {title} holds {theirs.median:.1f} KiB for an idle connection"
        mine = results.get("duologue", "connect", "connections_per_s")
        theirs = results.get(peer, "connect", "connections_per_s")
        if mine and theirs and theirs.median > mine.median:
            ahead = True
            yield f"- connections: {title} accepts {theirs.median:,.0f} a second"
    if not ahead:
        yield "Nowhere in this run."


def _scenario(results: Results, name: str) -> Iterator[str]:
    acks = results.get("duologue", name, "ack_p50_us") is not None
    more = ("ack p50, ms", "ack p99, ms") if acks else ()
    yield from _head("server", "CPU per message, µs", "messages/s", "p50, ms", "p99, ms", *more)
    for peer, title in results.titles.items():
        if results.get(peer, name, "cpu_us") is None:
            continue
        star = "\\*" if results.overloaded_load(peer, name) else ""
        times = ["p50_us", "p99_us", *(["ack_p50_us", "ack_p99_us"] if acks else [])]
        yield _row(
            title,
            _shown(results.get(peer, name, "cpu_us")),
            _shown(results.get(peer, name, "messages_per_s"), digits=0) + star,
            *(_shown(results.get(peer, name, time), 1_000, 2) for time in times),
        )
    yield ""


def _durable(results: Results) -> Iterator[str]:
    yield (
        "Duologue with its store in a SQLite file, `synchronous=FULL`: a message is acknowledged "
        "and delivered after its commit. A batch is what arrived while the last one was "
        "committed.\n"
    )
    yield from _head(
        "scenario",
        "CPU per message, µs",
        "÷ Socket.IO (Node), which stores and acks nothing",
        "ack p50, ms",
        "ack p99, ms",
        "messages a batch",
        "ms a batch",
    )
    names = {each.name: each.title for each in RELAY if each.name in ("relay-8", "acks-8", "ids-8")}
    names |= {f"stored-{count}": f"with acks, {count:,} stored before" for count in STORED}
    for name, title in names.items():
        yield _row(
            title,
            _shown(results.get("durable", name, "cpu_us")),
            _shown(results.against("durable", name, "socketio", "relay-8", "cpu_us"), digits=2),
            _shown(results.get("durable", name, "ack_p50_us"), 1_000, 1),
            _shown(results.get("durable", name, "ack_p99_us"), 1_000, 1),
            _shown(results.get("durable", name, "batch_mean")),
            _shown(results.get("durable", name, "batch_ms"), digits=2),
        )


def _connections(results: Results) -> Iterator[str]:
    yield from _head(
        "server",
        "connections/s",
        "connections per CPU second",
        "KiB each, of 1,000",
        "KiB each, of 10,000",
        "CPU % while 10,000 rest",
    )
    for peer, title in results.titles.items():
        yield _row(
            title,
            _shown(results.get(peer, "connect", "connections_per_s"), digits=0),
            _shown(results.get(peer, "connect", "connections_per_cpu_s"), digits=0),
            _shown(results.get(peer, "idle-1000", "kib_per_connection")),
            _shown(results.get(peer, "idle-10000", "kib_per_connection")),
            _shown(results.get(peer, "resting-10000", "cpu_percent"), digits=2),
        )


def _growth(results: Results) -> Iterator[str]:
    yield "50 busy pairs, 64 B, 8 in flight, and so many idle clients beside; µs per message.\n"
    yield from _head("server", *(f"{clients:,}" for clients in GROWTH), "10,000 ÷ 0")
    for peer, title in results.titles.items():
        names = [f"growth-{clients}" for clients in GROWTH]
        figures = [results.get(peer, name, "cpu_us") for name in names]
        grown = results.growth(peer, names[-1], names[0], "cpu_us")
        yield _row(title, *(_shown(each) for each in figures), _shown(grown, digits=2))


def _versions(raw: dict[str, Any]) -> Iterator[str]:
    machine = raw["machine"]
    yield (
        f"{machine['processor']}, {machine['cores']} cores; Linux {machine['kernel']}; "
        f"Python {machine['python']}. "
        f"Run of {raw['when'][:10]}, {raw['took_seconds'] // 60} minutes.\n"
    )
    yield from _head("server", "versions")
    for peer, versions in raw["versions"].items():
        listed = ", ".join(f"{name} {version}" for name, version in versions.items())
        yield _row(raw["titles"][peer], listed or "in this repository")
