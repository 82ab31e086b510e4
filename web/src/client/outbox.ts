import type { KeptMessage, Message, Problem } from "./api";
import type { Core } from "./core";
import { asProblem, DuologueError, invalid, tooLarge } from "./errors";
import { measure, type Size } from "./payload";
import type { MessageReply } from "./protocol";

/** How long the answer to a message may take: some seconds, and longer for one that is large. */
const ANSWER_MS = 20_000;
const SLOWEST_BYTES_PER_MS = 5;

/** Waits between attempts of what the server cannot take now and does not say when it can. */
const FIRST_WAIT_MS = 2_000;
const MOST_WAIT_MS = 60_000;

/** So many messages that were sent are remembered for those who ask later. */
const REMEMBERED = 1_000;

interface Waiter {
  readonly resolve: (message: Message) => void;
  readonly reject: (error: DuologueError) => void;
}

/**
 * Messages that the server does not have yet. They are kept until it has, and sent one after the
 * other for each peer: were the second on its way when the first is refused for now, it would
 * overtake it.
 */
export class Outbox {
  readonly #core: Core;
  readonly #acknowledged: (kept: KeptMessage, reply: MessageReply) => void;
  /** By ID, in the order in which they were written. */
  readonly #entries = new Map<string, KeptMessage>();
  readonly #sizes = new WeakMap<KeptMessage, Size>();
  /** What is being sent, by peer. */
  readonly #lanes = new Map<string, Promise<void>>();
  /** Peers for whom the server takes nothing at the moment, and how often it has said so. */
  readonly #held = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #refusals = new Map<string, number>();
  readonly #waiters = new Map<string, Waiter[]>();
  readonly #sent = new Map<string, Message>();
  #turn: "none" | "waiting" | "mine" = "none";

  /** `acknowledged` is called with what the server has taken. */
  constructor(core: Core, acknowledged: (kept: KeptMessage, reply: MessageReply) => void) {
    this.#core = core;
    this.#acknowledged = acknowledged;
  }

  /** Messages as they are kept, which may be more or fewer than are known here. */
  load(kept: readonly KeptMessage[]): void {
    this.#entries.clear();
    for (const message of kept) {
      if (!this.#sent.has(message.id)) {
        this.#entries.set(message.id, message);
      }
    }
  }

  unsent(peer: string): Message[] {
    const all = [...this.#entries.values()];
    return all.filter((kept) => kept.peer === peer).map((kept) => this.#core.book.message(kept));
  }

  /** Keep a message, and send it as soon as it can be. */
  async add(kept: KeptMessage, size: Size): Promise<Message> {
    try {
      await this.#core.writer.do((storage) => storage.putOutbox(kept));
    } catch {
      throw new DuologueError(NO_ROOM);
    }
    this.#sizes.set(kept, size);
    this.#core.tabs.tell({ kind: "queued", message: kept });
    this.adopt(kept);
    return this.#core.book.message(kept);
  }

  /** A message that is kept, by this tab or another. */
  adopt(kept: KeptMessage): void {
    if (this.#sent.has(kept.id)) {
      return; // the server was faster than the tab that wrote it
    }
    const added = !this.#entries.has(kept.id);
    this.#entries.set(kept.id, kept);
    this.#core.emitter.emit("message", { message: this.#core.book.message(kept), added });
    this.kick();
  }

  /** The server has this message. Returns it if it was here. */
  settle(id: string): KeptMessage | null {
    const kept = this.#entries.get(id) ?? null;
    this.#entries.delete(id);
    return kept;
  }

  /** Tell those who wait for a message that the server has it. */
  told(message: Message): void {
    this.#sent.set(message.id, message);
    for (const oldest of this.#sent.keys()) {
      if (this.#sent.size <= REMEMBERED) {
        break;
      }
      this.#sent.delete(oldest);
    }
    for (const { resolve } of this.#take(message.id)) {
      resolve(message);
    }
  }

  sent(id: string): Promise<Message> {
    const known = this.#sent.get(id);
    if (known) {
      return Promise.resolve(known);
    }
    const kept = this.#entries.get(id);
    const problem = kept ? kept.problem : GONE;
    if (problem) {
      return Promise.reject(new DuologueError(problem));
    }
    return new Promise((resolve, reject) => {
      this.#waiters.set(id, [...(this.#waiters.get(id) ?? []), { resolve, reject }]);
    });
  }

  async retry(id: string): Promise<void> {
    const kept = this.#entries.get(id);
    if (kept?.problem) {
      const { problem, ...again } = kept;
      await this.#core.writer.do((storage) => storage.putOutbox(again));
      this.#core.tabs.tell({ kind: "queued", message: again });
      this.adopt(again);
    }
  }

  async discard(id: string): Promise<void> {
    await this.#core.writer.do((storage) => storage.takeOutbox(id));
    this.#core.tabs.tell({ kind: "discarded", id });
    this.discarded(id);
  }

  discarded(id: string): void {
    const kept = this.settle(id);
    for (const { reject } of this.#take(id)) {
      reject(new DuologueError(GONE));
    }
    if (kept) {
      this.#core.changed(kept.peer);
    }
  }

  /** The server has refused a message for good, or would. */
  fail(id: string, problem: Problem): void {
    const kept = this.#entries.get(id);
    if (kept) {
      const failed = { ...kept, problem: asProblem(problem) };
      this.#core.writer.soon((storage) => storage.putOutbox(failed));
      this.#core.tabs.tell({ kind: "failed", id, problem: failed.problem });
      this.failed(id, failed.problem);
    }
  }

  failed(id: string, problem: Problem): void {
    const kept = this.#entries.get(id);
    if (!kept) {
      return;
    }
    const failed = { ...kept, problem };
    this.#entries.set(id, failed);
    for (const { reject } of this.#take(id)) {
      reject(new DuologueError(problem));
    }
    this.#core.emitter.emit("message", { message: this.#core.book.message(failed), added: false });
  }

  /** What waits for this peer will not be taken. */
  failAll(peer: string, problem: Problem): void {
    for (const kept of [...this.#entries.values()]) {
      if (kept.peer === peer && !kept.problem) {
        this.fail(kept.id, problem);
      }
    }
  }

  /** Forget what waits for this peer: it is kept no longer. */
  drop(peer: string): void {
    for (const kept of [...this.#entries.values()]) {
      if (kept.peer === peer) {
        this.discarded(kept.id);
      }
    }
  }

  clear(): void {
    for (const id of [...this.#entries.keys()]) {
      this.discarded(id);
    }
    this.rest();
  }

  /** Wait for no time any more: the next connection begins anew. */
  rest(): void {
    for (const timer of this.#held.values()) {
      clearTimeout(timer);
    }
    this.#held.clear();
    this.#refusals.clear();
  }

  /** Send what can be sent. */
  kick(): void {
    if (!this.#core.connection.online || !this.#ready().length) {
      return;
    }
    if (this.#turn === "mine") {
      this.#run();
    } else if (this.#turn === "none") {
      this.#turn = "waiting";
      void this.#core.tabs.alone("outbox", () => this.#pump());
    }
  }

  /** One tab sends at a time; what others write meanwhile it hears of. */
  async #pump(): Promise<void> {
    this.#turn = "mine";
    try {
      this.#run();
      while (this.#lanes.size) {
        await Promise.race(this.#lanes.values());
      }
    } finally {
      this.#turn = "none";
    }
  }

  #run(): void {
    for (const peer of this.#ready()) {
      const lane = this.#send(peer).finally(() => this.#lanes.delete(peer));
      this.#lanes.set(peer, lane);
    }
  }

  /** Peers for whom there is something to send, and nothing is being sent. */
  #ready(): string[] {
    const waiting = [...this.#entries.values()].filter((kept) => !kept.problem);
    const peers = new Set(waiting.map((kept) => kept.peer));
    return [...peers].filter((peer) => !this.#lanes.has(peer) && !this.#held.has(peer));
  }

  async #send(peer: string): Promise<void> {
    for (;;) {
      const kept = this.#next(peer);
      if (!kept || !this.#core.connection.online || !(await this.#transmit(kept))) {
        return;
      }
      this.#refusals.delete(peer);
    }
  }

  #next(peer: string): KeptMessage | undefined {
    for (const kept of this.#entries.values()) {
      if (kept.peer === peer && !kept.problem) {
        return kept;
      }
    }
    return undefined;
  }

  /** Returns whether to go on with the next. */
  async #transmit(kept: KeptMessage): Promise<boolean> {
    const { connection } = this.#core;
    const { id, peer, content } = kept;
    const size = this.#sizes.get(kept) ?? measure(content);
    this.#sizes.set(kept, size);
    const carried = connection.carries(size);
    if (carried === "later") {
      return false; // there is a kick when that changes
    }
    if (carried === "never") {
      this.fail(id, tooLarge("The message is larger than the server takes"));
      return true;
    }
    const patience = ANSWER_MS + (size.text + size.binary) / SLOWEST_BYTES_PER_MS;
    try {
      const payload = { targetClientId: peer, message: content, id };
      this.#acknowledged(kept, await connection.ask("message", payload, patience));
      return true;
    } catch (error) {
      return this.#refused(kept, error as DuologueError);
    }
  }

  #refused({ id, peer }: KeptMessage, error: DuologueError): boolean {
    if (!this.#core.connection.online) {
      return false; // the next connection takes it up again
    }
    if (error.retryable === false) {
      this.fail(id, error);
      return true;
    }
    const times = this.#refusals.get(peer) ?? 0;
    this.#refusals.set(peer, times + 1);
    const wait = Math.min(FIRST_WAIT_MS * 2 ** times, MOST_WAIT_MS);
    const timer = setTimeout(
      () => {
        this.#held.delete(peer);
        this.kick();
      },
      Math.max((error.retryAfter ?? 0) * 1_000, error.retryAfter ? 0 : wait),
    );
    this.#held.set(peer, timer);
    return false;
  }

  #take(id: string): Waiter[] {
    const waiters = this.#waiters.get(id) ?? [];
    this.#waiters.delete(id);
    return waiters;
  }
}

const NO_ROOM: Problem = {
  code: "overloaded",
  error: "This browser has no room to keep the message",
  retryable: true,
};

const GONE: Problem = invalid("There is no such message in the outbox");
