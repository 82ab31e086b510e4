/** What an open conversation shows of a link, whatever becomes of that. */

import { afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { MemoryStorage } from "../../src/client";
import { Talk } from "../../src/conversation/talk";
import { Company, link, type Person, until } from "../client/people";
import { DuologueServer, Network } from "../client/server";
import { SECRET, token } from "../client/signed";

let server: DuologueServer;
let company: Company;

beforeAll(async () => {
  process.env.DUOLOGUE_AUTH_SECRET = SECRET;
  server = await DuologueServer.started("--store", "memory:", "--anonymous");
  return () => server.remove();
});

beforeEach(() => {
  company = new Company(server);
});

afterEach(() => company.leave());

/** A conversation that somebody has open. */
function view(person: Person, peer: Person): Talk {
  const talk = new Talk(person.client, peer.id, {
    changed: () => {},
    news: () => {},
    watching: () => true,
  });
  talk.start();
  return talk;
}

function texts(talk: Talk): unknown[] {
  return talk.timeline.rows
    .flatMap((row) =>
      row.kind === "message" ? [row.message.content] : row.kind === "top" ? [] : [row.kind],
    )
    .filter((text) => text !== "day" && text !== "new");
}

const shows = (talk: Talk, ...expected: string[]) =>
  until(() => JSON.stringify(texts(talk)) === JSON.stringify(expected), `it shows ${expected}`);

async function goes(person: Person): Promise<void> {
  person.client.close();
  await until(() => person.client.status.state === "idle", "gone");
}

it("has nothing of before on a link that begins anew while nobody looks", async () => {
  const devices = [1, 2].map(() => company.person({ token: token("ann") }));
  const [ann, phone] = devices as [Person, Person];
  const ben = await company.online({ token: token("ben") });
  await ann.comes();
  await link(ann, ben);
  for (const text of ["One", "Two", "Three"]) {
    await ben.says(ann, text);
  }
  const talk = view(ann, ben);
  await shows(talk, "One", "Two", "Three");
  await goes(ann);

  await server.stop(); // and it forgets everything
  await server.start();
  await phone.comes();
  await until(() => ben.link(ann)?.ended === true, "ended");
  await link(phone, ben);
  await ben.says(phone, "Anew");
  await ann.comes();
  await shows(talk, "Anew");
  talk.stop();
});

it("fills a hole in what is kept as soon as it can", async () => {
  const storage = new MemoryStorage();
  const { ann, ben } = await company.linked({ ann: { storage } });
  for (const text of ["One", "Two", "Three", "Four", "Five"]) {
    await ben.says(ann, text);
  }
  await until(() => ann.link(ben)?.seq === 5, "five");
  await goes(ann);
  const holed = new MemoryStorage();
  await holed.saveIdentity(await storage.identity());
  for (const kept of await storage.links()) {
    await holed.saveLink(kept);
  }
  const all = await storage.messages(ben.id, null, 10);
  await holed.addMessages(all.filter(({ seq }) => seq !== 3));

  const network = await Network.to(server.port);
  network.down();
  const again = company.person({ storage: holed, server: network.url });
  await again.client.connect();
  const talk = view(again, ben);
  await shows(talk, "Four", "Five");
  expect(talk.timeline.top).toBe("more");
  await talk.older();
  expect(talk.timeline.top).toBe("failed");
  network.up();
  again.client.retryNow();
  await shows(talk, "One", "Two", "Three", "Four", "Five");
  talk.stop();
  again.client.close();
  await network.close();
});
