/**
 * What the browser client offers: the types that an application sees.
 *
 * Names follow the protocol (docs/protocol.md). Times are milliseconds since the epoch. IDs of
 * clients are opaque strings; IDs of messages are UUIDs chosen by whoever sends them.
 */

import type { ErrorCode } from "./protocol";

export type { ErrorCode } from "./protocol";

/** What the server answers when it does not do what was asked. */
export interface Problem {
  readonly code: ErrorCode;
  /** A sentence for a person, in English. */
  readonly error: string;
  /** Whether the same may work later. */
  readonly retryable: boolean;
  /** Seconds. */
  readonly retryAfter?: number;
}

/** How it stands with the connection. */
export type Status =
  /** Not connected, and not trying: before `connect` and after `close`. */
  | { readonly state: "idle" }
  | { readonly state: "connecting" }
  | { readonly state: "online" }
  /** The browser says that there is no network; tried again when there is. */
  | { readonly state: "offline" }
  /** The connection is gone; tried again at this time. */
  | { readonly state: "waiting"; readonly retryAt: number }
  /** Connected, to a server that is about to stop. */
  | { readonly state: "draining" }
  /** The server does not let this client in, and asking again would not help. */
  | { readonly state: "refused"; readonly problem: Problem };

/** A conversation with somebody who has agreed, or had. */
export interface Link {
  readonly peer: string;
  /** The name that the peer gives itself: written by a stranger. */
  readonly name: string | null;
  readonly online: boolean;
  /** When the peer was last online; null while it is, or if that is not known. */
  readonly lastSeen: number | null;
  /** Number of the last message. */
  readonly seq: number;
  /** How many of the peer's messages have not been read, by any session of this client. */
  readonly unread: number;
  /** How far the peer says that it has got. */
  readonly delivered: number;
  readonly read: number;
  /** How far this client has said that it has read. */
  readonly readByMe: number;
  /** Messages that this client missed before this number are no longer kept by the server. */
  readonly historyFrom: number | null;
  readonly typing: boolean;
  /** Another number when the link has been made anew: what was said before is not of this one. */
  readonly made: number;
  /**
   * The link is over: what was said can still be read here, until it is removed or the link is
   * made anew, and nothing can be sent.
   */
  readonly ended: boolean;
  /** The last message that is known here, if any; for lists. */
  readonly last: Message | null;
}

/** Somebody asks for a link. */
export interface IncomingRequest {
  readonly from: string;
  readonly name: string | null;
  readonly note: string | null;
  readonly expiresAt: number;
}

/** This client has asked for a link. */
export interface OutgoingRequest {
  readonly to: string;
  readonly note: string | null;
  readonly expiresAt: number;
}

/**
 * Of a message of one's own: not acknowledged yet; kept by the server; handed to a session of the
 * peer's; read; or refused for good (`problem` says why; `retry` and `discard` are what is left).
 * A message of the peer's is always `delivered`.
 */
export type MessageState = "sending" | "stored" | "delivered" | "read" | "failed";

export interface Message {
  readonly peer: string;
  readonly id: string;
  /** The message's number on its link; null until the server has given it one. */
  readonly seq: number | null;
  /** When the server took it; until then when it was written. */
  readonly at: number;
  readonly mine: boolean;
  /** Any JSON value, with `ArrayBuffer`s in it where there was binary; see content.ts. */
  readonly content: unknown;
  readonly state: MessageState;
  readonly problem?: Problem;
}

export interface Invitation {
  readonly code: string;
  readonly url: string;
  readonly expiresAt: number;
}

/** What happened to a link or a request by somebody else's doing, for telling a person. */
export interface Happening {
  readonly kind: "requested" | "established" | "declined" | "cancelled" | "closed" | "expired";
  readonly peer: string;
  readonly name: string | null;
}

export interface Events {
  status: Status;
  /**
   * The client has an ID, a new one if it had none or the old one had expired. `another`: the server
   * knew who it was, by a token or otherwise, and now knows this client as somebody else; nothing is
   * here any more of who was before.
   */
  identity: { readonly id: string; readonly fresh: boolean; readonly another: boolean };
  /**
   * Something about links, requests or blocks has changed: of this peer, or of any. Told once
   * however much has changed at a time, when all of it has.
   */
  links: { readonly peer: string | null };
  happening: Happening;
  /**
   * A message is new (`added`), or its state has changed. When the peer says that it has got or
   * read messages there is one `links` event and not one of these for each: the state of a message
   * that was shown before follows from its number and the link's `delivered` and `read`. A message
   * that another tab had before may be told as new here again: what it is, its `id` says.
   */
  message: { readonly message: Message; readonly added: boolean };
  signal: { readonly from: string; readonly data: unknown };
  /** Somebody tried an invitation of this client's that had been used up. */
  crowded: { readonly code: string };
  /** The identity is over, and everything that was kept of it here is gone. */
  forgotten: Record<string, never>;
}

/** A JWT, or what fetches one: it is asked before each connection. */
export type Token = string | (() => string | Promise<string>);

export interface Options {
  /** Origin of the server, as `https://chat.example.com`; by default the page's own. */
  readonly server?: string;
  /** Path of Socket.IO at the server; by default `/socket.io/`. */
  readonly path?: string;
  /** What others are shown; at most 64 characters. */
  readonly name?: string;
  /** Whether the identity outlives the page; by default true. */
  readonly keep?: boolean;
  /** Says who this client is, where the server wants that. */
  readonly token?: Token;
  /** Where things are kept between visits; by default IndexedDB, or memory where there is none. */
  readonly storage?: Storage;
}

export interface Outgoing {
  /** Chosen by the client if none is given. */
  readonly id?: string;
}

export interface HistoryPage {
  /** In order of their numbers. */
  readonly messages: readonly Message[];
  /** Whether there are earlier ones. */
  readonly more: boolean;
}

/**
 * A client of a Duologue server that goes on through breaks: what is sent waits in an outbox until
 * the server has it, what was missed is fetched, and nothing comes twice.
 *
 * Methods that ask the server something reject with a `DuologueError`, which is a `Problem`; while
 * there is no connection, and none is being made, with one of the code `unavailable`. `send` is the exception: it never
 * rejects for want of a connection.
 */
export interface Client {
  readonly status: Status;
  /** Null until the first connection of all. */
  readonly id: string | null;
  readonly name: string | null;
  /** Largest message that the server takes, in bytes; null until that is known. */
  readonly maxBytes: number | null;
  readonly links: ReadonlyMap<string, Link>;
  readonly incoming: ReadonlyMap<string, IncomingRequest>;
  readonly outgoing: ReadonlyMap<string, OutgoingRequest>;
  readonly blocked: ReadonlySet<string>;

  /**
   * Read what is kept here, then connect, and stay connected. Resolves when what is kept has been
   * read; how it goes on, `status` says.
   */
  connect(): Promise<void>;
  /** Try at once, instead of when the time has come. */
  retryNow(): void;
  /** End the connection. The identity stays, if it is kept. */
  close(): void;
  /** End the identity and delete everything that is kept of it, here and at the server. */
  forget(): Promise<void>;
  /** End the connection and delete everything that is kept here, and nothing at the server. */
  erase(): Promise<void>;
  /**
   * Go on with another token of the same client: a session that is there lasts as long as that, and
   * one that was refused is begun again. Rejects, and changes nothing, if the server refuses it or
   * it is somebody else's, for whom there is to be another client.
   */
  renew(token: Token): Promise<void>;
  /** Be called otherwise from the next connection on, which is made at once. */
  rename(name: string | null): Promise<void>;

  request(peer: string, note?: string): Promise<"requested" | "linked">;
  accept(peer: string): Promise<void>;
  decline(peer: string): Promise<void>;
  cancel(peer: string): Promise<void>;
  /** End the link. What was said is deleted here. */
  closeLink(peer: string): Promise<void>;
  /** Delete here what was said on a link that has ended. */
  remove(peer: string): Promise<void>;
  block(peer: string): Promise<void>;
  unblock(peer: string): Promise<void>;

  invite(options?: { ttl?: number; uses?: number }): Promise<Invitation>;
  /** Resolves to the other's ID: the two are linked. */
  redeem(code: string): Promise<string>;
  revoke(code: string): Promise<void>;

  /** Put a message into the outbox, from where it is sent once. Resolves when it is kept there. */
  send(peer: string, content: unknown, options?: Outgoing): Promise<Message>;
  /** Resolves when the server has the message; rejects when it has refused it for good. */
  sent(id: string): Promise<Message>;
  /** Try a message again that has failed. */
  retry(id: string): Promise<void>;
  /** Take a message that has failed, or has not been sent, out of the outbox. */
  discard(id: string): Promise<void>;
  /** Messages to this peer that the server has not got yet, in order. */
  unsent(peer: string): readonly Message[];

  /**
   * Messages before a number, the last ones if none is given: from here, else from the server. There
   * is no hole between them.
   */
  history(peer: string, options?: { before?: number; limit?: number }): Promise<HistoryPage>;
  /** Say that the peer's messages up to this number have been read. */
  read(peer: string, seq: number): void;
  typing(peer: string, typing: boolean): void;
  signal(peer: string, data: unknown): Promise<void>;

  /** Returns what takes the listener away again. */
  on<E extends keyof Events>(event: E, listener: (detail: Events[E]) => void): () => void;
}

/** What is kept of an identity. */
export interface KeptIdentity {
  readonly id: string;
  readonly resumeToken: string;
  readonly name: string | null;
}

/** What is kept of a link, beside its messages. */
export interface KeptLink {
  readonly peer: string;
  readonly name: string | null;
  readonly lastSeen: number | null;
  readonly delivered: number;
  readonly read: number;
  /** How far this client has said, and been heard, that it has been given the peer's messages. */
  readonly deliveredByMe: number;
  readonly readByMe: number;
  /** Number of the first message that there is anywhere; null if that is not known. */
  readonly first: number | null;
  readonly ended: boolean;
}

/** A message that the server has taken, or that waits in the outbox. */
export interface KeptMessage {
  readonly peer: string;
  readonly id: string;
  readonly seq: number | null;
  readonly at: number;
  readonly mine: boolean;
  readonly content: unknown;
  readonly problem?: Problem;
}

/**
 * Where a client keeps things between visits. All tabs of a page share one: what one has written,
 * another may read at once.
 */
export interface Storage {
  /** The same for all that share what is kept, so that they can find each other. */
  readonly name: string;

  identity(): Promise<KeptIdentity | null>;
  /** Null when the identity is over. */
  saveIdentity(identity: KeptIdentity | null): Promise<void>;

  links(): Promise<KeptLink[]>;
  saveLink(link: KeptLink): Promise<void>;
  /** A link is made anew: if one is kept that had ended, what was said on that is deleted. */
  renewLink(link: KeptLink): Promise<void>;
  /** With everything that was said, and what waits to be. */
  dropLink(peer: string): Promise<void>;

  blocked(): Promise<string[]>;
  saveBlocked(peer: string, blocked: boolean): Promise<void>;

  /** Messages with numbers; again is the same as once. Those of one's own leave the outbox. */
  addMessages(messages: readonly KeptMessage[]): Promise<void>;
  /** At most `limit` messages before a number, in order; without one the last. */
  messages(peer: string, before: number | null, limit: number): Promise<KeptMessage[]>;
  /** The numbers of the peer's own messages after a number, in order. */
  theirs(peer: string, after: number): Promise<number[]>;

  /** All of the outbox, in the order in which it was put there. */
  outbox(): Promise<KeptMessage[]>;
  /** Put a message there, or in the place of the one with the same ID. */
  putOutbox(message: KeptMessage): Promise<void>;
  takeOutbox(id: string): Promise<void>;

  /** For the application's own small things: names it gives to peers, drafts, settings. */
  get<T>(key: string): Promise<T | undefined>;
  set(key: string, value: unknown): Promise<void>;

  /** Delete everything. */
  clear(): Promise<void>;
}
