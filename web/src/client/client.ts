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
  Token,
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
import { Receipts } from "./receipts";
import { type Parts, Session } from "./session";
import { MemoryStorage, openStorage, storageName } from "./storage";
import { Tabs } from "./tabs";
import { uuid } from "./uuid";
import { Writer } from "./writer";

const MAX_BYTES = "duologue.maxBytes";

/** A client of a Duologue server; see `Client`. */
export class DuologueClient implements Client {
  readonly #options: Options;
  readonly #emitter = new Emitter<Events>();
  readonly #book = new Book((peer) => this.#changed(peer));
  readonly #connection: Connection;
  readonly #changes = new Set<string | null>();
  #parts: (Parts & { readonly session: Session }) | null = null;
  #opening: Promise<unknown> | null = null;
  #keptMaxBytes: number | null = null;
  #sending: Promise<unknown> = Promise.resolve();

  constructor(options: Options = {}) {
    this.#options = options;
    this.#connection = new Connection(
      { server: options.server, path: options.path },
      {
        admit: (connect) => this.#needed().identity.admit(connect),
        told: (event, payload) => this.#needed().session.told(event, payload),
        statusChanged: (status) => {
          this.#parts?.session.statusChanged(status);
          this.#keepMaxBytes();
          this.#emitter.emit("status", status);
        },
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
    try {
      await opening;
    } catch (error) {
      if (this.#opening === opening) {
        this.#opening = null; // what could not be read may be read another time
      }
      throw error;
    }
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
      parts.identity.rest();
      parts.session.rest();
    }
  }

  async forget(): Promise<void> {
    this.#needed();
    await this.#connection.ask("forget", {});
    await this.erase();
  }

  async erase(): Promise<void> {
    const { core, storage } = this.#needed();
    this.#connection.stop();
    core.tabs.tell({ kind: "forgotten" });
    await core.writer.idle();
    core.writer.close();
    await storage.clear();
    this.#forgotten();
  }

  async renew(token: Token): Promise<void> {
    await this.#needed().identity.renew(token);
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
    if (parts?.session.readUpTo(peer, seq)) {
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

  async #open(): Promise<void> {
    const parts = this.#parts ?? (await this.#assemble());
    this.#parts = parts;
    const { core, storage, consent, identity, outbox, receipts } = parts;
    core.tabs.listen((news) => parts.session.heard(news));
    await core.writer.idle();
    await identity.claim();
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
  }

  async #assemble() {
    const { keep = true } = this.#options;
    const storage =
      this.#options.storage ??
      (keep ? await openStorage(storageName(this.#options)) : new MemoryStorage());
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
    const another = () => {
      core.tabs.tell({ kind: "forgotten" });
      receipts.clear();
      outbox.clear();
      consent.clear();
    };
    const identity = new Identity(core, storage, this.#options, () => consent.ended(), another);
    const parts = { storage, core, consent, identity, messages, outbox, receipts };
    return { ...parts, session: new Session(parts, () => this.#forgotten()) };
  }

  #needed(): Parts & { readonly session: Session } {
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
    if (this.#parts && most !== null && most !== this.#keptMaxBytes) {
      this.#keptMaxBytes = most;
      this.#parts.core.writer.soon((storage) => storage.set(MAX_BYTES, most));
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
