"""A small world for tests of the rules: clients, a memory store, and a clock that stands still."""

from __future__ import annotations

from duologue.core import events, rules
from duologue.core.model import Identity, Pair, Terms
from duologue.stores.memory import MemoryStore


class World:
    """Decides commands as a node does, and remembers what each client was told."""

    def __init__(self, *clients: str, terms: Terms | None = None) -> None:
        self.store = MemoryStore()
        self.terms = terms or Terms()
        self.now = 1_000_000.0
        self.told: dict[str, list[events.Notice]] = {}
        self.offline: set[str] = set()
        self._messages = 0
        for client in clients:
            self.join(client)

    def join(self, client: str, name: str | None = None) -> None:
        self.store.apply(events.PutIdentity(Identity(id=client, name=name)))
        self.told[client] = []

    def identity(self, client: str) -> Identity:
        identity = self.store.identity(client)
        assert identity is not None
        return identity

    def does(self, client: str, command: events.SendMessage | events.PairCommand) -> events.Reply:
        pair = self.store.pair(client, command.target)
        online = command.target in self.told and command.target not in self.offline
        if isinstance(command, events.SendMessage):
            return self._sends(client, command, pair, online)
        facts = rules.Facts(
            self.terms, self.identity(client), self.store.identity(command.target), pair, online
        )
        return self.carry_out(rules.decide(facts, command, self.now))

    def _sends(
        self, client: str, command: events.SendMessage, pair: Pair | None, online: bool
    ) -> events.Reply:
        self._messages += 1
        earlier = None
        if command.id is not None and pair is not None:
            earlier = self.store.earlier(pair, client, command.id)
        decided = rules.message(
            command,
            client,
            pair,
            earlier,
            command.id or f"message-{self._messages}",
            self.now,
            self.store.identity(command.target),
            online,
            self.terms,
        )
        if not isinstance(decided, events.AddMessage):
            return decided
        self.store.add_message(decided)
        if command.target in self.told:
            self.told[command.target].append(decided.notice)
        return decided.reply

    def carry_out(self, decision: events.Decision) -> events.Reply:
        for change in decision.changes:
            self.store.apply(change)
        for effect in decision.effects:
            if effect.to in self.told:
                self.told[effect.to].append(effect.notice)
        return decision.reply

    def passes(self, seconds: float) -> None:
        """Time passes, and what has expired meanwhile expires."""
        self.now += seconds
        for pair in self.store.due(self.now, 1_000):
            self.carry_out(rules.expire(pair, self.now))

    def leaves(self, client: str) -> None:
        pairs = list(self.store.pairs(client))
        self.carry_out(rules.end(self.identity(client), pairs, self.now))
        del self.told[client]

    def hears(self, client: str) -> list[events.Notice]:
        """What a client was told since it was last asked."""
        told, self.told[client] = self.told[client], []
        return told

    # What tests do most

    def requests(self, client: str, target: str, note: str | None = None) -> events.Reply:
        return self.does(client, events.RequestLink(target, note))

    def accepts(self, client: str, target: str) -> events.Reply:
        return self.does(client, events.AcceptLink(target))

    def declines(self, client: str, target: str) -> events.Reply:
        return self.does(client, events.DeclineLink(target))

    def cancels(self, client: str, target: str) -> events.Reply:
        return self.does(client, events.CancelRequest(target))

    def closes(self, client: str, target: str) -> events.Reply:
        return self.does(client, events.CloseLink(target))

    def blocks(self, client: str, target: str) -> events.Reply:
        return self.does(client, events.Block(target))

    def unblocks(self, client: str, target: str) -> events.Reply:
        return self.does(client, events.Unblock(target))

    def writes(
        self, client: str, target: str, content: object = "hi", id: str | None = None
    ) -> events.Reply:
        return self.does(client, events.SendMessage(target, content, id))

    def receipt(
        self, client: str, target: str, *, delivered: int | None = None, read: int | None = None
    ) -> events.Reply:
        return self.does(client, events.SendReceipt(target, delivered, read))

    def pair(self, a: str, b: str) -> Pair:
        pair = self.store.pair(a, b)
        assert pair is not None
        return pair

    def links(self, a: str, b: str) -> None:
        """Link two clients; what they were told about it is forgotten."""
        self.requests(a, b)
        self.accepts(b, a)
        self.told[a], self.told[b] = [], []
