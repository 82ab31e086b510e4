import { describe, expect, test } from "vitest";
import type { KeptMessage } from "../../src/client";
import { understand } from "../../src/client";
import { delayAfter } from "../../src/client/backoff";
import { Book } from "../../src/client/book";
import { Emitter } from "../../src/client/emitter";
import { contiguous, joined } from "../../src/client/history";
import { fits, fitsPolling, measure, prepare } from "../../src/client/payload";
import type { LinkEntry } from "../../src/client/protocol";
import { Tabs } from "../../src/client/tabs";
import { uuid } from "../../src/client/uuid";

function message(seq: number, mine = false): KeptMessage {
  return { peer: "ann", id: `message ${seq}`, seq, at: 0, mine, content: seq };
}

function entry(change: Partial<LinkEntry>): LinkEntry {
  const some = { peer: "ann", name: null, online: true, lastSeen: null, seq: 0, unread: 0 };
  return { ...some, delivered: 0, read: 0, ...change };
}

function book(): Book {
  const made = new Book(() => undefined);
  made.establish("ann", null);
  return made;
}

describe("waiting before the next attempt", () => {
  test.each([
    [1, 0, 1_000],
    [1, 1, 500],
    [2, 0, 2_000],
    [5, 0, 16_000],
    [6, 0, 30_000],
    [1_000, 1, 15_000],
  ])("after %i failures, by chance %d, takes %i ms", (failures, random, delay) => {
    expect(delayAfter(failures, random)).toBe(delay);
  });
});

describe("what is known of a link", () => {
  test("a message after the last is new", () => {
    expect(book().arrived(message(1))).toBe("new");
  });

  test("a message that was there is known", () => {
    const made = book();
    made.arrived(message(1));
    expect(made.arrived(message(1))).toBe("known");
  });

  test("a message that leaves out another is a gap", () => {
    const made = book();
    made.arrived(message(1));
    expect(made.arrived(message(3))).toBe("gap");
  });

  test("the first message in a session may leave out what is nowhere any more", () => {
    const made = book();
    made.arrived(message(1));
    made.snapshot(entry({ seq: 9, historyFrom: 8 }));
    expect(made.arrived(message(8))).toBe("new");
  });

  test("a link that was made anew begins with any number", () => {
    const made = book();
    made.end("ann");
    made.establish("ann", null);
    made.arrived(message(7));
    expect(made.first("ann")).toBe(7);
  });

  test.each([
    [undefined, false],
    [2, false],
    [3, true],
    [9, true],
  ])("with two messages and a link that begins at %s, it was made anew: %s", (first, remade) => {
    const made = book();
    made.arrived(message(1));
    made.arrived(message(2));
    expect(made.remade({ ...entry({ seq: 9 }), ...(first ? { first } : {}) })).toBe(remade);
  });

  test("a link of which nothing is here was not made anew", () => {
    expect(book().remade(entry({ seq: 9, first: 5 }))).toBe(false);
  });

  test("nothing is asked for before the beginning of a link", () => {
    const made = book();
    made.snapshot(entry({ seq: 9, first: 5 }));
    expect(made.first("ann")).toBe(5);
  });

  test("a message for nobody who is linked is not kept", () => {
    expect(book().arrived({ ...message(1), peer: "eve" })).toBe("unlinked");
  });

  test("one's own messages are not unread", () => {
    const made = book();
    made.arrived(message(1, true));
    expect(made.links.get("ann")?.unread).toBe(0);
  });

  test("what the server counts as unread counts before it has come", () => {
    const made = book();
    made.snapshot(entry({ seq: 5, unread: 4 }));
    expect(made.links.get("ann")?.unread).toBe(4);
  });

  test("what the server counted is not counted twice when it comes", () => {
    const made = book();
    made.snapshot(entry({ seq: 2, unread: 2 }));
    made.arrived(message(1));
    made.arrived(message(2));
    expect(made.links.get("ann")?.unread).toBe(2);
  });

  test("what another session has read is not unread", () => {
    const made = book();
    for (const seq of [1, 2, 3]) {
      made.arrived(message(seq));
    }
    made.snapshot(entry({ seq: 3, unread: 1 }));
    expect(made.links.get("ann")).toMatchObject({ unread: 1, readByMe: 2 });
  });

  test("numbers that the server has not reached are of another link", () => {
    const made = book();
    made.arrived(message(1));
    expect(made.snapshot(entry({ seq: 0 }))).toBe("reset");
  });

  test("when connecting it is said of each open link what is here", () => {
    const made = book();
    made.arrived(message(1));
    made.establish("ben", null);
    made.establish("eve", null);
    made.end("eve");
    expect(made.since()).toEqual({ ann: 1, ben: 0 });
  });

  test("nobody is online without a connection", () => {
    const made = book();
    made.presence("ann", true, null);
    made.disconnected();
    expect(made.links.get("ann")?.online).toBe(false);
  });

  test("the state of a message follows from how far the peer has got", () => {
    const made = book();
    made.progress("ann", 2, 1);
    const states = [1, 2, 3].map((seq) => made.message(message(seq, true)).state);
    expect(states).toEqual(["read", "delivered", "stored"]);
  });
});

describe("a page of what is kept", () => {
  const kept = [1, 2, 3, 7, 8, 9].map((seq) => message(seq));

  test("is complete without a gap", () => {
    expect(contiguous(kept, 10, 1, 3)).toMatchObject({ complete: true, length: 3 });
  });

  test("is not complete with a gap", () => {
    expect(contiguous(kept, 10, 1, 5)).toEqual({ complete: false, length: 3, missing: 7 });
  });

  test("is complete with a gap of what is nowhere any more", () => {
    expect(contiguous(kept, 10, 7, 6).complete).toBe(true);
  });

  test("is not complete if the last are missing", () => {
    expect(contiguous(kept, 12, 1, 5)).toEqual({ complete: false, length: 0, missing: 12 });
  });

  test("is complete where nothing was ever said", () => {
    expect(contiguous([], 1, 1, 50).complete).toBe(true);
  });

  test("has each message once when pieces are joined", () => {
    const all = joined([message(2), message(3)], [message(1), message(2)]);
    expect(all.map((each) => each.seq)).toEqual([1, 2, 3]);
  });
});

describe("what is sent", () => {
  test("is measured with its binary", async () => {
    const { size } = await prepare({ text: "ä", data: new ArrayBuffer(100) });
    expect(size).toMatchObject({ binary: 100, largest: 100, attachments: 1 });
  });

  test("has views and blobs as plain buffers", async () => {
    const view = new Uint8Array([0, 1, 2]).subarray(1);
    const { content } = await prepare([view, new Blob(["a"])]);
    const bytes = (content as ArrayBuffer[]).map((each) => [...new Uint8Array(each)]);
    expect(bytes).toEqual([[1, 2], [97]]);
  });

  test("keeps a key that is called as a prototype", async () => {
    const { content } = await prepare(JSON.parse('{"__proto__": {"admin": true}}'));
    expect(Object.keys(content as object)).toEqual(["__proto__"]);
  });

  test("has dates as JSON has them", async () => {
    expect((await prepare(new Date(0))).content).toBe("1970-01-01T00:00:00.000Z");
  });

  test("is refused where it goes round in circles", async () => {
    const circle: { inner?: unknown } = {};
    circle.inner = circle;
    await expect(prepare(circle)).rejects.toMatchObject({ code: "invalid" });
  });

  test("has room for less binary by polling", () => {
    const size = measure(new ArrayBuffer(800_000));
    expect([fits(size, 990_000), fitsPolling(size, 990_000)]).toEqual([true, false]);
  });
});

describe("telling listeners", () => {
  test("ends when a listener is taken away", () => {
    const emitter = new Emitter<{ said: string }>();
    const heard: string[] = [];
    const off = emitter.on("said", (text) => heard.push(text));
    emitter.emit("said", "one");
    off();
    emitter.emit("said", "two");
    expect(heard).toEqual(["one"]);
  });

  test("twice the same is two listeners", () => {
    const emitter = new Emitter<{ said: string }>();
    const heard: string[] = [];
    const listener = (text: string) => heard.push(text);
    emitter.on("said", listener);
    emitter.on("said", listener)();
    emitter.emit("said", "one");
    expect(heard).toEqual(["one"]);
  });
});

test("what one tab does alone, others do afterwards", async () => {
  const [one, two] = [new Tabs("x"), new Tabs("x")];
  const done: string[] = [];
  const slow = one.alone("work", async () => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    done.push("first");
  });
  await Promise.all([slow, two.alone("work", async () => done.push("second"))]);
  expect(done).toEqual(["first", "second"]);
});

test("what fails alone does not keep others from it", async () => {
  const tabs = new Tabs("x");
  await tabs.alone("work", () => Promise.reject(new Error("no"))).catch(() => undefined);
  expect(await tabs.alone("work", async () => "yes")).toBe("yes");
});

test("random IDs are UUIDs of version 4", () => {
  expect(uuid()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test.each([
  ["text", "hello", { kind: "text", text: "hello" }],
  ["JSON of others", { a: 1 }, { kind: "other", json: '{"a":1}' }],
  ["a file without data", { kind: "file", name: "a", type: "b" }, { kind: "other" }],
])("content is understood: %s", (_, content, understood) => {
  expect(understand(content)).toMatchObject(understood);
});
