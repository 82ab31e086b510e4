/**
 * What is known of each link. Pure: nothing here waits, keeps or sends anything.
 */

import type { KeptLink, KeptMessage, Link, Message, MessageState } from "./api";
import type { LinkEntry } from "./protocol";

/** The server counts no more unread messages than that. */
const COUNTED_MOST = 1_000;

/** A link, and what only the client itself wants to know of it. */
interface Entry {
  link: Link;
  /** The numbers of the peer's messages that are here and have not been read. */
  theirs: number[];
  /** How many more there are that have not come yet. */
  coming: number;
  /** What the server counted, until all have come that it counted. */
  counted: number | null;
  /** Everything up to this number is here, but for what is nowhere any more. */
  have: number;
  /** How far the server had come when this session began. */
  upto: number;
  /** Whether a message has come in this session. */
  heard: boolean;
  /** Whether the next message is the link's first. */
  fresh: boolean;
  first: number | null;
  deliveredByMe: number;
}

/** What a message is to a link: new, here already, ahead of others that ought to have come. */
export type Arrival = "new" | "known" | "gap" | "unlinked";

export class Book {
  #made = 0;
  readonly links = new Map<string, Link>();
  readonly #entries = new Map<string, Entry>();
  readonly #changed: (peer: string) => void;

  /** `changed` is called with the peer whenever something has. */
  constructor(changed: (peer: string) => void) {
    this.#changed = changed;
  }

  /** A link as it was kept, with the last message that was and the numbers of those unread. */
  load(kept: KeptLink, last: KeptMessage | null, theirs: readonly number[]): void {
    const have = last?.seq ?? 0;
    const entry = this.#newEntry(kept.peer, kept.name);
    const { lastSeen, delivered, read, readByMe, ended } = kept;
    const made = this.links.get(kept.peer)?.made ?? entry.link.made;
    entry.link = { ...entry.link, seq: have, lastSeen, delivered, read, readByMe, made, ended };
    Object.assign(entry, { have, theirs: [...theirs] });
    entry.first = kept.first;
    entry.deliveredByMe = kept.deliveredByMe;
    this.#entries.set(kept.peer, entry);
    this.#update(entry, last ? { last: asMessage(last, entry.link) } : {});
  }

  /** Whether a link was closed and made anew while nobody here could hear it. */
  remade({ peer, first = 1 }: LinkEntry): boolean {
    const have = this.have(peer);
    return have > 0 && have < first;
  }

  /**
   * A link as the server has it at the beginning of a session. Nothing holds any more of what was
   * known here if that had ended (`renewed`), or if the peer's numbers have begun anew (`reset`).
   */
  snapshot(told: LinkEntry): "known" | "renewed" | "reset" {
    const entry = this.#entries.get(told.peer) ?? this.#newEntry(told.peer, null);
    this.#entries.set(told.peer, entry);
    const ended = entry.link.ended ? "renewed" : "known";
    const found = told.seq < entry.have ? "reset" : ended;
    if (found !== "known") {
      this.#renew(entry);
    }
    entry.heard = false;
    entry.fresh = false;
    entry.upto = told.seq;
    entry.counted = told.unread;
    entry.coming = Math.max(told.unread - entry.theirs.length, 0);
    if (told.first !== undefined) {
      entry.first = Math.max(told.first, entry.first ?? 1);
    }
    this.#update(entry, {
      name: told.name || null,
      online: told.online,
      lastSeen: told.lastSeen,
      seq: Math.max(told.seq, entry.have),
      delivered: told.delivered,
      read: told.read,
      historyFrom: told.historyFrom ?? entry.link.historyFrom,
      typing: false,
    });
    this.#caughtUp(entry);
    return found;
  }

  /** Two have agreed; whatever was before is over. */
  establish(peer: string, name: string | null): void {
    const entry = this.#entries.get(peer) ?? this.#newEntry(peer, name);
    this.#entries.set(peer, entry);
    this.#renew(entry);
    entry.fresh = true;
    this.#update(entry, { name });
  }

  /** Whether there was a link that has ended now. */
  end(peer: string): boolean {
    const entry = this.#entries.get(peer);
    if (!entry || entry.link.ended) {
      return false;
    }
    entry.coming = 0;
    this.#update(entry, { ended: true, online: false, typing: false });
    return true;
  }

  drop(peer: string): void {
    this.links.delete(peer);
    if (this.#entries.delete(peer)) {
      this.#changed(peer);
    }
  }

  clear(): void {
    for (const peer of [...this.links.keys()]) {
      this.drop(peer);
    }
  }

  /** Nobody is known to be online without a connection. */
  disconnected(): void {
    for (const entry of this.#entries.values()) {
      if (entry.link.online || entry.link.typing) {
        this.#update(entry, { online: false, typing: false });
      }
    }
  }

  /** A message with a number has come, or its acknowledgement. */
  arrived(kept: KeptMessage): Arrival {
    const entry = this.#entries.get(kept.peer);
    const { seq } = kept;
    if (!entry || entry.link.ended || seq === null) {
      return "unlinked";
    }
    if (seq <= entry.have) {
      return "known";
    }
    if (seq > entry.have + 1) {
      if (entry.heard) {
        return "gap";
      }
      if (entry.fresh || entry.have > 0) {
        entry.first = seq; // what is missing before it is nowhere
      }
    }
    entry.have = seq;
    entry.heard = true;
    entry.fresh = false;
    if (!kept.mine && seq > entry.link.readByMe) {
      entry.theirs.push(seq);
      entry.coming = Math.max(entry.coming - 1, 0);
    }
    this.#update(entry, {
      seq: Math.max(entry.link.seq, seq),
      last: asMessage(kept, entry.link),
      ...(kept.mine ? {} : { typing: false }),
    });
    this.#caughtUp(entry);
    return "new";
  }

  /** Returns whether that is news. */
  readUpTo(peer: string, seq: number): boolean {
    const entry = this.#entries.get(peer);
    if (!entry || seq <= entry.link.readByMe) {
      return false;
    }
    entry.theirs = entry.theirs.filter((each) => each > seq);
    if (seq >= entry.link.seq) {
      entry.coming = 0;
    }
    this.#update(entry, { readByMe: seq });
    return true;
  }

  /** The peer says how far it has got. */
  progress(peer: string, delivered: number, read: number): void {
    const entry = this.#entries.get(peer);
    if (entry) {
      this.#update(entry, {
        delivered: Math.max(entry.link.delivered, delivered),
        read: Math.max(entry.link.read, read),
      });
    }
  }

  deliveredByMe(peer: string, seq: number): void {
    const entry = this.#entries.get(peer);
    if (entry) {
      entry.deliveredByMe = Math.max(entry.deliveredByMe, seq);
    }
  }

  presence(peer: string, online: boolean, lastSeen: number | null): void {
    const entry = this.#entries.get(peer);
    if (entry && !entry.link.ended) {
      this.#update(entry, { online, lastSeen, ...(online ? {} : { typing: false }) });
    }
  }

  typing(peer: string, typing: boolean): void {
    const entry = this.#entries.get(peer);
    if (entry && !entry.link.ended && entry.link.typing !== typing) {
      this.#update(entry, { typing });
    }
  }

  /** There is nothing anywhere before this number. */
  begins(peer: string, first: number): void {
    const entry = this.#entries.get(peer);
    if (entry) {
      entry.first = first;
    }
  }

  /** The number before which there is nothing that could be asked for. */
  first(peer: string): number {
    return this.#entries.get(peer)?.first ?? 1;
  }

  have(peer: string): number {
    return this.#entries.get(peer)?.have ?? 0;
  }

  /** How far the peer's messages are here that it has not been told so. */
  owesDelivered(peer: string): number | null {
    const entry = this.#entries.get(peer);
    const last = entry?.theirs.at(-1) ?? 0;
    return entry && last > entry.deliveredByMe ? last : null;
  }

  /** How far messages have been read, if the server seems not to know. */
  owesRead(peer: string, unread: number): number | null {
    const entry = this.#entries.get(peer);
    return entry && entry.link.readByMe > 0 && unread > entry.theirs.length
      ? entry.link.readByMe
      : null;
  }

  /** What to say of each link when connecting: up to which number everything is here. */
  since(): Record<string, number> {
    const open = [...this.#entries.values()].filter((entry) => !entry.link.ended);
    return Object.fromEntries(open.map((entry) => [entry.link.peer, entry.have]));
  }

  kept(peer: string): KeptLink | null {
    const entry = this.#entries.get(peer);
    if (!entry) {
      return null;
    }
    const { name, lastSeen, delivered, read, readByMe, ended } = entry.link;
    const { first, deliveredByMe } = entry;
    return { peer, name, lastSeen, delivered, read, deliveredByMe, readByMe, first, ended };
  }

  /** A message as an application sees it. */
  message(kept: KeptMessage): Message {
    return asMessage(kept, this.links.get(kept.peer));
  }

  #renew(entry: Entry): void {
    const { peer, name } = entry.link;
    Object.assign(entry, this.#newEntry(peer, name));
  }

  #newEntry(peer: string, name: string | null): Entry {
    this.#made += 1;
    const link: Link = {
      peer,
      name,
      online: false,
      lastSeen: null,
      seq: 0,
      unread: 0,
      delivered: 0,
      read: 0,
      readByMe: 0,
      historyFrom: null,
      typing: false,
      made: this.#made,
      ended: false,
      last: null,
    };
    return {
      link,
      theirs: [],
      coming: 0,
      counted: null,
      have: 0,
      upto: 0,
      heard: false,
      fresh: false,
      first: null,
      deliveredByMe: 0,
    };
  }

  /** All has come that the server counted: if that was less, another session has read the rest. */
  #caughtUp(entry: Entry): void {
    const { counted } = entry;
    if (counted === null || entry.have < entry.upto) {
      return;
    }
    entry.counted = null;
    entry.coming = 0;
    if (counted < COUNTED_MOST && counted < entry.theirs.length) {
      entry.theirs = counted ? entry.theirs.slice(-counted) : [];
      this.#update(entry, { readByMe: (entry.theirs[0] ?? entry.have + 1) - 1 });
    } else {
      this.#update(entry, {});
    }
  }

  #update(entry: Entry, change: Partial<Link>): void {
    const unread = entry.theirs.length + entry.coming;
    entry.link = { ...entry.link, ...change, unread };
    this.links.set(entry.link.peer, entry.link);
    this.#changed(entry.link.peer);
  }
}

function asMessage(kept: KeptMessage, link: Link | undefined): Message {
  const { peer, id, seq, at, mine, content, problem } = kept;
  const state = stateOf(kept, link);
  return { peer, id, seq, at, mine, content, state, ...(problem ? { problem } : {}) };
}

function stateOf({ mine, seq, problem }: KeptMessage, link: Link | undefined): MessageState {
  if (!mine) {
    return "delivered";
  }
  if (seq === null) {
    return problem ? "failed" : "sending";
  }
  if (link && seq <= link.read) {
    return "read";
  }
  return link && seq <= link.delivered ? "delivered" : "stored";
}
