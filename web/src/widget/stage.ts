/** What a widget has to show, by what is known. Knows nothing of a page. */
import type { Client, IncomingRequest, Link, OutgoingRequest, Problem } from "../client/api";

export type Stage =
  /** Neither a peer nor an invitation is given. */
  | { readonly is: "unset" }
  /** The address of the server is none. */
  | { readonly is: "misplaced" }
  | { readonly is: "connecting" }
  | { readonly is: "refused"; readonly problem: Problem }
  /** There is an invitation that has not been used here. */
  | { readonly is: "invited" }
  /** It does not count, or no longer. */
  | { readonly is: "over" }
  /** The two know nothing of each other. */
  | { readonly is: "ask" }
  | { readonly is: "pending"; readonly request: OutgoingRequest }
  | { readonly is: "asked"; readonly request: IncomingRequest }
  | { readonly is: "talk"; readonly link: Link };

export interface Facts {
  readonly misplaced: boolean;
  readonly client: Pick<Client, "status" | "links" | "incoming" | "outgoing"> | null;
  /** What is kept from earlier visits has been read. */
  readonly known: boolean;
  readonly peer: string | null;
  readonly invite: string | null;
  readonly inviteOver: boolean;
}

export function stageOf(facts: Facts): Stage {
  const { misplaced, client, known, peer, invite, inviteOver } = facts;
  if (misplaced) {
    return { is: "misplaced" };
  }
  if (!peer && !invite) {
    return { is: "unset" };
  }
  if (!client || !known) {
    return { is: "connecting" };
  }
  const { status } = client;
  if (status.state === "refused") {
    return { is: "refused", problem: status.problem };
  }
  if (!peer) {
    return { is: inviteOver ? "over" : "invited" };
  }
  const link = client.links.get(peer);
  if (link && !link.ended) {
    return { is: "talk", link };
  }
  const incoming = client.incoming.get(peer);
  if (incoming) {
    return { is: "asked", request: incoming };
  }
  if (link) {
    return { is: "talk", link };
  }
  const outgoing = client.outgoing.get(peer);
  if (outgoing) {
    return { is: "pending", request: outgoing };
  }
  // What the server knows of the two may be on its way.
  return { is: status.state === "connecting" ? "connecting" : "ask" };
}

export interface Place {
  readonly origin: string;
  readonly path: string;
}

/**
 * What is served where: `server` as an attribute has it, or where the script came from. Null if that
 * is no address of a server.
 */
export function serverOf(server: string | null, script: string): Place | null {
  const base = server?.trim() ? `${server.trim().replace(/\/$/, "")}/` : script;
  if (!URL.canParse(base, script)) {
    return null;
  }
  const found = new URL(base, script);
  if (!/^https?:$/.test(found.protocol)) {
    return null;
  }
  const { origin, pathname } = new URL("socket.io/", found);
  return { origin, path: pathname };
}

/** The same for all ways in which a person may write a code. */
export function bareCode(code: string): string {
  return code.replace(/[\s-]/g, "").toUpperCase();
}
