/**
 * One client for each server and each reader that a token names, however many widgets a page has: a
 * reader is one person to it.
 */
import {
  DuologueClient,
  IndexedDbStorage,
  MemoryStorage,
  type Storage,
  storageName,
} from "../client";
import type { Client, Options } from "../client/api";

/** How long a client stays connected when its last widget has gone: it may only be moving. */
const LINGER_MS = 2000;

export interface Shared {
  readonly client: Client;
  readonly storage: Storage;
}

interface Entry extends Shared {
  users: number;
  leaving: ReturnType<typeof setTimeout> | undefined;
}

const entries = new Map<string, Entry>();

/** The client for a server, made with these options if it is the first to be asked for. */
export function share(origin: string, path: string, options: Options): Shared {
  const { token } = options;
  const key = storageName({
    server: `duologue-widget ${origin}${path}`,
    ...(token ? { token } : {}),
  });
  let entry = entries.get(key);
  if (!entry) {
    const storage = storageOf(key);
    const client = new DuologueClient({ ...options, server: origin, path, storage });
    entry = { client, storage, users: 0, leaving: undefined };
    entries.set(key, entry);
  }
  clearTimeout(entry.leaving);
  entry.users += 1;
  return entry;
}

export function release(shared: Shared): void {
  for (const entry of entries.values()) {
    if (entry.client === shared.client) {
      entry.users -= 1;
      if (entry.users === 0) {
        entry.leaving = setTimeout(() => entry.client.close(), LINGER_MS);
      }
    }
  }
}

/** Sandboxed frames have no database. */
function storageOf(name: string): Storage {
  try {
    return typeof indexedDB === "undefined" ? new MemoryStorage() : new IndexedDbStorage(name);
  } catch {
    return new MemoryStorage();
  }
}

/** Resolves when the client is connected; rejects when it will not be. */
export function connected(client: Client): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = (): boolean => {
      const { status } = client;
      if (status.state === "refused") {
        reject(status.problem);
      } else if (status.state === "online") {
        resolve();
      }
      return status.state === "refused" || status.state === "online";
    };
    if (!look()) {
      const leave = client.on("status", () => {
        if (look()) {
          leave();
        }
      });
    }
  });
}
