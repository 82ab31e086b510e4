type Listener<T> = (detail: T) => void;

/** Listeners by event. What one of them throws reaches neither the others nor who tells. */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<Listener<never>>>();

  /** Returns what takes the listener away again. */
  on<E extends keyof Events>(event: E, listener: Listener<Events[E]>): () => void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners);
    const own: Listener<Events[E]> = (detail) => listener(detail);
    listeners.add(own);
    return () => listeners.delete(own);
  }

  emit<E extends keyof Events>(event: E, detail: Events[E]): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) {
      try {
        (listener as Listener<Events[E]>)(detail);
      } catch (error) {
        // As an error of its own, where the browser and its developer see it
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
