"""What a host's word does to two clients, whatever stands between them."""

from __future__ import annotations

import itertools

import pytest

from duologue.core import events, hosted
from duologue.core.errors import Refusal
from duologue.core.model import Identity, Pair, State, Terms
from duologue.core.rules import Facts, decide

TERMS = Terms()
ANN, BEN = Identity(id="ann", kept=True), Identity(id="ben", kept=True)
NOW = 1_000.0

#: Every way in which a pair can stand. Only a request to one that blocks is silent.
PAIRS = [
    Pair(
        low="ann",
        high="ben",
        state=state,
        requester=requester,
        silent=bool(blockers) and requester is not None,
        expires_at=2_000.0 if requester else 0.0,
        blockers=frozenset(blockers),
        low_cooldown=1_500.0,
        seq=7,
    )
    for state, requester in (
        (State.NONE, None),
        (State.REQUESTED, "ann"),
        (State.REQUESTED, "ben"),
        (State.LINKED, None),
    )
    for blockers in itertools.chain(*(itertools.combinations(("ann", "ben"), n) for n in range(3)))
    if not (state is State.LINKED and blockers)
]


def name(pair: Pair | None) -> str:
    if pair is None:
        return "nothing"
    return f"{pair.state.value} by {pair.requester}, {'+'.join(sorted(pair.blockers))} blocks"


def linked(pair: Pair | None) -> events.Decision:
    return hosted.link((ANN, BEN), (), pair, lambda client: False, TERMS)


@pytest.mark.parametrize("pair", [None, *PAIRS], ids=name)
def test_a_host_links_unless_there_is_a_block(pair: Pair | None) -> None:
    decision = linked(pair)
    if pair is not None and pair.blockers:
        assert isinstance(decision.reply, Refusal)
        assert (decision.changes, decision.effects) == ((), ())
    elif pair is not None and pair.state is State.LINKED:
        assert decision == events.Decision(events.LinkReply(new=False))
    else:
        (change,) = decision.changes
        assert isinstance(change, events.PutPair)
        assert change.pair.state is State.LINKED
        assert change.pair.requester is None
        assert [effect.to for effect in decision.effects] == ["ben", "ann", "ben", "ann"]


def test_what_was_said_on_an_earlier_link_is_not_shown_on_the_next() -> None:
    (change,) = linked(PAIRS[0]).changes
    assert isinstance(change, events.PutPair)
    assert (change.pair.seq, change.pair.first) == (7, 8)


def test_a_link_by_the_hosts_word_ends_a_cooldown() -> None:
    (change,) = linked(PAIRS[0]).changes
    assert isinstance(change, events.PutPair)
    assert change.pair.low_cooldown == 0.0


def test_a_newcomer_lasts_as_long_as_one_that_has_gone() -> None:
    newcomer = hosted.newcomer("cleo", NOW, TERMS)
    assert (newcomer.kept, newcomer.expires_at) == (True, NOW + TERMS.identity_ttl)


def test_who_was_not_known_is_kept_before_the_link() -> None:
    changes = hosted.link((ANN, BEN), (BEN,), None, lambda client: False, TERMS).changes
    assert [type(change) for change in changes] == [events.PutIdentity, events.PutPair]


@pytest.mark.parametrize("pair", [None, *PAIRS], ids=name)
def test_a_host_closes_what_is_linked_and_nothing_else(pair: Pair | None) -> None:
    decision = hosted.close("ann", "ben", pair)
    if pair is not None and pair.state is State.LINKED:
        (change,) = decision.changes
        assert isinstance(change, events.PutPair)
        assert change.pair.state is State.NONE
        assert [effect.to for effect in decision.effects] == ["ann", "ben"]
    else:
        assert isinstance(decision.reply, Refusal)
        assert decision.changes == ()


@pytest.mark.parametrize("pair", [None, *PAIRS], ids=name)
def test_one_that_is_blocked_hears_of_a_closed_link_at_most(pair: Pair | None) -> None:
    facts = Facts(TERMS, ANN, BEN, pair)
    effects = decide(facts, events.Block("ben"), NOW).effects
    heard = [effect.notice for effect in effects if effect.to == "ben"]
    was_linked = pair is not None and pair.state is State.LINKED
    assert heard == ([events.LinkClosed("ann")] if was_linked else [])
