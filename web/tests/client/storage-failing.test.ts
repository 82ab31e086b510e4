/** Browsers that will not keep what they are given, or refuse to let tabs agree. */

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import {
  type KeptIdentity,
  type KeptLink,
  type KeptMessage,
  MemoryStorage,
} from "../../src/client";
import { Tabs } from "../../src/client/tabs";
import { Company, type Person, until } from "./people";
import { DuologueServer } from "./server";

/** Keeps nothing more once it is `full`, as a browser whose disk is; what is there can be read. */
class LimitedStorage extends MemoryStorage {
  full = false;
  unreadable = false;

  override async saveIdentity(identity: KeptIdentity | null): Promise<void> {
    this.#need(identity === null);
    await super.saveIdentity(identity);
  }

  override async addMessages(messages: readonly KeptMessage[]): Promise<void> {
    this.#need(false);
    await super.addMessages(messages);
  }

  override async links(): Promise<KeptLink[]> {
    if (this.unreadable) {
      throw new DOMException("Internal error", "UnknownError");
    }
    return super.links();
  }

  #need(none: boolean): void {
    if (this.full && !none) {
      throw new DOMException("The quota has been exceeded", "QuotaExceededError");
    }
  }
}

let server: DuologueServer;
let company: Company;

beforeEach(async () => {
  server = await DuologueServer.started("--resume-overlap-seconds", "1");
  company = new Company(server);
  vi.spyOn(console, "warn").mockImplementation(() => {});
});
afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  company.leave();
  await server.remove();
});

test("a browser that refuses locks lets people talk all the same", async () => {
  const request = () => Promise.reject(new DOMException("Access is denied", "SecurityError"));
  vi.stubGlobal("navigator", { onLine: true, locks: { request } });
  const { ann, ben } = await company.linked();
  await ann.says(ben, "hello");
  await until(() => ben.heard.length === 1);
});

test("work that fails while it holds a lock is not done again", async () => {
  const request = (_: string, __: LockOptions, work: () => Promise<unknown>) => work();
  vi.stubGlobal("navigator", { onLine: true, locks: { request } });
  const work = vi.fn(async () => Promise.reject(new Error("of its own")));
  await expect(new Tabs("any").alone("what", work)).rejects.toThrow("of its own");
  expect(work).toHaveBeenCalledTimes(1);
});

test("a tab that sleeps with a lock does not keep the others from working for ever", async () => {
  const request = (_: string, { signal }: LockOptions) =>
    new Promise((_, reject) => {
      signal?.addEventListener("abort", () => reject(signal.reason));
    });
  vi.stubGlobal("navigator", { onLine: true, locks: { request } });
  vi.useFakeTimers();
  const work = vi.fn(async () => "done");
  const done = new Tabs("any").alone("what", work);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(work).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(20_000);
  expect(await done).toBe("done");
});

test("what could not be read at first can be read later", async () => {
  const storage = new LimitedStorage();
  const ann = company.person({ storage });
  storage.unreadable = true;
  await expect(ann.client.connect()).rejects.toThrow("Internal error");
  storage.unreadable = false;
  await ann.comes();
});

/** The same page connects anew, when the tokens before its last one count no more. */
async function returns(person: Person): Promise<void> {
  person.client.close();
  await new Promise((resolve) => setTimeout(resolve, 1_300));
  await person.comes();
}

test("a token that cannot be kept is used as long as the page lasts", async () => {
  const storage = new LimitedStorage();
  const ann = await company.online({ storage });
  const { id } = ann;
  storage.full = true;
  await returns(ann);
  await returns(ann);
  await returns(ann);
  expect(ann.id).toBe(id);
});

test("a token that could not be kept is kept when there is room", async () => {
  const storage = new LimitedStorage();
  const ann = await company.online({ storage });
  const { id } = ann;
  storage.full = true;
  await returns(ann);
  storage.full = false;
  await returns(ann);
  ann.client.close();
  await new Promise((resolve) => setTimeout(resolve, 1_300));
  expect((await company.online({ storage })).id).toBe(id);
});

test("an identity that could not be kept from the first is still one", async () => {
  const storage = new LimitedStorage();
  storage.full = true;
  const ann = await company.online({ storage });
  const { id } = ann;
  await returns(ann);
  expect(ann.id).toBe(id);
});

test("what came while there was no room is shown, from the server", async () => {
  const storage = new LimitedStorage();
  const { ann, ben } = await company.linked({ ben: { storage } });
  await ann.says(ben, "one");
  await until(() => ben.heard.length === 1);
  await ben.client.history(ann.id);
  storage.full = true;
  await ann.says(ben, "two");
  await ben.client.send(ann.id, "three");
  await until(() => ben.heardFrom(ann).length === 2 && ben.client.unsent(ann.id).length === 0);
  expect(await ben.contents(ann)).toEqual(["one", "two", "three"]);
});
