import { type Core, keepLink } from "./core";
import type { DuologueError } from "./errors";

/** At most one receipt a peer in this time: they are cumulative, so that later ones say more. */
const PAUSE_MS = 200;

interface Due {
  delivered: number;
  read: number;
  timer: ReturnType<typeof setTimeout> | null;
}

/** Tells peers how far this client has got with what they wrote, when there is a connection. */
export class Receipts {
  readonly #core: Core;
  readonly #due = new Map<string, Due>();

  constructor(core: Core) {
    this.#core = core;
  }

  delivered(peer: string, seq: number): void {
    const due = this.#of(peer);
    due.delivered = Math.max(due.delivered, seq);
    this.#later(peer, due, PAUSE_MS);
  }

  read(peer: string, seq: number): void {
    const due = this.#of(peer);
    due.read = Math.max(due.read, seq);
    this.#later(peer, due, PAUSE_MS);
  }

  /** There is a connection again. */
  resume(): void {
    for (const [peer, due] of this.#due) {
      this.#later(peer, due, PAUSE_MS);
    }
  }

  /** There is nobody to tell any more. */
  drop(peer: string): void {
    clearTimeout(this.#due.get(peer)?.timer ?? undefined);
    this.#due.delete(peer);
  }

  clear(): void {
    for (const peer of [...this.#due.keys()]) {
      this.drop(peer);
    }
  }

  #of(peer: string): Due {
    const due = this.#due.get(peer) ?? { delivered: 0, read: 0, timer: null };
    this.#due.set(peer, due);
    return due;
  }

  #later(peer: string, due: Due, delay: number): void {
    if (due.timer === null && this.#core.connection.online) {
      due.timer = setTimeout(() => void this.#tell(peer, due), delay);
    }
  }

  async #tell(peer: string, due: Due): Promise<void> {
    const { delivered, read } = due;
    const payload = {
      targetClientId: peer,
      ...(delivered ? { delivered } : {}),
      ...(read ? { read } : {}),
    };
    let again = PAUSE_MS;
    try {
      await this.#core.connection.ask("receipt", payload);
      this.#core.book.deliveredByMe(peer, Math.max(delivered, read));
      keepLink(this.#core, peer);
      this.#settled(due, delivered, read);
    } catch (error) {
      const { retryable, retryAfter } = error as DuologueError;
      if (!retryable) {
        this.#settled(due, delivered, read);
      }
      again = (retryAfter ?? 1) * 1_000;
    }
    due.timer = null;
    if (due.delivered === 0 && due.read === 0) {
      if (this.#due.get(peer) === due) {
        this.#due.delete(peer);
      }
    } else if (this.#due.get(peer) === due) {
      this.#later(peer, due, again);
    }
  }

  #settled(due: Due, delivered: number, read: number): void {
    due.delivered = due.delivered > delivered ? due.delivered : 0;
    due.read = due.read > read ? due.read : 0;
  }
}
