/** People who talk by a `DuologueClient`. */

import { vi } from "vitest";
import {
  DuologueClient,
  type Events,
  MemoryStorage,
  type Message,
  type Options,
  type Storage,
} from "../../src/client";

const PATIENCE_MS = 15_000;

// Machines that test much at once are slow
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

/** Wait until something is so. */
export async function until(isSo: () => unknown, what = "it is so"): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!isSo()) {
    if (Date.now() > end) {
      throw new Error(`waited in vain until ${what}: ${isSo}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export class Person {
  readonly client: DuologueClient;
  readonly storage: Storage;
  readonly happenings: string[] = [];
  readonly identities: Events["identity"][] = [];
  /** Messages that were told of as new, in order. */
  readonly heard: Message[] = [];

  constructor(options: Options) {
    this.storage = options.storage ?? new MemoryStorage();
    this.client = new DuologueClient({ ...options, storage: this.storage });
    this.client.on("happening", ({ kind }) => this.happenings.push(kind));
    this.client.on("identity", (identity) => this.identities.push(identity));
    this.client.on("message", ({ message, added }) => {
      if (added) {
        this.heard.push(message);
      }
    });
  }

  get id(): string {
    if (this.client.id === null) {
      throw new Error("has no ID yet");
    }
    return this.client.id;
  }

  /** The contents of the messages with somebody that were told of, without those of one's own. */
  heardFrom(peer: Person): unknown[] {
    return this.heard.filter((each) => each.peer === peer.id && !each.mine).map((m) => m.content);
  }

  link(peer: Person) {
    return this.client.links.get(peer.id);
  }

  async comes(): Promise<this> {
    await this.client.connect();
    await until(() => this.client.status.state === "online", "online");
    return this;
  }

  /** Write, and wait until the server has it. */
  async says(peer: Person, content: unknown): Promise<Message> {
    const { id } = await this.client.send(peer.id, content);
    return this.client.sent(id);
  }

  async contents(peer: Person): Promise<unknown[]> {
    return (await this.client.history(peer.id)).messages.map((message) => message.content);
  }
}

/** People at one server, all of whom leave in the end. */
export class Company {
  readonly #server: { readonly url: string };
  readonly #people: Person[] = [];

  constructor(server: { readonly url: string }) {
    this.#server = server;
  }

  /** Somebody with a browser of their own, unless they share a storage. */
  person(options: Options = {}): Person {
    const person = new Person({ server: this.#server.url, ...options });
    this.#people.push(person);
    return person;
  }

  online(options: Options = {}): Promise<Person> {
    return this.person(options).comes();
  }

  /** Two who have agreed to talk. */
  async linked(
    options: { ann?: Options; ben?: Options } = {},
  ): Promise<{ ann: Person; ben: Person }> {
    const ann = await this.online({ name: "Ann", ...options.ann });
    const ben = await this.online({ name: "Ben", ...options.ben });
    await link(ann, ben);
    return { ann, ben };
  }

  leave(): void {
    for (const { client } of this.#people) {
      client.close();
    }
  }
}

export async function link(one: Person, other: Person): Promise<void> {
  await one.client.request(other.id);
  await until(() => other.client.incoming.has(one.id), "asked");
  await other.client.accept(one.id);
  await until(() => one.link(other)?.ended === false && other.link(one)?.ended === false, "linked");
}
