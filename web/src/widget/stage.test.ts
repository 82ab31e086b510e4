import { describe, expect, it } from "vitest";
import type { IncomingRequest, Link, OutgoingRequest, Status } from "../client/api";
import { bareCode, type Facts, serverOf, stageOf } from "./stage";

function facts(more: Partial<Facts> & { status?: Status } = {}) {
  const client = {
    status: more.status ?? ({ state: "online" } as const),
    links: new Map<string, Link>(),
    incoming: new Map<string, IncomingRequest>(),
    outgoing: new Map<string, OutgoingRequest>(),
  };
  const all: Facts = {
    misplaced: false,
    client,
    known: true,
    peer: "p",
    invite: null,
    inviteOver: false,
    ...more,
  };
  return { ...all, ...client };
}

const link = { peer: "p", ended: false } as Link;
const incoming = { from: "p" } as IncomingRequest;
const outgoing = { to: "p" } as OutgoingRequest;

describe("stageOf", () => {
  it("follows two strangers to their conversation", () => {
    expect(stageOf(facts()).is).toBe("ask");
    const asked = facts();
    asked.outgoing.set("p", outgoing);
    expect(stageOf(asked).is).toBe("pending");
    asked.links.set("p", link);
    expect(stageOf(asked).is).toBe("talk");
  });

  it("lets the reader answer a request, also after an earlier link", () => {
    const asked = facts();
    asked.incoming.set("p", incoming);
    expect(stageOf(asked).is).toBe("asked");
    asked.links.set("p", { ...link, ended: true });
    expect(stageOf(asked).is).toBe("asked");
  });

  it("shows what was said on a link that has ended", () => {
    const ended = facts();
    ended.links.set("p", { ...link, ended: true });
    expect(stageOf(ended).is).toBe("talk");
  });

  it("knows invitations", () => {
    expect(stageOf(facts({ peer: null, invite: "X" })).is).toBe("invited");
    expect(stageOf(facts({ peer: null, invite: "X", inviteOver: true })).is).toBe("over");
    expect(stageOf(facts({ peer: null })).is).toBe("unset");
    expect(stageOf(facts({ misplaced: true })).is).toBe("misplaced");
  });

  it("waits until something is known", () => {
    expect(stageOf(facts({ client: null })).is).toBe("connecting");
    expect(stageOf(facts({ known: false })).is).toBe("connecting");
    expect(stageOf(facts({ status: { state: "connecting" } })).is).toBe("connecting");
    expect(stageOf(facts({ status: { state: "idle" } })).is).toBe("ask");
  });

  it("says that the server does not want it", () => {
    const problem = { code: "unauthorized", error: "", retryable: false } as const;
    expect(stageOf(facts({ status: { state: "refused", problem } })).is).toBe("refused");
  });
});

describe("serverOf", () => {
  const script = "https://chat.example/duologue.js";

  it("is where the script came from, also below a path", () => {
    expect(serverOf(null, script)).toEqual({ origin: "https://chat.example", path: "/socket.io/" });
    expect(serverOf("", "https://a.example/chat/duologue.js")).toEqual({
      origin: "https://a.example",
      path: "/chat/socket.io/",
    });
  });

  it("is what the attribute says", () => {
    expect(serverOf("https://b.example", script)).toEqual({
      origin: "https://b.example",
      path: "/socket.io/",
    });
    expect(serverOf("https://b.example/chat", script)?.path).toBe("/chat/socket.io/");
    expect(serverOf(" /chat ", script)?.path).toBe("/chat/socket.io/");
  });

  it("is nowhere where that is no address", () => {
    for (const wrong of ["https://", "http://a b", "https://:1", "mailto:ann@example.org", "x:y"]) {
      expect(serverOf(wrong, script)).toBeNull();
    }
  });
});

it("takes codes as people write them", () => {
  expect(bareCode(" ab-cd 12 ")).toBe("ABCD12");
});
