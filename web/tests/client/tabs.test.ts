import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { MemoryStorage } from "../../src/client";
import { Company, link, type Person, until } from "./people";
import { DuologueServer } from "./server";

let server: DuologueServer;
let company: Company;

beforeAll(async () => {
  server = await DuologueServer.started("--store", "memory:");
  company = new Company(server);
});
afterEach(() => company.leave());
afterAll(() => server.remove());

/** Two tabs of Ann's, and Ben, who is linked with her. */
async function tabs(): Promise<{ one: Person; two: Person; ben: Person }> {
  const storage = new MemoryStorage();
  const one = await company.online({ storage, name: "Ann" });
  const two = await company.online({ storage });
  const ben = await company.online({ name: "Ben" });
  await link(one, ben);
  await until(() => two.link(ben));
  return { one, two, ben };
}

test("two tabs that are opened at once are one identity", async () => {
  const storage = new MemoryStorage();
  const [one, two] = await Promise.all([company.online({ storage }), company.online({ storage })]);
  expect(one.id).toBe(two.id);
});

test("five tabs that reconnect at once stay one identity", async () => {
  const storage = new MemoryStorage();
  const all = await Promise.all(Array.from({ length: 5 }, () => company.online({ storage })));
  for (const { client } of all) {
    client.close();
  }
  await Promise.all(all.map((person) => person.comes()));
  expect(new Set(all.map((person) => person.id)).size).toBe(1);
});

test("what one tab sends, the other has", async () => {
  const { one, two, ben } = await tabs();
  await one.says(ben, "hello");
  await until(() => two.link(ben)?.seq === 1);
  expect(two.link(ben)?.last).toMatchObject({ content: "hello", mine: true });
});

test("what one tab sends is new to the other once", async () => {
  const { one, two, ben } = await tabs();
  const { id } = await one.says(ben, "hello");
  await until(() => two.link(ben)?.seq === 1);
  expect(two.heard.map((message) => message.id)).toEqual([id]);
});

test("what one tab writes without a connection waits in the other too, and is sent once", async () => {
  const { one, two, ben } = await tabs();
  one.client.close();
  two.client.close();
  await two.client.connect();
  await one.client.send(ben.id, "hello");
  await until(() => two.client.status.state === "online");
  await one.comes();
  await until(() => ben.heard.length);
  await one.says(ben, "more");
  await until(() => ben.heard.length > 1);
  expect(ben.heardFrom(one)).toEqual(["hello", "more"]);
});

test("what two tabs write at the same time is sent once each", async () => {
  const { one, two, ben } = await tabs();
  const numbers = Array.from({ length: 50 }, (_, index) => index);
  for (const number of numbers) {
    await one.client.send(ben.id, number);
    await two.client.send(ben.id, number + 1_000);
  }
  await until(() => ben.heard.length >= 100);
  const heard = ben.heardFrom(one) as number[];
  expect([
    heard.filter((number) => number < 1_000),
    heard.filter((number) => number >= 1_000).map((number) => number - 1_000),
  ]).toEqual([numbers, numbers]);
});

test("both tabs have an empty outbox when everything is sent", async () => {
  const { one, two, ben } = await tabs();
  for (let number = 0; number < 20; number += 1) {
    await one.client.send(ben.id, number);
  }
  await until(() => ben.heard.length === 20 && two.link(ben)?.seq === 20);
  expect([one.client.unsent(ben.id), two.client.unsent(ben.id)]).toEqual([[], []]);
});

test("what was read in one tab has been read in the other", async () => {
  const { one, two, ben } = await tabs();
  await ben.says(one, "hello");
  await until(() => two.link(ben)?.unread === 1 && one.link(ben)?.unread === 1);
  one.client.read(ben.id, 1);
  await until(() => two.link(ben)?.unread === 0);
  expect(two.link(ben)?.readByMe).toBe(1);
});

test("a request that is declined in one tab is gone in the other", async () => {
  const { one, two } = await tabs();
  const eve = await company.online();
  await eve.client.request(one.id);
  await until(() => one.client.incoming.size && two.client.incoming.size);
  await one.client.decline(eve.id);
  await until(() => two.client.incoming.size === 0);
  expect(two.happenings.at(-1)).toBe("requested");
});

test("a request that is made in one tab is known in the other", async () => {
  const { one, two } = await tabs();
  const eve = await company.online();
  await one.client.request(eve.id, "It is me");
  await until(() => two.client.outgoing.size);
  expect(two.client.outgoing.get(eve.id)?.note).toBe("It is me");
});

test("a link that is closed in one tab is gone in the other", async () => {
  const { one, two, ben } = await tabs();
  await one.client.closeLink(ben.id);
  await until(() => two.link(ben) === undefined);
  expect(two.client.links.size).toBe(0);
});

test("a link that is closed in one tab is no news to the other, and is kept by neither", async () => {
  const { one, two, ben } = await tabs();
  const before = [...two.happenings];
  await one.client.closeLink(ben.id);
  await until(() => two.link(ben) === undefined);
  await two.client.rename("Anna"); // kept after all that was to be kept before
  expect([two.happenings, await two.storage.links()]).toEqual([before, []]);
});

test("who is blocked in one tab is blocked in the other", async () => {
  const { one, two, ben } = await tabs();
  await one.client.block(ben.id);
  await until(() => two.client.blocked.has(ben.id));
  expect(two.link(ben)?.ended).toBe(true);
});

test("a new name in one tab is the name in the other", async () => {
  const { one, two } = await tabs();
  await one.client.rename("Anna");
  await until(() => two.client.name === "Anna");
  expect(two.client.name).toBe("Anna");
});

test("forgetting in one tab is forgetting in the other", async () => {
  const { one, two } = await tabs();
  let forgotten = false;
  two.client.on("forgotten", () => {
    forgotten = true;
  });
  await one.client.forget();
  await until(() => forgotten);
  expect([two.client.id, two.client.links.size, two.client.status.state]).toEqual([
    null,
    0,
    "idle",
  ]);
});
