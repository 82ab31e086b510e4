import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { MemoryStorage } from "../../src/client";
import { Company, link, until } from "./people";
import { DuologueServer } from "./server";

let server: DuologueServer;
let company: Company;

beforeAll(async () => {
  server = await DuologueServer.started(
    ...["--store", "memory:", "--messages-per-minute", "60", "--queue-max", "3"],
    ...["--request-ttl-seconds", "0.5", "--max-sessions-per-client", "2"],
  );
  company = new Company(server);
});
afterEach(() => company.leave());
afterAll(() => server.remove());

test("messages that are too many at once are sent later, in order", async () => {
  const { ann, ben } = await company.linked();
  const numbers = Array.from({ length: 62 }, (_, index) => index);
  for (const number of numbers) {
    await ann.client.send(ben.id, number);
  }
  await until(() => ben.heard.length >= numbers.length);
  expect(ben.heardFrom(ann)).toEqual(numbers);
});

test("messages for somebody with a full queue wait here until they are back", async () => {
  const storage = new MemoryStorage();
  const { ann, ben } = await company.linked({ ben: { storage } });
  ben.client.close();
  await until(() => ann.link(ben)?.online === false);
  for (let number = 0; number < 5; number += 1) {
    await ann.client.send(ben.id, number);
  }
  await until(() => ann.client.unsent(ben.id).length === 2);
  const again = await company.online({ storage });
  await until(() => again.heard.length === 5);
  expect(again.heardFrom(ann)).toEqual([0, 1, 2, 3, 4]);
});

test("what waits for one does not keep up what is for another", async () => {
  const { ann, ben } = await company.linked();
  const eve = await company.online();
  await link(ann, eve);
  ben.client.close();
  await until(() => ann.link(ben)?.online === false);
  for (let number = 0; number < 5; number += 1) {
    await ann.client.send(ben.id, number);
  }
  await until(() => ann.client.unsent(ben.id).length === 2);
  await ann.says(eve, "hello");
  expect(ann.client.unsent(ben.id).map((message) => message.state)).toEqual(["sending", "sending"]);
});

test("a request that nobody answers ends on both sides", async () => {
  const ann = await company.online();
  const ben = await company.online();
  await ann.client.request(ben.id);
  await until(() => ann.happenings.includes("expired") && ben.happenings.includes("expired"));
  expect([ann.client.outgoing.size, ben.client.incoming.size]).toEqual([0, 0]);
});

test("a tab too many tries again later", async () => {
  const storage = new MemoryStorage();
  await company.online({ storage });
  await company.online({ storage });
  const third = company.person({ storage });
  await third.client.connect();
  await until(() => third.client.status.state === "waiting");
  expect(third.client.id).toBe((await storage.identity())?.id);
});

test("what came while the connection was broken is told as it happened", async () => {
  const { ann, ben } = await company.linked();
  const eve = await company.online();
  ben.client.close();
  await ann.client.closeLink(ben.id);
  await eve.client.request(ben.id);
  await ben.comes();
  await until(() => ben.happenings.length >= 3);
  expect(ben.happenings).toEqual(["requested", "closed", "requested"]);
});
