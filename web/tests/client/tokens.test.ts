/** Clients whom tokens name. */

import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { DuologueError, MemoryStorage, subjectOf } from "../../src/client";
import { Company, link, until } from "./people";
import { DuologueServer } from "./server";
import { SECRET, token } from "./signed";

let server: DuologueServer;
let company: Company;

beforeAll(async () => {
  process.env.DUOLOGUE_AUTH_SECRET = SECRET;
  const flags = ["--store", "memory:", "--anonymous", "--auth-leeway-seconds", "0"];
  server = await DuologueServer.started(...flags);
  return () => server.remove();
});

beforeEach(() => {
  company = new Company(server);
});

afterEach(() => company.leave());

let count = 0;
const fresh = (name: string) => `${name} ${++count}`;

/** Two whom tokens name and who have talked; Ann keeps everything here. */
async function talked() {
  const storage = new MemoryStorage();
  const [annId, benId] = [fresh("ann"), fresh("ben")];
  const ann = await company.online({ token: token(annId), storage });
  const ben = await company.online({ token: token(benId) });
  await link(ann, ben);
  await ann.says(ben, "Between Ann and Ben");
  return { storage, ann, ben, annId, benId };
}

describe("two devices of one whom tokens name", () => {
  /** The same as two who have talked, with another device of Ann's. */
  async function devices() {
    const { ann, ben, annId } = await talked();
    const phone = await company.online({ token: token(annId) });
    await until(() => phone.link(ben)?.ended === false, "linked");
    return { ann, ben, phone };
  }

  it("both know that a link was closed on one of them", async () => {
    const { ann, ben, phone } = await devices();
    await phone.client.closeLink(ben.id);
    await until(() => ann.link(ben)?.ended, "ended");
    expect(ann.happenings).not.toContain("closed");
  });

  it("both know that somebody was blocked on one of them", async () => {
    const { ann, ben, phone } = await devices();
    await phone.client.block(ben.id);
    await until(() => ann.link(ben)?.ended, "ended");
    expect(ann.happenings).not.toContain("closed");
  });

  it("both know that a request was declined on one of them", async () => {
    const { ann, phone } = await devices();
    const cleo = await company.online();
    await cleo.client.request(ann.id);
    await until(() => ann.client.incoming.size && phone.client.incoming.size, "asked");
    await phone.client.decline(cleo.id);
    await until(() => ann.client.incoming.size === 0, "over");
    expect(ann.happenings).not.toContain("declined");
  });
});

describe("who a token names", () => {
  it("is known before there is a connection, from the second visit on", async () => {
    const { storage, ann, annId } = await talked();
    ann.client.close();
    const again = company.person({ token: token(annId), storage });
    await again.client.connect();
    expect(again.client.id).toBe(annId);
  });

  it("sees nothing of who was here before, and sends nothing of theirs", async () => {
    const { storage, ann, ben } = await talked();
    ann.client.close();
    await ann.client.connect();
    ann.client.close();
    await ann.client.send(ben.id, "Ann has written this");
    const cleo = company.person({ token: token(fresh("cleo")), storage });
    await cleo.client.connect();
    expect([...cleo.client.links]).toEqual([]);
    await until(() => cleo.client.status.state === "online", "online");
    await link(cleo, ben);
    expect(await cleo.contents(ben)).toEqual([]);
    expect(ben.heardFrom(cleo)).toEqual([]);
  });

  it("has what there is of their own links, where it takes the place of another", async () => {
    const { storage, ann, ben } = await talked();
    const cleoId = fresh("cleo");
    const elsewhere = await company.online({ token: token(cleoId) });
    await link(elsewhere, ben);
    await elsewhere.says(ben, "Between Cleo and Ben");
    ann.client.close();
    // Only the server can tell whose an opaque token is, and so it does for who is fetched late
    const cleo = await company.online({ token: async () => token(cleoId), storage });
    await until(() => cleo.link(ben)?.seq === 1, "linked");
    expect(await cleo.contents(ben)).toEqual(["Between Cleo and Ben"]);
  });

  it("leaves nothing to who comes without a token", async () => {
    const { storage, ann, ben } = await talked();
    ann.client.close();
    const dan = await company.online({ storage });
    await until(() => dan.client.id !== ann.id && dan.client.status.state === "online", "new");
    expect(dan.link(ben)).toBeUndefined();
    expect(await storage.links()).toEqual([]);
  });
});

describe("who has an ID of this browser", () => {
  it("has it again after a token has named somebody", async () => {
    const storage = new MemoryStorage();
    const dan = await company.online({ storage });
    const before = dan.id;
    dan.client.close();
    const ann = await company.online({ token: token(fresh("ann")), storage });
    ann.client.close();
    const again = await company.online({ storage });
    await until(() => again.client.id === before, "the same as before");
  });
});

describe("another token", () => {
  it("lets the session go on", async () => {
    const annId = fresh("ann");
    const ends = Date.now() + 2_000;
    const ann = await company.online({ token: token(annId, 2) });
    await ann.client.renew(token(annId));
    await until(() => Date.now() > ends + 500, "the first one is over");
    expect(ann.client.status.state).toBe("online");
  });

  it("begins again what was refused, in all tabs", async () => {
    const annId = fresh("ann");
    const storage = new MemoryStorage();
    const over = { token: token(annId, -60), storage };
    const [ann, tab] = [company.person(over), company.person(over)];
    for (const each of [ann, tab]) {
      await each.client.connect();
      await until(() => each.client.status.state === "refused", "refused");
    }
    expect(ann.client.status).toMatchObject({ problem: { code: "expired" } });
    await ann.client.renew(token(annId));
    await until(() => tab.client.status.state === "online", "the other tab is online");
    await until(() => ann.client.status.state === "online", "this one is online");
  });

  it("is refused if it is another client's, and changes nothing", async () => {
    const ann = await company.online({ token: token(fresh("ann")) });
    const refused = ann.client.renew(token(fresh("ben")));
    await expect(refused).rejects.toBeInstanceOf(DuologueError);
    await expect(refused).rejects.toMatchObject({ code: "unauthorized" });
    expect(ann.client.status.state).toBe("online");
  });
});

describe("erasing", () => {
  it("deletes what is here, and leaves the identity at the server", async () => {
    const { storage, ann, ben, annId } = await talked();
    await ann.client.erase();
    expect(await storage.identity()).toBeNull();
    const again = await company.online({ token: token(annId), storage });
    await until(() => again.link(ben)?.ended === false, "linked");
    expect(await again.contents(ben)).toEqual(["Between Ann and Ben"]);
  });
});

describe("subjectOf", () => {
  it("reads whose a token says that it is", () => {
    expect(subjectOf(token("Jürgen"))).toBe("Jürgen");
  });

  it("makes nothing of anything else", () => {
    for (const strange of ["", "a.b.c", "a.bnVsbA.c", "a.e30.c", null, undefined, () => "a"]) {
      expect(subjectOf(strange)).toBeNull();
    }
  });
});
