"""Any order of anything that two to five clients can do, against a simple model of consent."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from duologue.core import events
from duologue.core.events import (
    LinkRequested,
    MessageReceived,
    MessageReply,
    Notice,
    Presence,
    RequestReply,
    SignalReceived,
    Typing,
)
from duologue.core.model import Policy, State, Terms
from tests.support.world import World

CLIENTS = ("ann", "ben", "cleo", "dan", "eve")
IDS = [f"00000000-0000-4000-8000-00000000000{number}" for number in range(4)]
TERMS = Terms(request_ttl=60, decline_cooldown=20, max_requests_sent=3, max_requests_received=3)

Pair = frozenset[str]


class Consent(RuleBasedStateMachine):
    """The model knows links, requests that were delivered, and blocks; nothing else."""

    @initialize(number=st.sampled_from([2, 2, 2, 3, 3, 4, 5]), policy=st.sampled_from(Policy))
    def meet(self, number: int, policy: Policy) -> None:
        self.world = World(*CLIENTS[:number], terms=_terms(policy))
        self.open = policy is Policy.OPEN
        self.linked: set[Pair] = set()
        self.linked_before: set[Pair] = set()
        self.asked: dict[tuple[str, str], float] = {}
        self.blocks: set[tuple[str, str]] = set()
        self.seq: dict[Pair, int] = {}
        self.answers: dict[tuple[str, str, str], MessageReply] = {}

    def _two(self, data: Any) -> tuple[str, str]:
        clients = sorted(self.world.told)
        one = data.draw(st.sampled_from(clients))
        others = [each for each in clients if each != one]
        return one, data.draw(st.sampled_from([*others * 4, "nobody"]))

    # What clients do

    @rule(data=st.data(), note=st.none() | st.just("note"))
    def request(self, data: Any, note: str | None) -> None:
        one, other = self._two(data)
        self._step()
        reply = self.world.requests(one, other, note)
        if not isinstance(reply, RequestReply):
            return
        assert (one, other) not in self.blocks
        if reply.state == "linked":
            # Either linked before, or the other has asked, whether I was told of it or not
            self._link(one, other)
        else:
            # Also where the other blocks and is not told: it may unblock and ask itself
            self.asked.setdefault((one, other), self.world.now + TERMS.request_ttl)

    @rule(data=st.data())
    def accept(self, data: Any) -> None:
        one, other = self._two(data)
        self._step()
        may = (other, one) in self.asked or frozenset((one, other)) in self.linked
        if isinstance(self.world.accepts(one, other), events.Done):
            assert may
            assert (one, other) not in self.blocks
            self._link(one, other)

    def _link(self, one: str, other: str) -> None:
        pair = frozenset((one, other))
        assert pair in self.linked or (other, one) in self.asked
        self.linked.add(pair)
        self._no_requests(one, other)

    def _no_requests(self, one: str, other: str) -> None:
        self.asked.pop((one, other), None)
        self.asked.pop((other, one), None)

    @rule(data=st.data())
    def decline(self, data: Any) -> None:
        one, other = self._two(data)
        self._step()
        if isinstance(self.world.declines(one, other), events.Done):
            self._no_requests(one, other)

    @rule(data=st.data())
    def cancel(self, data: Any) -> None:
        one, other = self._two(data)
        self._step()
        if isinstance(self.world.cancels(one, other), events.Done):
            self._no_requests(one, other)

    @rule(data=st.data())
    def close(self, data: Any) -> None:
        one, other = self._two(data)
        self._step()
        if isinstance(self.world.closes(one, other), events.Done):
            assert frozenset((one, other)) in self.linked
            self.linked.discard(frozenset((one, other)))

    @rule(data=st.data())
    def block(self, data: Any) -> None:
        one, other = self._two(data)
        self._step()
        if isinstance(self.world.blocks(one, other), events.Done):
            self.blocks.add((one, other))
            self.linked.discard(frozenset((one, other)))
            self.asked.pop((one, other), None)

    @rule(data=st.data())
    def unblock(self, data: Any) -> None:
        one, other = self._two(data)
        self._step()
        if isinstance(self.world.unblocks(one, other), events.Done):
            self.blocks.discard((one, other))

    @rule(data=st.data(), id=st.none() | st.sampled_from(IDS))
    def write(self, data: Any, id: str | None) -> None:
        one, other = self._two(data)
        pair = frozenset((one, other))
        self._step()
        reply = self.world.writes(one, other, f"from {one}", id)
        heard = [n for n in self.world.told.get(other, []) if isinstance(n, MessageReceived)]
        if not isinstance(reply, MessageReply):
            assert heard == []
            assert pair not in self.linked or other not in self.world.told
            return
        earlier = self.answers.get((one, other, id)) if id else None
        if earlier is not None:
            # Whatever has become of the two since: it was taken then, and is not told again
            assert (reply, heard) == (earlier, [])
            return
        assert pair in self.linked or self.open
        assert not {(one, other), (other, one)} & self.blocks
        assert [(n.sender, n.content) for n in heard] == [(one, f"from {one}")]
        assert reply.seq == self.seq.get(pair, 0) + 1
        self.seq[pair] = reply.seq
        if id:
            self.answers[one, other, id] = reply

    @rule(data=st.data())
    def type_and_signal(self, data: Any) -> None:
        one, other = self._two(data)
        self._step()
        self.world.does(one, events.SendTyping(other))
        self.world.does(one, events.SendSignal(other, f"from {one}"))
        heard = [
            notice
            for notice in self.world.told.get(other, [])
            if isinstance(notice, (Typing, SignalReceived))
        ]
        linked = frozenset((one, other)) in self.linked
        assert len(heard) == (2 if linked else 0)

    @rule(seconds=st.sampled_from([1.0, 19.0, 20.0, 59.0, 60.0]))
    def time_passes(self, seconds: float) -> None:
        self._step()
        self.world.passes(seconds)
        for key, expires in list(self.asked.items()):
            if expires <= self.world.now:
                del self.asked[key]

    @rule(data=st.data())
    def leave_and_come_back(self, data: Any) -> None:
        one = data.draw(st.sampled_from(sorted(self.world.told)))
        self._step()
        self.world.leaves(one)
        self.world.join(one)
        self.linked = {pair for pair in self.linked if one not in pair}
        self.asked = {key: at for key, at in self.asked.items() if one not in key}
        self.blocks = {key for key in self.blocks if one not in key}
        self.seq = {pair: seq for pair, seq in self.seq.items() if one not in pair}
        self.answers = {key: answer for key, answer in self.answers.items() if one not in key[:2]}

    # What must hold

    def _step(self) -> None:
        """A step begins: what is told from here on is due to it alone."""
        self.linked_before = set(self.linked)
        for client in self.world.told:
            self.world.hears(client)

    @invariant()
    def nobody_hears_of_anyone_without_consent(self) -> None:
        for client, notices in (self.world.told if hasattr(self, "world") else {}).items():
            for notice in notices:
                self._check(client, notice)

    def _check(self, client: str, notice: Notice) -> None:
        if isinstance(notice, LinkRequested):
            assert (client, notice.sender) not in self.blocks
            assert (notice.name, notice.note) in ((None, None), (None, "note"))
            return
        about = notice.client_id if isinstance(notice, Presence) else None
        if isinstance(notice, (MessageReceived, Typing, SignalReceived)):
            about = notice.sender
        if about is not None and not (self.open and isinstance(notice, MessageReceived)):
            assert frozenset((client, about)) in self.linked | self.linked_before

    @invariant()
    def the_store_counts_what_there_is(self) -> None:
        if not hasattr(self, "world"):
            return
        for client in self.world.told:
            identity, pairs = self.world.identity(client), list(self.world.store.pairs(client))
            requested = [pair for pair in pairs if pair.state is State.REQUESTED]
            assert identity.links == sum(pair.state is State.LINKED for pair in pairs)
            assert identity.sent == sum(pair.requester == client for pair in requested)
            assert identity.received == sum(
                pair.requester != client and not pair.silent for pair in requested
            )
            assert identity.blocks == sum(client in pair.blockers for pair in pairs)

    @invariant()
    def the_store_links_whom_the_model_links(self) -> None:
        if not hasattr(self, "world"):
            return
        linked = {
            frozenset((pair.low, pair.high))
            for client in self.world.told
            for pair in self.world.store.pairs(client)
            if pair.state is State.LINKED
        }
        assert linked == self.linked


def _terms(policy: Policy) -> Terms:
    return Terms(
        policy=policy,
        request_ttl=TERMS.request_ttl,
        decline_cooldown=TERMS.decline_cooldown,
        max_requests_sent=TERMS.max_requests_sent,
        max_requests_received=TERMS.max_requests_received,
    )


TestConsent = Consent.TestCase
TestConsent.settings = settings(max_examples=500, stateful_step_count=60, deadline=None)
