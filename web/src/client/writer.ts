import type { KeptMessage, Storage } from "./api";

/**
 * Everything that is kept, in the order in which it happened. What happens is known at once; that
 * it has been kept, a moment later.
 */
export class Writer {
  readonly #storage: Storage;
  #last: Promise<unknown> = Promise.resolve();
  #messages: KeptMessage[] = [];
  #afterwards: (() => void)[] = [];
  #closed = false;

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  /** Resolves when it has been done; what is done without success is not done again. */
  do<T>(work: (storage: Storage) => Promise<T>): Promise<T> {
    const result = this.#last.then(() => {
      if (this.#closed) {
        return new Promise<never>(() => {}); // it is not this client's any more
      }
      return work(this.#storage);
    });
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** The same where nobody waits for it. */
  soon(work: (storage: Storage) => Promise<unknown>): void {
    this.do(work).catch((error: unknown) => {
      console.warn("duologue: something could not be kept:", (error as Error)?.name);
    });
  }

  /** Keep a message, together with others that come meanwhile; then call `afterwards`. */
  add(message: KeptMessage, afterwards?: () => void): void {
    this.#messages.push(message);
    if (afterwards) {
      this.#afterwards.push(afterwards);
    }
    if (this.#messages.length === 1) {
      this.soon(async (storage) => {
        const [messages, done] = [this.#messages, this.#afterwards];
        this.#messages = [];
        this.#afterwards = [];
        await storage.addMessages(messages);
        for (const each of done) {
          each();
        }
      });
    }
  }

  /** Resolves when everything up to now has been kept. */
  async idle(): Promise<void> {
    await this.#last;
  }

  /** Keep nothing more. */
  close(): void {
    this.#closed = true;
  }
}
