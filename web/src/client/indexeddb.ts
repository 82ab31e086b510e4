import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { KeptIdentity, KeptLink, KeptMessage, Storage } from "./api";

const VERSION = 1;

/** A message as it stands in the database: `theirs` only where the peer wrote it. */
interface Row extends KeptMessage {
  readonly theirs?: number;
}

interface Schema extends DBSchema {
  identity: { key: number; value: KeptIdentity };
  links: { key: string; value: KeptLink };
  blocked: { key: string; value: true };
  messages: {
    key: [string, number];
    value: Row;
    indexes: { theirs: [string, number] };
  };
  outbox: { key: number; value: KeptMessage; indexes: { id: string; peer: string } };
  values: { key: string; value: unknown };
}

const STORES = ["identity", "links", "blocked", "messages", "outbox", "values"] as const;

/** Keeps things in the browser's database, for all pages of one origin that use the same name. */
export class IndexedDbStorage implements Storage {
  readonly name: string;
  #opening: Promise<IDBPDatabase<Schema>> | null = null;

  constructor(name = "duologue") {
    this.name = name;
  }

  async identity(): Promise<KeptIdentity | null> {
    return (await (await this.#open()).get("identity", 0)) ?? null;
  }

  async saveIdentity(identity: KeptIdentity | null): Promise<void> {
    const database = await this.#open();
    await (identity ? database.put("identity", identity, 0) : database.delete("identity", 0));
  }

  async links(): Promise<KeptLink[]> {
    return (await this.#open()).getAll("links");
  }

  async saveLink(link: KeptLink): Promise<void> {
    await (await this.#open()).put("links", link);
  }

  async renewLink(link: KeptLink): Promise<void> {
    const change = whole((await this.#open()).transaction(["links", "messages"], "readwrite"));
    const before = await change.objectStore("links").get(link.peer);
    if (before?.ended) {
      await change.objectStore("messages").delete(ofPeer(link.peer));
    }
    await change.objectStore("links").put(link);
    await change.done;
  }

  async dropLink(peer: string): Promise<void> {
    const change = whole(
      (await this.#open()).transaction(["links", "messages", "outbox"], "readwrite"),
    );
    const outbox = change.objectStore("outbox");
    await change.objectStore("links").delete(peer);
    await change.objectStore("messages").delete(ofPeer(peer));
    for (const key of await outbox.index("peer").getAllKeys(peer)) {
      await outbox.delete(key);
    }
    await change.done;
  }

  async blocked(): Promise<string[]> {
    return (await this.#open()).getAllKeys("blocked");
  }

  async saveBlocked(peer: string, blocked: boolean): Promise<void> {
    const database = await this.#open();
    await (blocked ? database.put("blocked", true, peer) : database.delete("blocked", peer));
  }

  async addMessages(messages: readonly KeptMessage[]): Promise<void> {
    const change = whole((await this.#open()).transaction(["messages", "outbox"], "readwrite"));
    const outbox = change.objectStore("outbox");
    const mine = messages.filter((message) => message.mine);
    const keys = await Promise.all(mine.map(({ id }) => outbox.index("id").getKey(id)));
    const done: Promise<unknown>[] = [change.done];
    for (const message of messages) {
      const { seq } = message;
      const row = message.mine || seq === null ? message : { ...message, theirs: seq };
      done.push(change.objectStore("messages").put(row));
    }
    for (const key of keys) {
      if (key !== undefined) {
        done.push(outbox.delete(key));
      }
    }
    await Promise.all(done);
  }

  async messages(peer: string, before: number | null, limit: number): Promise<KeptMessage[]> {
    const database = await this.#open();
    const range = ofPeer(peer, 0, before ?? Number.POSITIVE_INFINITY);
    const found: KeptMessage[] = [];
    // Backwards from the end: there may be very many before those that are wanted
    let cursor = await database.transaction("messages").store.openCursor(range, "prev");
    while (cursor && found.length < limit) {
      const { theirs, ...message } = cursor.value;
      found.push(message);
      if (found.length < limit) {
        cursor = await cursor.continue();
      }
    }
    return found.reverse();
  }

  async theirs(peer: string, after: number): Promise<number[]> {
    const range = ofPeer(peer, after + 1);
    const keys = await (await this.#open()).getAllKeysFromIndex("messages", "theirs", range);
    return keys.map(([, seq]) => seq);
  }

  async outbox(): Promise<KeptMessage[]> {
    return (await this.#open()).getAll("outbox");
  }

  async putOutbox(message: KeptMessage): Promise<void> {
    const change = whole((await this.#open()).transaction("outbox", "readwrite"));
    const key = await change.store.index("id").getKey(message.id);
    await change.store.put(message, key);
    await change.done;
  }

  async takeOutbox(id: string): Promise<void> {
    const change = whole((await this.#open()).transaction("outbox", "readwrite"));
    const key = await change.store.index("id").getKey(id);
    if (key !== undefined) {
      await change.store.delete(key);
    }
    await change.done;
  }

  async get<T>(key: string): Promise<T | undefined> {
    return (await (await this.#open()).get("values", key)) as T | undefined;
  }

  async set(key: string, value: unknown): Promise<void> {
    await (await this.#open()).put("values", value, key);
  }

  async clear(): Promise<void> {
    const change = whole((await this.#open()).transaction(STORES, "readwrite"));
    await Promise.all(STORES.map((store) => change.objectStore(store).clear()));
    await change.done;
  }

  #open(): Promise<IDBPDatabase<Schema>> {
    if (!this.#opening) {
      const opening = openDB<Schema>(this.name, VERSION, {
        upgrade: create,
        // Another tab has a newer page that wants to change the database, or deletes it
        blocking: () => this.#close(opening),
        terminated: () => this.#close(opening),
      });
      this.#opening = opening;
      opening.catch(() => this.#close(opening));
    }
    return this.#opening;
  }

  #close(opening: Promise<IDBPDatabase<Schema>>): void {
    if (this.#opening === opening) {
      this.#opening = null;
    }
    opening.then(
      (database) => database.close(),
      () => undefined,
    );
  }
}

function create(database: IDBPDatabase<Schema>): void {
  database.createObjectStore("identity");
  database.createObjectStore("links", { keyPath: "peer" });
  database.createObjectStore("blocked");
  const messages = database.createObjectStore("messages", { keyPath: ["peer", "seq"] });
  messages.createIndex("theirs", ["peer", "theirs"]);
  const outbox = database.createObjectStore("outbox", { autoIncrement: true });
  outbox.createIndex("id", "id", { unique: true });
  outbox.createIndex("peer", "peer");
  database.createObjectStore("values");
}

/** A change whose failure is told by the step that fails, and not once more by its end. */
function whole<T extends { readonly done: Promise<void> }>(change: T): T {
  change.done.catch(() => undefined);
  return change;
}

/** Keys of messages with a peer, from a number on and before another. */
function ofPeer(peer: string, from = 0, before = Number.POSITIVE_INFINITY): IDBKeyRange {
  return IDBKeyRange.bound([peer, from], [peer, before], false, true);
}
