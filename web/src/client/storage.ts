import type { KeptIdentity, KeptLink, KeptMessage, Options, Storage } from "./api";
import { IndexedDbStorage } from "./indexeddb";
import { wellFormed } from "./payload";
import { subjectOf } from "./token";
import { uuid } from "./uuid";

const USUAL_PATH = "/socket.io/";

/** What is kept in a browser that can keep things, or else for as long as the page lasts. */
export async function openStorage(name = "duologue"): Promise<Storage> {
  try {
    const storage = new IndexedDbStorage(name);
    await storage.identity();
    return storage;
  } catch {
    return new MemoryStorage();
  }
}

/** What to call the storage of a server's client, and of whom the token names: each has its own. */
export function storageName({ server = "duologue", path = USUAL_PATH, token }: Options): string {
  const whole = path.endsWith("/") ? path : `${path}/`;
  const subject = subjectOf(token);
  return [
    server,
    ...(whole === USUAL_PATH ? [] : [whole]),
    ...(subject === null ? [] : [encodeURIComponent(wellFormed(subject))]),
  ].join(" ");
}

/** Keeps things in memory: several clients that share one are as tabs of one browser. */
export class MemoryStorage implements Storage {
  readonly name = `memory ${uuid()}`;
  #identity: KeptIdentity | null = null;
  readonly #links = new Map<string, KeptLink>();
  readonly #blocked = new Set<string>();
  /** By peer, in order of their numbers. */
  readonly #messages = new Map<string, KeptMessage[]>();
  readonly #outbox = new Map<string, KeptMessage>();
  readonly #values = new Map<string, unknown>();

  async identity(): Promise<KeptIdentity | null> {
    return this.#identity;
  }

  async saveIdentity(identity: KeptIdentity | null): Promise<void> {
    this.#identity = identity;
  }

  async links(): Promise<KeptLink[]> {
    return [...this.#links.values()];
  }

  async saveLink(link: KeptLink): Promise<void> {
    this.#links.set(link.peer, link);
  }

  async renewLink(link: KeptLink): Promise<void> {
    if (this.#links.get(link.peer)?.ended) {
      this.#messages.delete(link.peer);
    }
    this.#links.set(link.peer, link);
  }

  async dropLink(peer: string): Promise<void> {
    this.#links.delete(peer);
    this.#messages.delete(peer);
    for (const message of [...this.#outbox.values()]) {
      if (message.peer === peer) {
        this.#outbox.delete(message.id);
      }
    }
  }

  async blocked(): Promise<string[]> {
    return [...this.#blocked];
  }

  async saveBlocked(peer: string, blocked: boolean): Promise<void> {
    if (blocked) {
      this.#blocked.add(peer);
    } else {
      this.#blocked.delete(peer);
    }
  }

  async addMessages(messages: readonly KeptMessage[]): Promise<void> {
    for (const message of messages) {
      const kept = this.#messages.get(message.peer) ?? [];
      this.#messages.set(message.peer, kept);
      const at = position(kept, message.seq ?? 0);
      kept.splice(at, kept[at]?.seq === message.seq ? 1 : 0, message);
      if (message.mine) {
        this.#outbox.delete(message.id);
      }
    }
  }

  async messages(peer: string, before: number | null, limit: number): Promise<KeptMessage[]> {
    const kept = this.#messages.get(peer) ?? [];
    const end = before === null ? kept.length : position(kept, before);
    return kept.slice(Math.max(end - limit, 0), end);
  }

  async theirs(peer: string, after: number): Promise<number[]> {
    const kept = this.#messages.get(peer) ?? [];
    const found: number[] = [];
    for (const message of kept.slice(position(kept, after + 1))) {
      if (!message.mine && message.seq !== null) {
        found.push(message.seq);
      }
    }
    return found;
  }

  async outbox(): Promise<KeptMessage[]> {
    return [...this.#outbox.values()];
  }

  async putOutbox(message: KeptMessage): Promise<void> {
    this.#outbox.set(message.id, message);
  }

  async takeOutbox(id: string): Promise<void> {
    this.#outbox.delete(id);
  }

  async get<T>(key: string): Promise<T | undefined> {
    return this.#values.get(key) as T | undefined;
  }

  async set(key: string, value: unknown): Promise<void> {
    this.#values.set(key, value);
  }

  async clear(): Promise<void> {
    this.#identity = null;
    for (const kept of [this.#links, this.#blocked, this.#messages, this.#outbox, this.#values]) {
      kept.clear();
    }
  }
}

/** Where in messages that are in order the first stands whose number is at least `seq`. */
function position(messages: readonly KeptMessage[], seq: number): number {
  let low = 0;
  let high = messages.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((messages[middle]?.seq ?? 0) < seq) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}
