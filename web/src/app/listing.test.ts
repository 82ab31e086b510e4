import { describe, expect, it } from "vitest";
import type { Link, Message } from "../client/api";
import { byUrgency, inOrder, oneLine, preview, unreadOf } from "./listing";

function message(content: unknown, at = 0): Message {
  return { peer: "p", id: "m", seq: 1, at, mine: false, content, state: "delivered" };
}

function link(peer: string, at: number | null, more: Partial<Link> = {}): Link {
  return {
    peer,
    name: null,
    online: false,
    lastSeen: null,
    seq: 0,
    unread: 0,
    delivered: 0,
    read: 0,
    readByMe: 0,
    historyFrom: null,
    typing: false,
    made: 1,
    ended: false,
    last: at === null ? null : message("x", at),
    ...more,
  };
}

const peers = (links: Link[]) => links.map((each) => each.peer).join(" ");

describe("conversations", () => {
  it("begin with the one that had the last message", () => {
    expect(peers(inOrder([link("old", 1), link("new", 3), link("mid", 2)]))).toBe("new mid old");
  });

  it("end with those that have ended", () => {
    expect(peers(inOrder([link("over", 9, { ended: true }), link("on", 1)]))).toBe("on over");
  });

  it("without messages keep one order", () => {
    expect(peers(inOrder([link("b", null), link("c", 1), link("a", null)]))).toBe("c a b");
  });

  it("without messages stand where they were made", () => {
    const links = [link("old", 1), link("made", null), link("new", 3)];
    expect(peers(inOrder(links, new Map([["made", 2]])))).toBe("new made old");
  });

  it("together have so many unread messages", () => {
    expect(unreadOf([link("a", 1, { unread: 2 }), link("b", 1, { unread: 3 })])).toBe(5);
  });
});

describe("requests", () => {
  it("begin with the one that ends first", () => {
    const request = (from: string, expiresAt: number) => ({
      from,
      expiresAt,
      name: null,
      note: null,
    });
    const order = byUrgency([request("late", 2), request("soon", 1)]).map((each) => each.from);
    expect(order).toEqual(["soon", "late"]);
  });
});

describe("a message in one line", () => {
  it("has no line breaks", () => {
    expect(preview(message("a\n\n b"))).toEqual({ kind: "text", text: "a b" });
  });

  it("is cut", () => {
    expect(oneLine("x".repeat(1_000_000))).toHaveLength(120);
  });

  it("is a file's name", () => {
    const file = { kind: "file", name: "a/b.png", type: "image/png", data: new ArrayBuffer(1) };
    expect(preview(message(file))).toEqual({ kind: "file", name: "a_b.png" });
  });

  it("is of another application", () => {
    expect(preview(message({ x: 1 }))).toEqual({ kind: "other" });
  });
});
