/**
 * The tabs of one browser, which are sessions of one identity and share a storage: what one of them
 * does, the server tells the others only as far as it knows of it. The rest they tell each other.
 */

import type { KeptMessage, Problem } from "./api";

/** What one tab tells the others. */
export type News =
  | {
      readonly kind: "requested";
      readonly peer: string;
      readonly note: string | null;
      readonly expiresAt: number;
    }
  /** A request, whoever made it, is over. */
  | { readonly kind: "withdrawn"; readonly peer: string }
  /** The link is over; `gone` with all that was said. */
  | { readonly kind: "closed"; readonly peer: string; readonly gone: boolean }
  | { readonly kind: "blocked"; readonly peer: string; readonly blocked: boolean }
  | { readonly kind: "read"; readonly peer: string; readonly seq: number }
  | { readonly kind: "named"; readonly name: string | null }
  | { readonly kind: "renewed"; readonly token: string }
  | { readonly kind: "queued"; readonly message: KeptMessage }
  | { readonly kind: "failed"; readonly id: string; readonly problem: Problem }
  | { readonly kind: "discarded"; readonly id: string }
  | { readonly kind: "forgotten" };

/**
 * A tab that was put to sleep while it holds a lock gives it back when somebody wakes it. What two
 * tabs do at the same time costs more, but nothing is sent twice.
 */
const LONGEST_WAIT_MS = 30_000;

/** Those that share a storage. */
export class Tabs {
  readonly #name: string;
  #channel: BroadcastChannel | null = null;

  constructor(name: string) {
    this.#name = `duologue ${name}`;
  }

  listen(told: (news: News) => void): void {
    this.leave();
    if (typeof BroadcastChannel === "undefined") {
      return;
    }
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.onmessage = (event: MessageEvent<News>) => told(event.data);
  }

  tell(news: News): void {
    this.#channel?.postMessage(news);
  }

  leave(): void {
    this.#channel?.close();
    this.#channel = null;
  }

  /** Do something that only one of the tabs may do at a time. */
  async alone<T>(what: string, work: () => Promise<T>): Promise<T> {
    const name = `${this.#name} ${what}`;
    if (typeof navigator === "undefined" || !navigator.locks) {
      return inTurn(name, work);
    }
    let begun = false;
    const waiting = new AbortController();
    const timer = setTimeout(() => waiting.abort(), LONGEST_WAIT_MS);
    const begin = () => {
      begun = true;
      clearTimeout(timer);
      return work();
    };
    try {
      return (await navigator.locks.request(name, { signal: waiting.signal }, begin)) as T;
    } catch (error) {
      clearTimeout(timer);
      if (begun) {
        throw error;
      }
      return inTurn(name, work); // refused, as where a site may keep nothing, or not given in time
    }
  }
}

const turns = new Map<string, Promise<unknown>>();

/** The same without the browser's locks: within one page or process. */
function inTurn<T>(name: string, work: () => Promise<T>): Promise<T> {
  const before = turns.get(name) ?? Promise.resolve();
  const done = before.then(work, work);
  const settled = done.then(
    () => undefined,
    () => undefined,
  );
  turns.set(name, settled);
  void settled.then(() => {
    if (turns.get(name) === settled) {
      turns.delete(name);
    }
  });
  return done;
}
