import type {
  Client,
  Events,
  HistoryPage,
  IncomingRequest,
  Invitation,
  Link,
  Message,
  Options,
  Outgoing,
  OutgoingRequest,
  Status,
  Storage,
} from "./api";
import { Book } from "./book";
import { Connection } from "./connection";
import { Consent } from "./consent";
import type { Core } from "./core";
import { Emitter } from "./emitter";
import { DuologueError, invalid, NOT_LINKED, tooLarge } from "./errors";
import { Identity } from "./identity";
import { Messages } from "./messages";
import { Outbox } from "./outbox";
import { fits, prepare } from "./payload";
import type { ServerEvents } from "./protocol";
import { Receipts } from "./receipts";
import { MemoryStorage, openStorage } from "./storage";
import { type News, Tabs } from "./tabs";
import { TypingTimes } from "./typing";
import { uuid } from "./uuid";
import { Writer } from "./writer";

/** How long to wait for what comes at once, before it is asked whether it will come at all. */
const SNAPSHOT_MS = 100;

const MAX_BYTES = "duologue.maxBytes";

/** Everything that works on one storage, once that is open. */
interface Parts {
  readonly storage: Storage;
  readonly core: Core;
  readonly consent: Consent;
  readonly identity: Identity;
  readonly messages: Messages;
  readonly outbox: Outbox;
  readonly receipts: Receipts;
}

/** A client of a Duologue server; see `Client`. */
export class DuologueClient implements Client {
  readonly #options: Options;
  readonly #emitter = new Emitter<Events>();
  readonly #book = new Book((peer) => this.#changed(peer));
  readonly #connection: Connection;
  readonly #typing = new TypingTimes((peer) => this.#book.typing(peer, false));
  readonly #changes = new Set<string | null>();
  #parts: Parts | null = null;
  #opening: Promise<Parts> | null = null;
  #keptMaxBytes: number | null = null;
  #snapshot: "none" | "awaited" | "known" = "none";
  #sending: Promise<unknown> = Promise.resolve();

  constructor(options: Options = {}) {
    this.#options = options;
    this.#connection = new Connection(
      { server: options.server, path: options.path },
      {
        admit: (connect) => this.#needed().identity.admit(connect),
        told: (event, payload) => this.#told(event, payload),
        statusChanged: (status) => this.#statusChanged(status),
        capacityChanged: () => this.#parts?.outbox.kick(),
      },
    );
  }

  get status(): Status {
    return this.#connection.status;
  }

  get id(): string | null {
    return this.#parts?.identity.id ?? null;
  }

  get name(): string | null {
    return this.#parts ? this.#parts.identity.name : (this.#options.name ?? null);
  }

  get maxBytes(): number | null {
    return this.#connection.maxBytes ?? this.#keptMaxBytes;
  }

  get links(): ReadonlyMap<string, Link> {
    return this.#book.links;
  }

  get incoming(): ReadonlyMap<string, IncomingRequest> {
    return this.#parts?.consent.incoming ?? new Map();
  }

  get outgoing(): ReadonlyMap<string, OutgoingRequest> {
    return this.#parts?.consent.outgoing ?? new Map();
  }

  get blocked(): ReadonlySet<string> {
    return this.#parts?.consent.blocked ?? new Set();
  }

  on<E extends keyof Events>(event: E, listener: (detail: Events[E]) => void): () => void {
    return this.#emitter.on(event, listener);
  }

  // Coming and going

  async connect(): Promise<void> {
    this.#opening ??= this.#open();
    const opening = this.#opening;
    await opening;
    if (this.#opening === opening) {
      this.#connection.start();
    }
  }

  retryNow(): void {
    this.#connection.retryNow();
  }

  close(): void {
    this.#opening = null;
    this.#connection.stop();
    const parts = this.#parts;
    if (parts) {
      parts.core.tabs.leave();
      parts.outbox.rest();
      parts.receipts.clear();
      this.#typing.clear();
    }
  }

  async forget(): Promise<void> {
    const { core, storage } = this.#needed();
    await this.#connection.ask("forget", {});
    this.#connection.stop();
    core.tabs.tell({ kind: "forgotten" });
    await core.writer.idle();
    core.writer.close();
    await storage.clear();
    this.#forgotten();
  }

  async rename(name: string | null): Promise<void> {
    const { core, identity } = this.#needed();
    await identity.rename(name);
    core.tabs.tell({ kind: "named", name });
    this.#connection.restart();
  }

  // Links

  request(peer: string, note?: string): Promise<"requested" | "linked"> {
    return this.#with(({ consent }) => consent.request(peer, note));
  }

  accept(peer: string): Promise<void> {
    return this.#with(({ consent }) => consent.accept(peer));
  }

  decline(peer: string): Promise<void> {
    return this.#with(({ consent }) => consent.decline(peer));
  }

  cancel(peer: string): Promise<void> {
    return this.#with(({ consent }) => consent.cancel(peer));
  }

  closeLink(peer: string): Promise<void> {
    return this.#with(({ consent }) => consent.closeLink(peer));
  }

  remove(peer: string): Promise<void> {
    return this.#with(({ consent }) => consent.remove(peer));
  }

  block(peer: string): Promise<void> {
    return this.#with(({ consent }) => consent.block(peer));
  }

  unblock(peer: string): Promise<void> {
    return this.#with(({ consent }) => consent.unblock(peer));
  }

  async invite(options: { ttl?: number; uses?: number } = {}): Promise<Invitation> {
    const { code, url, expiresAt } = await this.#connection.ask("invite_create", options);
    return { code, url, expiresAt };
  }

  redeem(code: string): Promise<string> {
    return this.#with(({ consent }) => consent.redeem(code));
  }

  async revoke(code: string): Promise<void> {
    await this.#connection.ask("invite_revoke", { code });
  }

  // Messages

  send(peer: string, content: unknown, options: Outgoing = {}): Promise<Message> {
    // In the order of the calls, however long it takes to make each ready
    const sending = this.#sending.then(() => this.#send(peer, content, options));
    this.#sending = sending.catch(() => undefined);
    return sending;
  }

  sent(id: string): Promise<Message> {
    return this.#with(({ outbox }) => outbox.sent(id));
  }

  retry(id: string): Promise<void> {
    return this.#with(({ outbox }) => outbox.retry(id));
  }

  discard(id: string): Promise<void> {
    return this.#with(({ outbox }) => outbox.discard(id));
  }

  unsent(peer: string): readonly Message[] {
    return this.#parts?.outbox.unsent(peer) ?? [];
  }

  history(peer: string, options: { before?: number; limit?: number } = {}): Promise<HistoryPage> {
    return this.#with(({ messages, storage }) => messages.history(peer, storage, options));
  }

  read(peer: string, seq: number): void {
    const parts = this.#parts;
    if (parts && this.#readUpTo(peer, seq)) {
      parts.core.tabs.tell({ kind: "read", peer, seq });
      parts.receipts.read(peer, seq);
    }
  }

  typing(peer: string, typing: boolean): void {
    if (this.#book.links.get(peer)?.ended === false) {
      this.#connection.mention("typing", { targetClientId: peer, typing });
    }
  }

  async signal(peer: string, data: unknown): Promise<void> {
    const { content, size } = await prepare(data);
    if (this.#connection.online && this.#connection.carries(size) !== "now") {
      throw tooLarge("The signal is larger than the server takes");
    }
    await this.#connection.ask("signal", { targetClientId: peer, data: content });
  }

  // Inside

  async #open(): Promise<Parts> {
    const parts = this.#parts ?? (await this.#assemble());
    this.#parts = parts;
    const { core, storage, consent, identity, outbox, receipts } = parts;
    core.tabs.listen((news) => this.#heard(news));
    await core.writer.idle();
    this.#keptMaxBytes = (await storage.get<number>(MAX_BYTES)) ?? null;
    const links = await storage.links();
    for (const peer of [...this.#book.links.keys()]) {
      if (!links.some((kept) => kept.peer === peer)) {
        this.#book.drop(peer); // by another tab, while this one was closed
      }
    }
    for (const kept of links) {
      const [last] = await storage.messages(kept.peer, null, 1);
      const theirs = await storage.theirs(kept.peer, kept.readByMe);
      this.#book.load(kept, last ?? null, theirs);
      const owed = kept.ended ? null : this.#book.owesDelivered(kept.peer);
      if (owed) {
        receipts.delivered(kept.peer, owed);
      }
    }
    for (const peer of await storage.blocked()) {
      consent.blocked.add(peer);
    }
    outbox.load(await storage.outbox());
    await identity.load();
    this.#changed(null);
    return parts;
  }

  async #assemble(): Promise<Parts> {
    const { keep = true, server } = this.#options;
    const storage =
      this.#options.storage ?? (keep ? await openStorage(server) : new MemoryStorage());
    const core: Core = {
      book: this.#book,
      connection: this.#connection,
      emitter: this.#emitter,
      tabs: new Tabs(storage.name),
      writer: new Writer(storage),
      changed: (peer) => this.#changed(peer),
    };
    const receipts = new Receipts(core);
    const messages = new Messages(core, receipts, () => outbox);
    const outbox = new Outbox(core, (kept, reply) => messages.acknowledged(kept, reply));
    const consent = new Consent(core, outbox, receipts);
    const identity = new Identity(core, storage, this.#options, () => consent.ended());
    return { storage, core, consent, identity, messages, outbox, receipts };
  }

  #needed(): Parts {
    if (!this.#parts) {
      throw invalid("Call connect first");
    }
    return this.#parts;
  }

  async #with<T>(work: (parts: Parts) => Promise<T>): Promise<T> {
    return work(this.#needed());
  }

  async #send(peer: string, content: unknown, { id }: Outgoing): Promise<Message> {
    const { outbox } = this.#needed();
    if (this.#book.links.get(peer)?.ended) {
      throw new DuologueError(NOT_LINKED);
    }
    const { content: plain, size } = await prepare(content);
    const most = this.maxBytes;
    if (most !== null && !fits(size, most)) {
      throw tooLarge("The message is larger than the server takes");
    }
    const kept = { peer, id: id ?? uuid(), seq: null, at: Date.now(), mine: true, content: plain };
    return outbox.add(kept, size);
  }

  #statusChanged(status: Status): void {
    if (status.state !== "online" && status.state !== "draining") {
      this.#snapshot = "none";
      this.#typing.clear();
      this.#book.disconnected();
    }
    this.#emitter.emit("status", status);
  }

  #told(event: string, payload: unknown): void {
    if (event === "links") {
      this.#know(payload as ServerEvents["links"]);
      return;
    }
    if (event === "client_id") {
      this.#needed().identity.given(payload as ServerEvents["client_id"]);
      this.#keepMaxBytes();
      this.#awaitSnapshot();
      return;
    }
    if (this.#snapshot === "awaited") {
      this.#know(NOTHING); // it would have come first
    }
    this.#notice(event, payload);
  }

  #notice(event: string, payload: unknown): void {
    const { consent, messages } = this.#needed();
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
      case "link_declined":
        consent.over("declined", (payload as ServerEvents["link_declined"]).peer);
        break;
      case "link_cancelled":
        consent.over("cancelled", (payload as ServerEvents["link_cancelled"]).peer);
        break;
      case "link_expired":
        consent.over("expired", (payload as ServerEvents["link_expired"]).peer);
        break;
      case "link_closed":
        consent.closed((payload as ServerEvents["link_closed"]).peer);
        break;
      case "presence": {
        const { clientId, online, lastSeen } = payload as ServerEvents["presence"];
        this.#book.presence(clientId, online, lastSeen);
        break;
      }
      case "receipt":
        this.#receipt(payload as ServerEvents["receipt"]);
        break;
      case "typing": {
        const { from, typing } = payload as ServerEvents["typing"];
        this.#book.typing(from, typing);
        this.#typing.told(from, typing);
        break;
      }
      case "signal":
        this.#emitter.emit("signal", payload as ServerEvents["signal"]);
        break;
      case "invite_crowded":
        this.#emitter.emit("crowded", payload as ServerEvents["invite_crowded"]);
        break;
    }
  }

  /** `links` follows `client_id` at once, or not at all where there are none. Then whatever comes
   * next says so; and if nothing comes, the answer to something harmless: what a client types. */
  #awaitSnapshot(): void {
    this.#snapshot = "awaited";
    const { consent } = this.#needed();
    const peer = consent.expectant;
    if (peer === null) {
      this.#know(NOTHING);
      return;
    }
    const awaited = () => this.#snapshot === "awaited";
    const nothing = () => {
      if (awaited() && this.#connection.online) {
        this.#know(NOTHING);
      }
    };
    setTimeout(() => {
      if (awaited()) {
        const asked = this.#connection.ask("typing", { targetClientId: peer, typing: false });
        void asked.then(nothing, nothing);
      }
    }, SNAPSHOT_MS);
  }

  /** How everything stands, from where a session goes on. */
  #know(links: ServerEvents["links"]): void {
    const { consent, core, outbox, receipts } = this.#needed();
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
      this.#book.progress(from, delivered, read);
    } else {
      this.#book.deliveredByMe(to, delivered);
      this.#readUpTo(to, read);
    }
  }

  #readUpTo(peer: string, seq: number): boolean {
    const news = this.#book.readUpTo(peer, seq);
    const kept = news ? this.#book.kept(peer) : null;
    if (kept) {
      this.#needed().core.writer.soon((storage) => storage.saveLink(kept));
    }
    return news;
  }

  #heard(news: News): void {
    const { consent, identity, outbox } = this.#needed();
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
        this.#readUpTo(news.peer, news.seq);
        break;
      case "named":
        void identity.rename(news.name);
        break;
      case "forgotten":
        this.#needed().core.writer.close();
        this.#forgotten();
        break;
      default:
        consent.heard(news);
    }
  }

  #forgotten(): void {
    const parts = this.#needed();
    this.close();
    parts.outbox.clear();
    parts.consent.clear();
    this.#parts = null;
    this.#keptMaxBytes = null;
    this.#emitter.emit("forgotten", {});
  }

  #keepMaxBytes(): void {
    const most = this.#connection.maxBytes;
    if (most !== null && most !== this.#keptMaxBytes) {
      this.#keptMaxBytes = most;
      this.#needed().core.writer.soon((storage) => storage.set(MAX_BYTES, most));
    }
  }

  #changed(peer: string | null): void {
    if (this.#changes.size === 0) {
      queueMicrotask(() => {
        const changes = [...this.#changes];
        this.#changes.clear();
        for (const each of changes.includes(null) ? [null] : changes) {
          this.#emitter.emit("links", { peer: each });
        }
      });
    }
    this.#changes.add(peer);
  }
}

const NOTHING: ServerEvents["links"] = { links: [], requests: [], requested: [] };
