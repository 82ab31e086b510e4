import type { Status, Storage } from "./api";
import type { Consent } from "./consent";
import type { Core } from "./core";
import type { Identity } from "./identity";
import type { Messages } from "./messages";
import type { Outbox } from "./outbox";
import type { ServerEvents } from "./protocol";
import type { Receipts } from "./receipts";
import type { News } from "./tabs";
import { TypingTimes } from "./typing";

/** How long to wait for what comes at once, before it is asked whether it will come at all. */
const SNAPSHOT_MS = 100;

/** Everything that works on one storage, once that is open. */
export interface Parts {
  readonly storage: Storage;
  readonly core: Core;
  readonly consent: Consent;
  readonly identity: Identity;
  readonly messages: Messages;
  readonly outbox: Outbox;
  readonly receipts: Receipts;
}

/** What a client is told, by the server and by other tabs, goes to whom it concerns. */
export class Session {
  readonly #parts: Parts;
  readonly #forgotten: () => void;
  readonly #typing: TypingTimes;
  #snapshot: "none" | "awaited" | "known" = "none";

  /** `forgotten` is called when another tab has ended the identity. */
  constructor(parts: Parts, forgotten: () => void) {
    this.#parts = parts;
    this.#forgotten = forgotten;
    this.#typing = new TypingTimes((peer) => parts.core.book.typing(peer, false));
  }

  /** Wait for nothing any more. */
  rest(): void {
    this.#typing.clear();
  }

  /** How it stands with the connection now. */
  statusChanged(status: Status): void {
    if (status.state !== "online" && status.state !== "draining") {
      this.#snapshot = "none";
      this.#typing.clear();
      this.#parts.core.book.disconnected();
    }
  }

  /** The server tells something. */
  told(event: string, payload: unknown): void {
    if (event === "links") {
      this.#know(payload as ServerEvents["links"]);
      return;
    }
    if (event === "client_id") {
      this.#parts.identity.given(payload as ServerEvents["client_id"]);
      this.#awaitSnapshot();
      return;
    }
    if (this.#snapshot === "awaited") {
      this.#know(NOTHING); // it would have come first
    }
    this.#notice(event, payload);
  }

  #notice(event: string, payload: unknown): void {
    const { consent, messages } = this.#parts;
    switch (event as keyof ServerEvents) {
      case "message": {
        const told = payload as ServerEvents["message"];
        if (!("error" in told)) {
          messages.told(told);
        }
        break;
      }
      case "link_requested":
        consent.requested(payload as ServerEvents["link_requested"]);
        break;
      case "link_established":
        consent.established(payload as ServerEvents["link_established"]);
        break;
      case "link_declined": {
        const { peer, own } = payload as ServerEvents["link_declined"];
        consent.over("declined", peer, own);
        break;
      }
      case "link_cancelled": {
        const { peer, own } = payload as ServerEvents["link_cancelled"];
        consent.over("cancelled", peer, own);
        break;
      }
      case "link_expired":
        consent.over("expired", (payload as ServerEvents["link_expired"]).peer);
        break;
      case "link_closed": {
        const { peer, own } = payload as ServerEvents["link_closed"];
        consent.closed(peer, own);
        break;
      }
      case "presence": {
        const { clientId, online, lastSeen } = payload as ServerEvents["presence"];
        this.#parts.core.book.presence(clientId, online, lastSeen);
        break;
      }
      case "receipt":
        this.#receipt(payload as ServerEvents["receipt"]);
        break;
      case "typing": {
        const { from, typing } = payload as ServerEvents["typing"];
        this.#parts.core.book.typing(from, typing);
        this.#typing.told(from, typing);
        break;
      }
      case "signal":
        this.#parts.core.emitter.emit("signal", payload as ServerEvents["signal"]);
        break;
      case "invite_crowded":
        this.#parts.core.emitter.emit("crowded", payload as ServerEvents["invite_crowded"]);
        break;
    }
  }

  /** `links` follows `client_id` at once, or not at all where there are none. Then whatever comes
   * next says so; and if nothing comes, the answer to something harmless: what a client types. */
  #awaitSnapshot(): void {
    this.#snapshot = "awaited";
    const { consent } = this.#parts;
    const peer = consent.expectant;
    if (peer === null) {
      this.#know(NOTHING);
      return;
    }
    const awaited = () => this.#snapshot === "awaited";
    const nothing = () => {
      if (awaited() && this.#parts.core.connection.online) {
        this.#know(NOTHING);
      }
    };
    setTimeout(() => {
      if (awaited()) {
        const asked = this.#parts.core.connection.ask("typing", {
          targetClientId: peer,
          typing: false,
        });
        void asked.then(nothing, nothing);
      }
    }, SNAPSHOT_MS);
  }

  /** How everything stands, from where a session goes on. */
  #know(links: ServerEvents["links"]): void {
    const { consent, core, outbox, receipts } = this.#parts;
    this.#snapshot = "known";
    consent.snapshot(links);
    receipts.resume();
    outbox.rest();
    // What another tab has done while this one could not hear it
    core.writer.soon(async (storage) => {
      outbox.load(await storage.outbox());
      outbox.kick();
    });
  }

  #receipt({ from, to, delivered, read }: ServerEvents["receipt"]): void {
    if (to === undefined) {
      this.#parts.core.book.progress(from, delivered, read);
    } else {
      this.#parts.core.book.deliveredByMe(to, delivered);
      this.readUpTo(to, read);
    }
  }

  /** Somebody has read the peer's messages so far, here or elsewhere. Returns whether that is news. */
  readUpTo(peer: string, seq: number): boolean {
    const news = this.#parts.core.book.readUpTo(peer, seq);
    const kept = news ? this.#parts.core.book.kept(peer) : null;
    if (kept) {
      this.#parts.core.writer.soon((storage) => storage.saveLink(kept));
    }
    return news;
  }

  /** Another tab tells something. */
  heard(news: News): void {
    const { consent, identity, outbox } = this.#parts;
    switch (news.kind) {
      case "queued":
        outbox.adopt(news.message);
        break;
      case "failed":
        outbox.failed(news.id, news.problem);
        break;
      case "discarded":
        outbox.discarded(news.id);
        break;
      case "read":
        this.readUpTo(news.peer, news.seq);
        break;
      case "named":
        identity.rename(news.name).catch(() => undefined); // the tab that told it has kept it
        break;
      case "renewed":
        identity.renewed(news.token);
        break;
      case "forgotten":
        this.#parts.core.writer.close();
        this.#forgotten();
        break;
      default:
        consent.heard(news);
    }
  }
}

const NOTHING: ServerEvents["links"] = { links: [], requests: [], requested: [] };
