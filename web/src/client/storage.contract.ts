/**
 * What every storage does. Each promise is a function that throws where it is not kept, so that
 * it can be run where that storage is at home: in a test, or in a browser's page.
 */

import type { KeptLink, KeptMessage, Storage } from "./api";

export type Clause = (storage: Storage) => Promise<void>;

/** By the sentence that each makes true of an empty storage. */
export const STORAGE_CONTRACT: Readonly<Record<string, Clause>> = {
  "knows no identity at first": async (storage) => {
    same(await storage.identity(), null);
  },
  "keeps the last identity": async (storage) => {
    await storage.saveIdentity({ id: "me", resumeToken: "old", name: null });
    await storage.saveIdentity({ id: "me", resumeToken: "new", name: "Me" });
    same(await storage.identity(), { id: "me", resumeToken: "new", name: "Me" });
  },
  "forgets an identity that is over": async (storage) => {
    await storage.saveIdentity({ id: "me", resumeToken: "old", name: null });
    await storage.saveIdentity(null);
    same(await storage.identity(), null);
  },
  "keeps what is known last of a link": async (storage) => {
    await storage.saveLink(linked("ann"));
    await storage.saveLink({ ...linked("ann"), readByMe: 3 });
    same(await storage.links(), [{ ...linked("ann"), readByMe: 3 }]);
  },
  "deletes what was said on a link that had ended when it is made anew": async (storage) => {
    await storage.addMessages([message(1)]);
    await storage.saveLink({ ...linked("ann"), ended: true });
    await storage.renewLink(linked("ann"));
    same(await storage.messages("ann", null, 10), []);
  },
  "keeps what was said on a link that another tab has made anew": async (storage) => {
    await storage.saveLink(linked("ann"));
    await storage.addMessages([message(1)]);
    await storage.renewLink(linked("ann"));
    same(await storage.messages("ann", null, 10), [message(1)]);
  },
  "drops a link with its messages and what waits": async (storage) => {
    await storage.saveLink(linked("ann"));
    await storage.addMessages([message(1)]);
    await storage.putOutbox(waiting("a"));
    await storage.dropLink("ann");
    const left = [await storage.links(), await storage.messages("ann", null, 1)];
    same([...left, await storage.outbox()], [[], [], []]);
  },
  "drops nothing of other links": async (storage) => {
    await storage.addMessages([message(1), { ...message(1), peer: "ben" }]);
    await storage.dropLink("ann");
    same(await storage.messages("ben", null, 1), [{ ...message(1), peer: "ben" }]);
  },
  "knows who is blocked": async (storage) => {
    await storage.saveBlocked("ann", true);
    await storage.saveBlocked("ben", true);
    await storage.saveBlocked("ann", false);
    same(await storage.blocked(), ["ben"]);
  },
  "gives the last messages in order": async (storage) => {
    await storage.addMessages([message(3), message(1), message(2)]);
    same(numbers(await storage.messages("ann", null, 2)), [2, 3]);
  },
  "gives the messages before a number": async (storage) => {
    await storage.addMessages([1, 2, 3, 4].map((seq) => message(seq)));
    same(numbers(await storage.messages("ann", 4, 2)), [2, 3]);
  },
  "keeps a message once": async (storage) => {
    await storage.addMessages([message(1)]);
    await storage.addMessages([message(1)]);
    same(numbers(await storage.messages("ann", null, 10)), [1]);
  },
  "gives binary back": async (storage) => {
    const content = { kind: "file", data: new Uint8Array([1, 2, 3]).buffer };
    await storage.addMessages([{ ...message(1), content }]);
    const [kept] = await storage.messages("ann", null, 1);
    const { data } = (kept?.content ?? {}) as { data?: ArrayBuffer };
    same(data && [...new Uint8Array(data)], [1, 2, 3]);
  },
  "knows the numbers of the peer's messages": async (storage) => {
    const mine = { ...message(3), mine: true };
    await storage.addMessages([message(1), message(2), mine, message(4)]);
    same(await storage.theirs("ann", 1), [2, 4]);
  },
  "gives what waits in the order in which it was put there": async (storage) => {
    await storage.putOutbox(waiting("b"));
    await storage.putOutbox(waiting("a"));
    same(ids(await storage.outbox()), ["b", "a"]);
  },
  "puts a message that waits in its own place again": async (storage) => {
    await storage.putOutbox(waiting("a"));
    await storage.putOutbox(waiting("b"));
    const problem = { code: "blocked", error: "No", retryable: false } as const;
    await storage.putOutbox({ ...waiting("a"), problem });
    same(await storage.outbox(), [{ ...waiting("a"), problem }, waiting("b")]);
  },
  "takes a message out of those that wait": async (storage) => {
    await storage.putOutbox(waiting("a"));
    await storage.putOutbox(waiting("b"));
    await storage.takeOutbox("a");
    same(ids(await storage.outbox()), ["b"]);
  },
  "lets a message wait no longer that has a number": async (storage) => {
    await storage.putOutbox(waiting("a"));
    await storage.putOutbox(waiting("b"));
    await storage.addMessages([{ ...waiting("a"), seq: 1 }]);
    same(ids(await storage.outbox()), ["b"]);
  },
  "keeps an application's own things": async (storage) => {
    await storage.set("names", { ann: "Annie" });
    same([await storage.get("names"), await storage.get("other")], [{ ann: "Annie" }, undefined]);
  },
  "has nothing once it is cleared": async (storage) => {
    await storage.saveIdentity({ id: "me", resumeToken: "token", name: null });
    await storage.saveLink(linked("ann"));
    await storage.addMessages([message(1)]);
    await storage.putOutbox(waiting("a"));
    await storage.saveBlocked("ben", true);
    await storage.set("names", {});
    await storage.clear();
    const left = [await storage.identity(), await storage.get("names")];
    const lists = [await storage.links(), await storage.outbox(), await storage.blocked()];
    same(
      [...left, ...lists, await storage.messages("ann", null, 1)],
      [null, undefined, [], [], [], []],
    );
  },
  "gives a page out of fifty thousand messages at once": async (storage) => {
    const all = Array.from({ length: 50_000 }, (_, index) => message(index + 1));
    await storage.addMessages(all);
    const before = performance.now();
    const page = await storage.messages("ann", 25_001, 50);
    const took = performance.now() - before;
    same([numbers(page)[0], numbers(page)[49], took < 500], [24_951, 25_000, true]);
  },
};

function linked(peer: string): KeptLink {
  return {
    peer,
    name: null,
    lastSeen: null,
    delivered: 0,
    read: 0,
    deliveredByMe: 0,
    readByMe: 0,
    first: null,
    ended: false,
  };
}

function message(seq: number): KeptMessage {
  return { peer: "ann", id: `message ${seq}`, seq, at: 0, mine: false, content: "hello" };
}

function waiting(id: string): KeptMessage {
  return { peer: "ann", id, seq: null, at: 0, mine: true, content: "hello" };
}

function numbers(messages: readonly KeptMessage[]): (number | null)[] {
  return messages.map((each) => each.seq);
}

function ids(messages: readonly KeptMessage[]): string[] {
  return messages.map((each) => each.id);
}

function same(found: unknown, wanted: unknown): void {
  const [one, other] = [show(found), show(wanted)];
  if (one !== other) {
    throw new Error(`${one} is not ${other}`);
  }
}

/** Keys in order, for storages may give them back in another. */
function show(value: unknown): string {
  return (
    JSON.stringify(value, (_, inner: unknown) =>
      typeof inner === "object" && inner !== null && !Array.isArray(inner)
        ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
        : inner,
    ) ?? "undefined"
  );
}
