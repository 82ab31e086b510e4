import { describe, expect, it } from "vitest";
import type { Link, Message } from "../client/api";
import { stateOf, Timeline } from "./timeline";

const NOON = new Date(2026, 2, 3, 12, 0).getTime();
const MINUTE = 60_000;

function message(seq: number | null, more: Partial<Message> = {}): Message {
  return {
    peer: "p",
    id: `id-${seq}`,
    seq,
    at: NOON + (seq ?? 0) * 1000,
    mine: false,
    content: `text ${seq}`,
    state: "delivered",
    ...more,
  };
}

function kinds(timeline: Timeline): string[] {
  return timeline.rows.map((row) =>
    row.kind === "message" ? `${row.message.seq ?? row.message.id}` : row.kind,
  );
}

describe("order", () => {
  it("puts messages in the order of their numbers, however they come", () => {
    const timeline = new Timeline();
    timeline.put([message(5), message(6)]);
    timeline.put([message(8)]);
    timeline.put([message(7)]);
    timeline.put([message(3), message(4)]);
    expect(kinds(timeline)).toEqual(["top", "day", "3", "4", "5", "6", "7", "8"]);
    expect(timeline.first).toBe(3);
  });

  it("shows a message once that comes twice, as it is by then", () => {
    const timeline = new Timeline();
    timeline.put([message(1, { mine: true, state: "stored" })]);
    timeline.put([message(1, { mine: true, state: "read" })]);
    const rows = timeline.rows.filter((row) => row.kind === "message");
    expect(rows).toHaveLength(1);
    expect(rows[0]?.message.state).toBe("read");
  });

  it("puts what has not been sent at the end, and keeps its key when it has", () => {
    const timeline = new Timeline();
    timeline.put([message(1)]);
    const waiting = message(null, { id: "w", mine: true, state: "sending", at: NOON - MINUTE });
    timeline.unsent = [waiting];
    expect(kinds(timeline)).toEqual(["top", "day", "1", "w"]);
    const key = timeline.rows.at(-1)?.key;
    timeline.unsent = [];
    timeline.put([{ ...waiting, seq: 2, at: NOON, state: "stored" }]);
    expect(timeline.rows.at(-1)?.key).toBe(key);
  });

  it("gives the same rows as long as nothing changes", () => {
    const timeline = new Timeline();
    timeline.put([message(1)]);
    const { rows } = timeline;
    timeline.top = "blank";
    timeline.newFrom = null;
    timeline.unsent = [];
    expect(timeline.rows).toBe(rows);
    timeline.top = "start";
    expect(timeline.rows).not.toBe(rows);
  });

  it("gives different keys to a peer's messages of the same ID", () => {
    const timeline = new Timeline();
    timeline.put([
      message(1, { id: "x" }),
      message(2, { id: "x" }),
      message(3, { id: "x", mine: true }),
    ]);
    const keys = timeline.rows.map((row) => row.key);
    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe("days", () => {
  it("separates days, and does not for a message that has waited since yesterday", () => {
    const timeline = new Timeline();
    timeline.put([message(1, { at: NOON - 24 * 60 * MINUTE }), message(2), message(3)]);
    timeline.unsent = [message(null, { id: "w", mine: true, at: NOON - 24 * 60 * MINUTE })];
    expect(kinds(timeline)).toEqual(["top", "day", "1", "day", "2", "3", "w"]);
  });
});

describe("groups", () => {
  function edges(timeline: Timeline): string[] {
    return timeline.rows.flatMap((row) =>
      row.kind === "message"
        ? [`${row.starts ? "<" : ""}${row.message.seq}${row.ends ? ">" : ""}`]
        : [],
    );
  }

  it("takes together what one side wrote within five minutes", () => {
    const timeline = new Timeline();
    timeline.put([
      message(1, { at: NOON }),
      message(2, { at: NOON + 5 * MINUTE }),
      message(3, { at: NOON + 11 * MINUTE }),
      message(4, { at: NOON + 12 * MINUTE, mine: true }),
    ]);
    expect(edges(timeline)).toEqual(["<1", "2>", "<3>", "<4>"]);
  });

  it("ends one where a marker stands", () => {
    const timeline = new Timeline();
    timeline.put([message(1), message(2), message(3)]);
    timeline.newFrom = 3;
    expect(edges(timeline)).toEqual(["<1", "2>", "<3>"]);
  });
});

describe("markers", () => {
  it("marks the first new message of the peer's, not one's own", () => {
    const timeline = new Timeline();
    timeline.put([message(1), message(2, { mine: true }), message(3), message(4)]);
    timeline.newFrom = 2;
    expect(kinds(timeline)).toEqual(["top", "day", "1", "2", "new", "3", "4"]);
    timeline.newFrom = null;
    expect(kinds(timeline)).not.toContain("new");
  });

  it("marks where messages are no longer kept, if any are missing", () => {
    const timeline = new Timeline();
    timeline.put([message(1), message(2), message(9), message(10)]);
    timeline.historyFrom = 9;
    expect(kinds(timeline)).toEqual(["top", "day", "1", "2", "gap", "9", "10"]);
    timeline.historyFrom = 3;
    expect(kinds(timeline)).toEqual(["top", "day", "1", "2", "9", "10"]);
  });
});

it("holds fifty thousand messages", () => {
  const timeline = new Timeline();
  for (let page = 499; page >= 0; page -= 1) {
    timeline.put(
      Array.from({ length: 100 }, (_, index) => message(page * 100 + index + 1, { at: NOON })),
    );
  }
  const begun = performance.now();
  expect(timeline.rows).toHaveLength(50_000 + 2);
  timeline.put([message(50_001, { at: NOON })]);
  expect(timeline.rows).toHaveLength(50_001 + 2);
  expect(performance.now() - begun).toBeLessThan(1000);
});

describe("state", () => {
  const link = { delivered: 5, read: 3 } as Link;
  const mine = (seq: number | null, state: Message["state"]) => message(seq, { mine: true, state });

  it("is as far as the peer says that it has got", () => {
    expect(stateOf(mine(3, "stored"), link)).toBe("read");
    expect(stateOf(mine(5, "stored"), link)).toBe("delivered");
    expect(stateOf(mine(6, "stored"), link)).toBe("stored");
  });

  it("never goes back, and is the message's own where no link says more", () => {
    expect(stateOf(mine(6, "delivered"), link)).toBe("delivered");
    expect(stateOf(mine(6, "read"), link)).toBe("read");
    expect(stateOf(mine(null, "sending"), link)).toBe("sending");
    expect(stateOf(mine(null, "failed"), link)).toBe("failed");
    expect(stateOf(mine(1, "stored"), undefined)).toBe("stored");
    expect(stateOf(message(1), link)).toBe("delivered");
  });
});

it("shows a message once that another tab has sent and this one still has to", () => {
  const timeline = new Timeline();
  const sent = message(1, { mine: true, id: "the same" });
  timeline.put([sent]);
  timeline.unsent = [
    { ...sent, seq: null, state: "sending" },
    message(null, { mine: true, id: "another", state: "sending" }),
  ];
  const keys = timeline.rows.filter((row) => row.kind === "message").map((row) => row.key);
  expect(keys).toEqual(["mine the same", "mine another"]);
});
