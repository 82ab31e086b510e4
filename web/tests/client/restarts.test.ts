import { afterEach, beforeEach, expect, test } from "vitest";
import { Company, until } from "./people";
import { DuologueServer } from "./server";

let server: DuologueServer;
let company: Company;

beforeEach(async () => {
  server = await DuologueServer.started("--ping-interval", "1", "--grace-seconds", "1");
  company = new Company(server);
});
afterEach(async () => {
  company.leave();
  await server.remove();
});

test("a server that is killed while messages are on their way loses none and doubles none", async () => {
  const { ann, ben } = await company.linked();
  const numbers = Array.from({ length: 200 }, (_, index) => index);
  for (const number of numbers) {
    await ann.client.send(ben.id, number);
  }
  await until(() => ben.heard.length > 20);
  await server.kill();
  await server.start();
  await until(() => ben.heard.length >= numbers.length);
  expect(ben.heardFrom(ann)).toEqual(numbers);
});

test("both sides agree on what was said after a restart", async () => {
  const { ann, ben } = await company.linked();
  await ann.says(ben, "before");
  await server.kill();
  const { id } = await ann.client.send(ben.id, "meanwhile");
  await server.start();
  await ann.client.sent(id);
  await until(() => ben.heard.length === 2);
  expect(await ben.contents(ann)).toEqual(await ann.contents(ben));
});

test("a server that stops says so first", async () => {
  const { client } = await company.online();
  const states: string[] = [];
  client.on("status", ({ state }) => states.push(state));
  await server.stop();
  await until(() => states.includes("waiting"));
  expect(states.slice(0, 2)).toEqual(["draining", "waiting"]);
});

test("what is larger than the server takes is refused before it is sent", async () => {
  const { ann, ben } = await company.linked();
  const tooLarge = new ArrayBuffer((ann.client.maxBytes ?? 0) + 1);
  await expect(ann.client.send(ben.id, tooLarge)).rejects.toMatchObject({ code: "too_large" });
});

test("the largest message that the server takes arrives", async () => {
  const { ann, ben } = await company.linked();
  await ann.says(ben, { data: new ArrayBuffer(ann.client.maxBytes ?? 0), name: "x".repeat(900) });
  await until(() => ben.heard.length);
  expect(ben.heard[0]?.content).toMatchObject({ data: expect.any(ArrayBuffer) });
});

test("the longest text that the server takes arrives", async () => {
  const { ann, ben } = await company.linked();
  await ann.says(ben, "ä".repeat(((ann.client.maxBytes ?? 0) - 2) / 2));
  await until(() => ben.heard.length);
  expect(ann.client.status.state).toBe("online");
});

test("the largest message arrives also where it has to wait for WebSocket", async () => {
  const { ann, ben } = await company.linked();
  ann.client.close();
  await ann.client.send(ben.id, new ArrayBuffer(ann.client.maxBytes ?? 0));
  await ann.client.connect();
  await until(() => ben.heard.length);
  expect(ben.heard).toHaveLength(1);
});

test("the largest message fails where there is no WebSocket", async () => {
  await server.remove();
  server = await DuologueServer.started("--transports", "polling");
  company = new Company(server);
  const { ann, ben } = await company.linked();
  const { id } = await ann.client.send(ben.id, new ArrayBuffer(ann.client.maxBytes ?? 0));
  await expect(ann.client.sent(id)).rejects.toMatchObject({ code: "too_large" });
});

test("content that no JSON can carry is made into what can be", async () => {
  const { ann, ben } = await company.linked();
  await ann.says(ben, { half: "\ud800", not: Number.NaN, gone: undefined, list: [undefined, -0] });
  await until(() => ben.heard.length);
  expect(ben.heard[0]?.content).toEqual({ half: "\ufffd", not: null, list: [null, 0] });
});

test("content as deep as the server takes arrives", async () => {
  const { ann, ben } = await company.linked();
  let deep: unknown = new ArrayBuffer(1);
  for (let depth = 0; depth < 29; depth += 1) {
    deep = [deep];
  }
  await ann.says(ben, deep);
  expect(ann.client.status.state).toBe("online");
});

test.each([
  [
    "deeper than the server takes",
    Array.from({ length: 40 }).reduce((deep) => [deep], "x" as unknown),
  ],
  ["a bigint", 1n],
  ["a key of Socket.IO's own", { _placeholder: true, num: 0 }],
  ["nothing", undefined],
])("content that cannot be sent is refused: %s", async (_, content) => {
  const { ann, ben } = await company.linked();
  await expect(ann.client.send(ben.id, content)).rejects.toMatchObject({ code: "invalid" });
});

test("more attachments than a packet takes are refused", async () => {
  const { ann, ben } = await company.linked();
  const content = Array.from({ length: 11 }, () => new ArrayBuffer(1));
  await expect(ann.client.send(ben.id, content)).rejects.toMatchObject({ code: "too_large" });
});

test("a name that is too long is cut when connecting", async () => {
  const ann = company.person({ name: "x".repeat(65) });
  await ann.client.connect();
  await until(() => ann.client.status.state === "online");
  expect(ann.client.name).toHaveLength(64);
});
