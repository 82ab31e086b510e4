/** A peer that says no more has stopped typing after so long: to say so may have been lost. */
const FORGOTTEN_MS = 6_000;

/** Who types at the moment, and until when that is believed. */
export class TypingTimes {
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #stopped: (peer: string) => void;

  constructor(stopped: (peer: string) => void) {
    this.#stopped = stopped;
  }

  told(peer: string, typing: boolean): void {
    clearTimeout(this.#timers.get(peer));
    this.#timers.delete(peer);
    if (typing) {
      this.#timers.set(
        peer,
        setTimeout(() => {
          this.#timers.delete(peer);
          this.#stopped(peer);
        }, FORGOTTEN_MS),
      );
    }
  }

  clear(): void {
    for (const timer of this.#timers.values()) {
      clearTimeout(timer);
    }
    this.#timers.clear();
  }
}
