import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { MemoryStorage, type Status } from "../../src/client";
import { Company, link, until } from "./people";
import { DuologueServer, Network } from "./server";

let server: DuologueServer;
let network: Network;
let company: Company;

beforeAll(async () => {
  server = await DuologueServer.started(
    ...["--takeover-timeout-seconds", "0.2", "--ping-interval", "1", "--ping-timeout", "1"],
  );
  network = await Network.to(server.port);
  company = new Company(server);
});
afterEach(async () => {
  company.leave();
  network.cut();
  network.up();
});
afterAll(async () => {
  await network.close();
  await server.remove();
});

test("who comes back is the same", async () => {
  const storage = new MemoryStorage();
  const { id, client } = await company.online({ storage });
  client.close();
  expect((await company.online({ storage })).id).toBe(id);
});

test("who comes back has a new token", async () => {
  const storage = new MemoryStorage();
  const { client } = await company.online({ storage });
  const before = (await storage.identity())?.resumeToken;
  client.close();
  await company.online({ storage });
  expect((await storage.identity())?.resumeToken).not.toBe(before);
});

test("who comes back knows the ID and the conversations before there is a connection", async () => {
  const storage = new MemoryStorage();
  const { ann, ben } = await company.linked({ ann: { storage } });
  await ben.says(ann, "hello");
  await until(() => ann.heard.length);
  ann.client.close();
  const again = company.person({ storage, server: "http://127.0.0.1:1" });
  await again.client.connect();
  expect([again.client.id, again.link(ben)?.last?.content, again.link(ben)?.unread]).toEqual([
    ann.id,
    "hello",
    1,
  ]);
});

test("what was missed follows, each message once and in order", async () => {
  const storage = new MemoryStorage();
  const { ann, ben } = await company.linked({ ben: { storage } });
  await ann.says(ben, "one");
  await until(() => ben.heard.length === 1);
  ben.client.close();
  await ann.says(ben, "two");
  await ann.says(ben, "three");
  const again = await company.online({ storage });
  await until(() => again.heard.length === 2);
  expect(await again.contents(ann)).toEqual(["one", "two", "three"]);
});

test("what was missed counts as unread", async () => {
  const storage = new MemoryStorage();
  const { ann, ben } = await company.linked({ ben: { storage } });
  ben.client.close();
  await ann.says(ben, "one");
  await ann.says(ben, "two");
  const again = await company.online({ storage });
  await until(() => again.heard.length === 2);
  expect(again.link(ann)?.unread).toBe(2);
});

test("what was read without a connection is told when there is one", async () => {
  const storage = new MemoryStorage();
  const { ann, ben } = await company.linked({ ben: { storage } });
  await ann.says(ben, "one");
  await until(() => ben.heard.length === 1);
  ben.client.close();
  ben.client.read(ann.id, 1);
  await company.online({ storage });
  await until(() => ann.link(ben)?.read === 1);
  expect(ann.link(ben)?.read).toBe(1);
});

test("what is written without a connection is sent when there is one", async () => {
  const { ann, ben } = await company.linked();
  ann.client.close();
  await ann.client.send(ben.id, "one");
  await ann.client.send(ben.id, "two");
  await ann.comes();
  await until(() => ben.heard.length === 2);
  expect(ben.heardFrom(ann)).toEqual(["one", "two"]);
});

test("what waits in the outbox survives a reload", async () => {
  const storage = new MemoryStorage();
  const { ann, ben } = await company.linked({ ann: { storage } });
  ann.client.close();
  const { id } = await ann.client.send(ben.id, "hello");
  await company.online({ storage });
  await until(() => ben.heard.length);
  expect(ben.heard[0]).toMatchObject({ id, content: "hello" });
});

test("a lost answer costs nothing: the message arrives once", async () => {
  const { ann, ben } = await company.linked({ ann: { server: network.url } });
  network.deafen();
  const { id } = await ann.client.send(ben.id, "hello");
  await until(() => ben.heard.length);
  network.cut();
  await ann.client.sent(id);
  await ann.says(ben, "more");
  await until(() => ben.heard.length > 1);
  expect(ben.heardFrom(ann)).toEqual(["hello", "more"]);
});

test("a message whose answer was lost has left the outbox", async () => {
  const { ann, ben } = await company.linked({ ann: { server: network.url } });
  network.deafen();
  await ann.client.send(ben.id, "hello");
  await until(() => ben.heard.length);
  network.cut();
  await until(() => ann.client.unsent(ben.id).length === 0);
  expect([await ann.storage.outbox(), await ann.contents(ben)]).toEqual([[], ["hello"]]);
});

test("connections that break again and again lose nothing and double nothing", async () => {
  const { ann, ben } = await company.linked({
    ann: { server: network.url },
    ben: { server: network.url },
  });
  const numbers = Array.from({ length: 60 }, (_, index) => index);
  for (const number of numbers) {
    await ann.client.send(ben.id, number);
    if (number % 20 === 10) {
      await until(() => ann.client.status.state === "online");
      network.cut();
      // Between two polls a break may pass without notice
      await new Promise((resolve) => setTimeout(resolve, 50));
      ann.client.retryNow();
      ben.client.retryNow();
    }
  }
  await until(() => ben.heard.length >= numbers.length);
  expect(ben.heardFrom(ann)).toEqual(numbers);
});

test("while there is no connection it says when it will try again", async () => {
  const ann = await company.online({ server: network.url });
  const told: Status[] = [];
  ann.client.on("status", (status) => told.push(status));
  const before = Date.now();
  network.down();
  await until(() => told.length);
  const [status] = told;
  const wait = status?.state === "waiting" ? status.retryAt - before : Number.NaN;
  expect([wait >= 450, wait < 1_500]).toEqual([true, true]);
});

test("it tries again when it said it would", async () => {
  const ann = await company.online({ server: network.url });
  let retryAt = 0;
  let tried = 0;
  ann.client.on("status", (status) => {
    retryAt = status.state === "waiting" ? status.retryAt : retryAt;
    tried = status.state === "connecting" ? Date.now() : tried;
  });
  network.down();
  await until(() => tried);
  expect(Math.abs(tried - retryAt)).toBeLessThan(100);
});

test("a link that was closed while one was away has ended", async () => {
  const storage = new MemoryStorage();
  const { ann, ben } = await company.linked({ ben: { storage } });
  await ann.says(ben, "hello");
  await until(() => ben.heard.length);
  ben.client.close();
  await ann.client.closeLink(ben.id);
  const again = await company.online({ storage });
  await until(() => again.link(ann)?.ended);
  expect(await again.contents(ann)).toEqual(["hello"]);
});

test("one of several links that was closed while one was away has ended", async () => {
  const storage = new MemoryStorage();
  const { ann, ben } = await company.linked({ ben: { storage } });
  const eve = await company.online();
  await link(eve, ben);
  ben.client.close();
  await ann.client.closeLink(ben.id);
  const again = await company.online({ storage });
  await until(() => again.link(ann)?.ended);
  expect(again.link(eve)?.ended).toBe(false);
});

/** A link with one message, closed and made anew while Ben is away. */
async function remadeWhileAway() {
  const storage = new MemoryStorage();
  const { ann, ben } = await company.linked({ ben: { storage } });
  await ann.says(ben, "old");
  await until(() => ben.heard.length);
  const { code } = await ben.client.invite();
  ben.client.close();
  await ann.client.closeLink(ben.id);
  await ann.client.redeem(code);
  return { ann, ben, storage };
}

test("a link that was made anew while one was away has nothing of the one before", async () => {
  const { ann, ben, storage } = await remadeWhileAway();
  await ann.says(ben, "new");
  const again = await company.online({ storage });
  await until(() => again.heard.length);
  expect(await again.contents(ann)).toEqual(["new"]);
  expect(await storage.messages(ann.id, null, 10)).toHaveLength(1);
});

test("a link that was made anew while one was away begins with nothing", async () => {
  const { ann, storage } = await remadeWhileAway();
  const again = await company.online({ storage });
  await until(() => again.link(ann)?.last === null);
  expect(await again.client.history(ann.id)).toEqual({ messages: [], more: false });
});

test("a link that was made anew while the network was down is told of as such", async () => {
  const { ann, ben } = await company.linked({ ben: { server: network.url } });
  await ann.says(ben, "old");
  await until(() => ben.heard.length);
  const { code } = await ben.client.invite();
  network.down();
  await ann.client.closeLink(ben.id);
  await ann.client.redeem(code);
  await ann.says(ben, "new");
  network.up();
  await until(() => ben.heard.length === 2);
  expect([ben.happenings.slice(-2), await ben.contents(ann)]).toEqual([
    ["closed", "established"],
    ["new"],
  ]);
});

test("what waited for a link does not go by the one that took its place", async () => {
  const { ann, ben, storage } = await remadeWhileAway();
  const { id } = await ben.client.send(ann.id, "for the old one");
  const again = await company.online({ storage });
  await until(() => again.client.unsent(ann.id)[0]?.state === "failed");
  await expect(again.client.sent(id)).rejects.toMatchObject({ code: "not_linked" });
  expect(ann.heardFrom(ben)).toEqual([]);
});

test("what waited for a link that was closed has failed", async () => {
  const storage = new MemoryStorage();
  const { ann, ben } = await company.linked({ ben: { storage } });
  ben.client.close();
  const { id } = await ben.client.send(ann.id, "hello");
  await ann.client.closeLink(ben.id);
  const again = await company.online({ storage });
  await until(() => again.client.unsent(ann.id)[0]?.state === "failed");
  await expect(again.client.sent(id)).rejects.toMatchObject({ code: "not_linked" });
});

test("a message that has failed can be tried again", async () => {
  const { ann, ben } = await company.linked();
  const eve = await company.online();
  const { id } = await ann.client.send(eve.id, "hello");
  await expect(ann.client.sent(id)).rejects.toMatchObject({ code: "not_linked" });
  await link(ann, eve);
  await ann.client.retry(id);
  await until(() => eve.heard.length);
  expect([eve.heardFrom(ann), ben.heard]).toEqual([["hello"], []]);
});

test("a message that has failed can be thrown away", async () => {
  const ann = await company.online();
  const eve = await company.online();
  const { id } = await ann.client.send(eve.id, "hello");
  await ann.client.sent(id).catch(() => undefined);
  await ann.client.discard(id);
  expect([ann.client.unsent(eve.id), await ann.storage.outbox()]).toEqual([[], []]);
});

test("a request that was made before is known after a break", async () => {
  const storage = new MemoryStorage();
  const ann = await company.online({ storage });
  const ben = await company.online();
  await ann.client.request(ben.id, "We met");
  ann.client.close();
  const again = await company.online({ storage });
  await until(() => again.client.outgoing.size);
  expect(again.client.outgoing.get(ben.id)?.note).toBe("We met");
});

test("an identity that is over is followed by a new one, and its links have ended", async () => {
  const storage = new MemoryStorage();
  const { ann, ben } = await company.linked({ ann: { storage } });
  const before = ann.id;
  ann.client.close();
  await storage.saveIdentity({ id: before, resumeToken: "of old", name: null });
  const again = await company.online({ storage });
  expect([again.id === before, again.identities.at(-1)?.fresh, again.link(ben)?.ended]).toEqual([
    false,
    true,
    true,
  ]);
});

test("without keep each connection is somebody new", async () => {
  const ann = await company.online({ keep: false });
  const before = ann.id;
  ann.client.close();
  await ann.comes();
  expect(ann.id).not.toBe(before);
});
