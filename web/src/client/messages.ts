import type { HistoryPage, KeptMessage, Storage } from "./api";
import { type Core, keepLink } from "./core";
import { DuologueError } from "./errors";
import { contiguous, joined } from "./history";
import type { Outbox } from "./outbox";
import type { MessageReceived, MessageReply } from "./protocol";
import type { Receipts } from "./receipts";
import { uuid } from "./uuid";

/** The server gives no more at a time. */
const PAGE_MOST = 100;
const PAGE = 50;

/** Messages that come, and those that came. */
export class Messages {
  readonly #core: Core;
  readonly #receipts: Receipts;
  readonly #outbox: () => Outbox;

  constructor(core: Core, receipts: Receipts, outbox: () => Outbox) {
    this.#core = core;
    this.#receipts = receipts;
    this.#outbox = outbox;
  }

  /** The server tells of a message: the peer's, or one of another session of this client's. */
  told(received: MessageReceived): void {
    const { from, to, id, seq, at, content } = received;
    this.#take({
      peer: to ?? from,
      id: id ?? uuid(),
      seq: seq ?? null,
      at: at ?? Date.now(),
      mine: to !== undefined,
      content,
    });
  }

  /** The server has taken a message of this client's. */
  acknowledged(sent: KeptMessage, reply: MessageReply): void {
    const { problem, ...kept } = sent;
    const { seq, at } = reply;
    this.#take({ ...kept, seq, at }, reply.status === "delivered");
  }

  #take(kept: KeptMessage, delivered = false): void {
    const { book, connection, emitter, writer } = this.#core;
    const { peer, seq, mine } = kept;
    const arrival = book.arrived(kept);
    if (arrival === "gap") {
      connection.restart(); // and ask for what is missing
      return;
    }
    const outbox = this.#outbox();
    const waited = mine && outbox.settle(kept.id) !== null;
    if (arrival === "known" && !waited) {
      return;
    }
    if (arrival !== "unlinked") {
      const tell = () => this.#receipts.delivered(peer, seq ?? 0);
      writer.add(kept, mine ? undefined : tell);
    } else if (waited) {
      writer.soon((storage) => storage.takeOutbox(kept.id));
    }
    let message = book.message(kept);
    if (delivered && message.state === "stored") {
      message = { ...message, state: "delivered" };
    }
    if (mine) {
      outbox.told(message);
    }
    emitter.emit("message", { message, added: !waited });
  }

  /** Messages before a number: from here as far as they are, then from the server. */
  async history(
    peer: string,
    storage: Storage,
    { before, limit = PAGE }: { before?: number; limit?: number },
  ): Promise<HistoryPage> {
    const { book, connection, writer } = this.#core;
    const have = book.have(peer);
    await writer.idle();
    let kept = await storage.messages(peer, before ?? null, limit + 1);
    for (;;) {
      const last = kept.at(-1)?.seq ?? book.links.get(peer)?.seq ?? 0;
      const end = before ?? Math.max(last, have) + 1; // not all that came could be kept
      const run = contiguous(kept, end, book.first(peer), limit);
      const open = book.links.get(peer)?.ended === false;
      if (run.complete || !open) {
        // Of a link that has ended there is what is here
        return this.#page(kept, limit, open ? book.first(peer) : Number.POSITIVE_INFINITY);
      }
      if (!connection.online) {
        return this.#incomplete(kept, run.length, null);
      }
      try {
        kept = joined(kept, await this.#fetch(peer, run.missing, limit - run.length));
      } catch (error) {
        return this.#incomplete(kept, run.length, error);
      }
    }
  }

  #page(kept: readonly KeptMessage[], limit: number, first: number): HistoryPage {
    const page = kept.slice(-limit);
    const lowest = page[0]?.seq ?? first;
    return {
      messages: page.map((each) => this.#core.book.message(each)),
      more: kept.length > page.length || lowest > first,
    };
  }

  /** What is here without a hole, if anything is: before it there are more. */
  #incomplete(kept: readonly KeptMessage[], length: number, error: unknown): HistoryPage {
    if (!length) {
      throw error ?? new DuologueError(UNREACHABLE);
    }
    const messages = kept.slice(-length).map((each) => this.#core.book.message(each));
    return { messages, more: true };
  }

  /** Messages before a number from the server, at least one unless there are none. */
  async #fetch(peer: string, before: number, limit: number): Promise<KeptMessage[]> {
    const { book, connection, writer } = this.#core;
    const payload = { targetClientId: peer, before, limit: Math.min(limit, PAGE_MOST) };
    const reply = await connection.ask("history", payload);
    const found = reply.messages.map((each) => asKept(peer, each));
    if (!reply.more) {
      book.begins(peer, found[0]?.seq ?? before);
      keepLink(this.#core, peer);
    }
    // What comes by itself yet must not be here before what comes before it
    const have = book.have(peer);
    const old = found.filter((each) => (each.seq ?? 0) <= have);
    if (old.length) {
      await writer.do((storage) => storage.addMessages(old)).catch(() => undefined); // no room
    }
    return found;
  }
}

function asKept(peer: string, received: MessageReceived): KeptMessage {
  const { from, id, seq, at, content } = received;
  return {
    peer,
    id: id ?? uuid(),
    seq: seq ?? null,
    at: at ?? 0,
    mine: from !== peer,
    content,
  };
}

const UNREACHABLE = {
  code: "unavailable",
  error: "Earlier messages are not kept here, and there is no connection to the server",
  retryable: true,
} as const;
