import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
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

async function several(ann: Person, ben: Person, count: number): Promise<void> {
  for (let number = 1; number <= count; number += 1) {
    await ann.client.send(ben.id, number);
  }
  await until(() => ann.client.unsent(ben.id).length === 0, "all sent");
}

test("a first visit gives an ID", async () => {
  const ann = await company.online();
  expect(ann.identities).toEqual([{ id: ann.id, fresh: true, another: false }]);
});

test("a request arrives with name and note", async () => {
  const ann = await company.online({ name: "Ann" });
  const ben = await company.online();
  await ann.client.request(ben.id, "We met");
  await until(() => ben.client.incoming.size);
  expect(ben.client.incoming.get(ann.id)).toMatchObject({ name: "Ann", note: "We met" });
});

test("a request is known to the one who made it", async () => {
  const ann = await company.online();
  const ben = await company.online();
  await ann.client.request(ben.id, "We met");
  expect(ann.client.outgoing.get(ben.id)).toMatchObject({ note: "We met" });
});

test("an accepted request links both", async () => {
  const { ann, ben } = await company.linked();
  expect([ann.link(ben)?.name, ben.link(ann)?.name]).toEqual(["Ben", "Ann"]);
});

test("who asked is told that the other has agreed, and who agreed is not", async () => {
  const { ann, ben } = await company.linked();
  expect([ann.happenings, ben.happenings]).toEqual([["established"], ["requested"]]);
});

test("a declined request is gone on both sides", async () => {
  const ann = await company.online();
  const ben = await company.online();
  await ann.client.request(ben.id);
  await until(() => ben.client.incoming.size);
  await ben.client.decline(ann.id);
  await until(() => ann.happenings.includes("declined"));
  expect([ann.client.outgoing.size, ben.client.incoming.size]).toEqual([0, 0]);
});

test("asking again after a decline is refused with the time to wait", async () => {
  const ann = await company.online();
  const ben = await company.online();
  await ann.client.request(ben.id);
  await until(() => ben.client.incoming.size);
  await ben.client.decline(ann.id);
  await expect(ann.client.request(ben.id)).rejects.toMatchObject({
    code: "rate_limited",
    retryAfter: expect.any(Number),
  });
});

test("a cancelled request is gone on both sides", async () => {
  const ann = await company.online();
  const ben = await company.online();
  await ann.client.request(ben.id);
  await until(() => ben.client.incoming.size);
  await ann.client.cancel(ben.id);
  await until(() => ben.happenings.includes("cancelled"));
  expect([ann.client.outgoing.size, ben.client.incoming.size]).toEqual([0, 0]);
});

test("an ID that there is not is refused", async () => {
  const ann = await company.online();
  await expect(ann.client.request("nobody")).rejects.toMatchObject({ code: "not_found" });
});

test("who is blocked sees that the link is closed", async () => {
  const { ann, ben } = await company.linked();
  await ben.client.block(ann.id);
  await until(() => ann.link(ben)?.ended);
  expect(ann.happenings.at(-1)).toBe("closed");
});

test("who blocks keeps what was said, on a link that has ended", async () => {
  const { ann, ben } = await company.linked();
  await ann.says(ben, "hello");
  await until(() => ben.heard.length);
  await ben.client.block(ann.id);
  expect([ben.link(ann)?.ended, await ben.contents(ann)]).toEqual([true, ["hello"]]);
});

test("whom one blocks, one cannot ask", async () => {
  const { ann, ben } = await company.linked();
  await ben.client.block(ann.id);
  await expect(ben.client.request(ann.id)).rejects.toMatchObject({ code: "blocked" });
});

test("whom one has unblocked, one can ask", async () => {
  const { ann, ben } = await company.linked();
  await ben.client.block(ann.id);
  await ben.client.unblock(ann.id);
  expect(await ben.client.request(ann.id)).toBe("requested");
});

test("what was said on a link that has ended ends where nothing more is kept", async () => {
  const { ann, ben } = await company.linked();
  await several(ann, ben, 5);
  const kept = await ann.storage.messages(ben.id, null, 2);
  await ben.client.closeLink(ann.id);
  await until(() => ann.link(ben)?.ended);
  const [link] = await ann.storage.links();
  await ann.storage.dropLink(ben.id);
  await ann.storage.addMessages(kept);
  if (link) {
    await ann.storage.saveLink(link);
  }
  const { messages, more } = await ann.client.history(ben.id);
  expect([messages.map((message) => message.seq), more]).toEqual([[4, 5], false]);
});

test("closing a link ends it for the other and deletes it here", async () => {
  const { ann, ben } = await company.linked();
  await ann.says(ben, "hello");
  await ann.client.closeLink(ben.id);
  await until(() => ben.link(ann)?.ended);
  expect([ann.link(ben), await ann.storage.messages(ben.id, null, 1)]).toEqual([undefined, []]);
});

test("what cannot be sent any more has failed", async () => {
  const { ann, ben } = await company.linked();
  await ben.client.closeLink(ann.id);
  await until(() => ann.link(ben)?.ended);
  await expect(ann.client.send(ben.id, "hello")).rejects.toMatchObject({ code: "not_linked" });
});

test("a link that is made anew begins without what was said before", async () => {
  const { ann, ben } = await company.linked();
  await ann.says(ben, "old");
  await ben.client.closeLink(ann.id);
  await until(() => ann.link(ben)?.ended);
  await link(ann, ben);
  await ann.says(ben, "new");
  expect(await ann.contents(ben)).toEqual(["new"]);
});

test("a link that is made anew has nothing before its first message", async () => {
  const { ann, ben } = await company.linked();
  await several(ann, ben, 3);
  await ben.client.closeLink(ann.id);
  await until(() => ann.link(ben)?.ended);
  await link(ann, ben);
  await ann.says(ben, "new");
  expect((await ann.client.history(ben.id)).more).toBe(false);
});

test("an invitation links who redeems it with its maker", async () => {
  const ann = await company.online();
  const ben = await company.online();
  const { code } = await ann.client.invite();
  expect(await ben.client.redeem(code)).toBe(ann.id);
});

test("who made an invitation is told who has come by it", async () => {
  const ann = await company.online();
  const ben = await company.online();
  await ben.client.redeem((await ann.client.invite()).code);
  await until(() => ann.link(ben));
  expect([ann.happenings, ben.happenings]).toEqual([["established"], []]);
});

test("an invitation that was revoked is not valid", async () => {
  const ann = await company.online();
  const ben = await company.online();
  const { code } = await ann.client.invite();
  await ann.client.revoke(code);
  await expect(ben.client.redeem(code)).rejects.toMatchObject({ code: "expired" });
});

test("who made an invitation is told that it was tried once too often", async () => {
  const ann = await company.online();
  const crowded: string[] = [];
  ann.client.on("crowded", ({ code }) => crowded.push(code));
  const { code } = await ann.client.invite();
  await (await company.online()).client.redeem(code);
  await (await company.online()).client.redeem(code).catch(() => undefined);
  await until(() => crowded.length);
  expect(crowded).toEqual([code]);
});

test("messages arrive in the order in which they were written", async () => {
  const { ann, ben } = await company.linked();
  const numbers = Array.from({ length: 200 }, (_, index) => index);
  await Promise.all(numbers.map((number) => ann.client.send(ben.id, number)));
  await until(() => ben.heard.length >= 200);
  expect(ben.heardFrom(ann)).toEqual(numbers);
});

test("a message has its number from the server", async () => {
  const { ann, ben } = await company.linked();
  await ann.says(ben, "one");
  expect(await ann.says(ben, "two")).toMatchObject({ seq: 2, mine: true });
});

test("a message is new once, and then changes its state", async () => {
  const { ann, ben } = await company.linked();
  const told: unknown[] = [];
  ann.client.on("message", ({ message, added }) => told.push([message.state, added]));
  await ann.says(ben, "hello");
  expect(told).toEqual([
    ["sending", true],
    ["delivered", false],
  ]);
});

test("a message to somebody who is away is stored", async () => {
  const { ann, ben } = await company.linked();
  ben.client.close();
  await until(() => ann.link(ben)?.online === false);
  expect(await ann.says(ben, "hello")).toMatchObject({ state: "stored" });
});

test("who wrote a message learns that it was delivered, by itself", async () => {
  const { ann, ben } = await company.linked();
  await ann.says(ben, "hello");
  await until(() => ann.link(ben)?.delivered === 1);
  expect(ann.link(ben)?.read).toBe(0);
});

test("who wrote a message learns that it was read", async () => {
  const { ann, ben } = await company.linked();
  await ann.says(ben, "hello");
  await until(() => ben.heard.length);
  ben.client.read(ann.id, 1);
  await until(() => ann.link(ben)?.read === 1);
  expect((await ann.client.history(ben.id)).messages[0]?.state).toBe("read");
});

test("messages are unread until they have been read", async () => {
  const { ann, ben } = await company.linked();
  await several(ann, ben, 3);
  await until(() => ben.link(ann)?.unread === 3);
  ben.client.read(ann.id, 2);
  expect(ben.link(ann)?.unread).toBe(1);
});

test("receipts for many messages are few", async () => {
  const { ann, ben } = await company.linked();
  let changes = 0;
  ann.client.on("links", () => {
    changes += ann.link(ben)?.delivered ? 1 : 0;
  });
  await several(ann, ben, 100);
  await until(() => ann.link(ben)?.delivered === 100);
  expect(changes).toBeLessThan(120);
});

test("one sees that the other types, until a message comes", async () => {
  const { ann, ben } = await company.linked();
  ann.client.typing(ben.id, true);
  await until(() => ben.link(ann)?.typing);
  await ann.says(ben, "hello");
  await until(() => ben.heard.length);
  expect(ben.link(ann)?.typing).toBe(false);
});

test("a signal arrives with its binary", async () => {
  const { ann, ben } = await company.linked();
  const signals: unknown[] = [];
  ben.client.on("signal", (signal) => signals.push(signal));
  await ann.client.signal(ben.id, { call: new Uint8Array([1, 2]) });
  await until(() => signals.length);
  const data = new Uint8Array([1, 2]).buffer;
  expect(signals).toEqual([{ from: ann.id, data: { call: data } }]);
});

test("presence is told", async () => {
  const { ann, ben } = await company.linked();
  ben.client.close();
  await until(() => ann.link(ben)?.online === false);
  expect(ann.link(ben)?.lastSeen).toBeGreaterThan(Date.now() - 60_000);
});

test("older messages come page by page, from here", async () => {
  const { ann, ben } = await company.linked();
  await several(ann, ben, 25);
  const last = await ann.client.history(ben.id, { limit: 10 });
  const before = last.messages[0]?.seq ?? 0;
  const page = await ann.client.history(ben.id, { before, limit: 10 });
  expect(page.messages.map((message) => message.seq)).toEqual([6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
});

test("there are no more messages than there are", async () => {
  const { ann, ben } = await company.linked();
  await several(ann, ben, 3);
  expect((await ann.client.history(ben.id, { limit: 3 })).more).toBe(false);
});

test("what is not kept here comes from the server", async () => {
  const { ann, ben } = await company.linked();
  await several(ann, ben, 30);
  const link = (await ann.storage.links())[0];
  await ann.storage.dropLink(ben.id);
  if (link) {
    await ann.storage.saveLink(link);
  }
  const page = await ann.client.history(ben.id, { limit: 20 });
  expect([page.messages.length, page.messages[0]?.seq, page.more]).toEqual([20, 11, true]);
});

test("a new name is told to those who are asked from then on", async () => {
  const ann = await company.online({ name: "Ann" });
  const ben = await company.online();
  await ann.client.rename("Anna");
  await until(() => ann.client.status.state === "online");
  await ann.client.request(ben.id);
  await until(() => ben.client.incoming.size);
  expect(ben.client.incoming.get(ann.id)?.name).toBe("Anna");
});

test("whoever is forgotten has nothing left here", async () => {
  const { ann, ben } = await company.linked();
  await ann.says(ben, "hello");
  await ann.client.forget();
  expect([ann.client.id, ann.client.links.size, await ann.storage.identity()]).toEqual([
    null,
    0,
    null,
  ]);
});

test("whoever is forgotten has closed their links", async () => {
  const { ann, ben } = await company.linked();
  const before = ann.id;
  await ann.client.forget();
  await until(() => ben.client.links.get(before)?.ended);
  expect(ben.happenings.at(-1)).toBe("closed");
});

test("whoever is forgotten can begin anew", async () => {
  const ann = await company.online();
  const before = ann.id;
  await ann.client.forget();
  await ann.comes();
  expect(ann.id).not.toBe(before);
});

test("without a connection asking is refused at once", async () => {
  const ann = await company.online();
  ann.client.close();
  await expect(ann.client.request("somebody")).rejects.toMatchObject({ code: "unavailable" });
});

test("what is asked while the connection is being made waits for it", async () => {
  const ben = await company.online();
  const ann = company.person();
  await ann.client.connect();
  expect(ann.client.status.state).toBe("connecting");
  await ann.client.request(ben.id);
  expect(ann.client.status.state).toBe("online");
});

test("what is asked of a server that is not there is refused", async () => {
  const ann = company.person({ server: "http://127.0.0.1:1" });
  await ann.client.connect();
  await expect(ann.client.request("somebody")).rejects.toMatchObject({ code: "unavailable" });
});

test("a name that is too long is refused", async () => {
  const ann = await company.online();
  await expect(ann.client.rename("a".repeat(65))).rejects.toMatchObject({ code: "invalid" });
});
