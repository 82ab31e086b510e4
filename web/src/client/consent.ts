import type { Happening, IncomingRequest, OutgoingRequest } from "./api";
import { type Core, keepLink } from "./core";
import { type DuologueError, invalid, NOT_LINKED } from "./errors";
import type { Outbox } from "./outbox";
import { wellFormed } from "./payload";
import type { LinkEstablished, LinkRequested, Links } from "./protocol";
import type { Receipts } from "./receipts";
import type { News } from "./tabs";

/** Who may reach whom: links, requests and blocks, by whoever's doing they come and go. */
export class Consent {
  readonly incoming = new Map<string, IncomingRequest>();
  readonly outgoing = new Map<string, OutgoingRequest>();
  readonly blocked = new Set<string>();
  readonly #core: Core;
  readonly #outbox: Outbox;
  readonly #receipts: Receipts;
  /** Whether the server has said how things stand since this page began. */
  #informed = false;
  /** Invitations that are being redeemed: the links that come of it are this client's doing. */
  #redeeming = 0;

  constructor(core: Core, outbox: Outbox, receipts: Receipts) {
    this.#core = core;
    this.#outbox = outbox;
    this.#receipts = receipts;
  }

  /** Whether there is anything that the server could know nothing of any more. */
  get expectant(): string | null {
    for (const link of this.#core.book.links.values()) {
      if (!link.ended) {
        return link.peer;
      }
    }
    const [request] = [...this.incoming.keys(), ...this.outgoing.keys()];
    return request ?? null;
  }

  // What the server tells

  /** How everything stands at the beginning of a session. */
  snapshot({ links, requests, requested }: Links): void {
    const tell = this.#informed;
    this.#informed = true;
    const { book } = this.#core;
    const goesOn = new Set(links.filter((entry) => !book.remade(entry)).map(({ peer }) => peer));
    for (const { peer, ended } of [...book.links.values()]) {
      if (!ended && !goesOn.has(peer)) {
        this.#end(peer, tell);
      }
    }
    for (const entry of links) {
      this.#found(entry, tell);
    }
    const news = requests.filter((request) => !this.incoming.has(request.from));
    this.incoming.clear();
    for (const request of requests) {
      this.incoming.set(request.from, asIncoming(request));
    }
    this.outgoing.clear();
    for (const request of requested) {
      this.outgoing.set(request.to, request);
    }
    for (const { from, name } of tell ? news : []) {
      this.#happened("requested", from, name || null);
    }
    this.#core.changed(null);
  }

  requested(request: LinkRequested): void {
    const { from, name } = request;
    const known = this.incoming.has(from);
    this.incoming.set(from, asIncoming(request));
    this.#core.changed(from);
    if (!known) {
      this.#happened("requested", from, name || null);
    }
  }

  established({ peer, name }: LinkEstablished): void {
    // Who had been asked by this client, or has an invitation of it, has done this; or else it has
    const theirs = this.outgoing.has(peer) || (!this.incoming.has(peer) && !this.#redeeming);
    this.incoming.delete(peer);
    this.outgoing.delete(peer);
    this.#receipts.drop(peer);
    this.#core.book.establish(peer, name || null);
    const kept = this.#core.book.kept(peer);
    if (kept) {
      this.#core.writer.soon((storage) => storage.renewLink(kept));
    }
    if (theirs) {
      this.#happened("established", peer, name || null);
    }
  }

  /** A request is over, whosever it was; `own` if this client has ended it elsewhere. */
  over(kind: "declined" | "cancelled" | "expired", peer: string, own = false): void {
    const name = this.incoming.get(peer)?.name ?? null;
    if (this.#withdraw(peer) && !own) {
      this.#happened(kind, peer, name);
    }
  }

  closed(peer: string, own = false): void {
    this.#end(peer, !own);
  }

  // What this client does

  async request(peer: string, note?: string): Promise<"requested" | "linked"> {
    const written = note === undefined ? null : wellFormed(note);
    const reply = await this.#asking(peer, "link_request", written);
    if (reply.state === "requested") {
      const request = { to: peer, note: written, expiresAt: reply.expiresAt ?? Date.now() };
      const { note: given, expiresAt } = request;
      this.#requested(request);
      this.#core.tabs.tell({ kind: "requested", peer, note: given, expiresAt });
    }
    return reply.state;
  }

  async accept(peer: string): Promise<void> {
    await this.#answering("link_accept", peer);
  }

  async decline(peer: string): Promise<void> {
    await this.#answering("link_decline", peer);
    this.#withdrawn(peer);
  }

  async cancel(peer: string): Promise<void> {
    await this.#answering("link_cancel", peer);
    this.#withdrawn(peer);
  }

  async closeLink(peer: string): Promise<void> {
    try {
      await this.#core.connection.ask("link_close", { targetClientId: peer });
    } catch (error) {
      const { code } = error as DuologueError;
      if (code !== "not_linked" && code !== "not_found") {
        throw error;
      }
    }
    await this.remove(peer, true);
  }

  /** Delete what was said. */
  async remove(peer: string, open = false): Promise<void> {
    if (!open && this.#core.book.links.get(peer)?.ended === false) {
      throw invalid("The link has not ended");
    }
    await this.#core.writer.do((storage) => storage.dropLink(peer));
    this.#core.tabs.tell({ kind: "closed", peer, gone: true });
    this.#gone(peer);
  }

  async block(peer: string): Promise<void> {
    await this.#core.connection.ask("block", { targetClientId: peer });
    await this.#block(peer, true);
    this.#end(peer, false);
    this.#withdraw(peer);
  }

  async unblock(peer: string): Promise<void> {
    await this.#core.connection.ask("unblock", { targetClientId: peer });
    await this.#block(peer, false);
  }

  async redeem(code: string): Promise<string> {
    this.#redeeming += 1;
    try {
      return (await this.#core.connection.ask("invite_redeem", { code })).clientId;
    } finally {
      this.#redeeming -= 1;
    }
  }

  // What other tabs have done

  heard(news: News): void {
    switch (news.kind) {
      case "requested":
        this.#requested({ to: news.peer, note: news.note, expiresAt: news.expiresAt });
        break;
      case "withdrawn":
        this.#withdraw(news.peer);
        break;
      case "closed":
        this.#gone(news.peer);
        // The server may have said so before, and this tab may have kept that after it was deleted
        this.#core.writer.soon((storage) => storage.dropLink(news.peer));
        break;
      case "blocked":
        this.#setBlocked(news.peer, news.blocked);
        if (news.blocked) {
          this.#end(news.peer, false);
          this.#withdraw(news.peer);
        }
        break;
    }
  }

  /** The identity is over, and with it every link and request. */
  ended(): void {
    for (const peer of [...this.#core.book.links.keys()]) {
      this.#end(peer, false);
    }
    this.incoming.clear();
    this.outgoing.clear();
    this.#informed = false;
    this.#core.changed(null);
  }

  /** Nothing is known of anybody any more. */
  clear(): void {
    this.ended();
    this.blocked.clear();
    this.#core.book.clear();
  }

  async #asking(peer: string, event: "link_request", note: string | null) {
    try {
      return await this.#core.connection.ask(event, { targetClientId: peer, note });
    } catch (error) {
      if ((error as DuologueError).code === "blocked" && !this.blocked.has(peer)) {
        await this.#block(peer, true); // from before what is kept here began
      }
      throw error;
    }
  }

  async #answering(event: "link_accept" | "link_decline" | "link_cancel", peer: string) {
    try {
      await this.#core.connection.ask(event, { targetClientId: peer });
    } catch (error) {
      const { code } = error as DuologueError;
      if (code === "no_request" || code === "not_found") {
        this.#withdrawn(peer); // it is over, and this client had not heard
      }
      throw error;
    }
  }

  async #block(peer: string, blocked: boolean): Promise<void> {
    await this.#core.writer.do((storage) => storage.saveBlocked(peer, blocked));
    this.#core.tabs.tell({ kind: "blocked", peer, blocked });
    this.#setBlocked(peer, blocked);
  }

  #setBlocked(peer: string, blocked: boolean): void {
    if (blocked) {
      this.blocked.add(peer);
    } else {
      this.blocked.delete(peer);
    }
    this.#core.changed(peer);
  }

  #requested(request: OutgoingRequest): void {
    this.outgoing.set(request.to, request);
    this.#core.changed(request.to);
  }

  #withdrawn(peer: string): void {
    this.#core.tabs.tell({ kind: "withdrawn", peer });
    this.#withdraw(peer);
  }

  #withdraw(peer: string): boolean {
    const asked = this.incoming.delete(peer);
    const had = this.outgoing.delete(peer) || asked;
    if (had) {
      this.#core.changed(peer);
    }
    return had;
  }

  #found(entry: Links["links"][number], tell: boolean): void {
    const { book, writer } = this.#core;
    const before = book.links.get(entry.peer);
    const owed = book.owesRead(entry.peer, entry.unread);
    const found = book.snapshot(entry);
    const kept = book.kept(entry.peer);
    if (found !== "known" && kept) {
      this.#receipts.drop(entry.peer);
      writer.soon(async (storage) => {
        if (found === "reset") {
          await storage.saveLink({ ...kept, ended: true });
        }
        await storage.renewLink(kept);
      });
    } else {
      keepLink(this.#core, entry.peer);
      if (owed) {
        this.#receipts.read(entry.peer, owed);
      }
    }
    if (tell && (!before || before.ended)) {
      this.#happened("established", entry.peer, entry.name || null);
    }
  }

  #end(peer: string, tell: boolean): void {
    const name = this.#core.book.links.get(peer)?.name ?? null;
    if (!this.#core.book.end(peer)) {
      return;
    }
    this.#receipts.drop(peer);
    keepLink(this.#core, peer);
    this.#outbox.failAll(peer, NOT_LINKED);
    if (tell) {
      this.#happened("closed", peer, name);
    }
  }

  #gone(peer: string): void {
    this.#receipts.drop(peer);
    this.#outbox.drop(peer);
    this.#core.book.drop(peer);
  }

  #happened(kind: Happening["kind"], peer: string, name: string | null): void {
    this.#core.emitter.emit("happening", { kind, peer, name });
  }
}

function asIncoming({ from, name, note, expiresAt }: LinkRequested): IncomingRequest {
  return { from, name: name || null, note, expiresAt };
}
