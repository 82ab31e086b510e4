import { expect, test } from "vitest";
import { MemoryStorage, openStorage } from "../../src/client";
import { STORAGE_CONTRACT } from "../../src/client/storage.contract";

test.each(Object.entries(STORAGE_CONTRACT))("a memory storage %s", async (_, clause) => {
  await expect(clause(new MemoryStorage())).resolves.toBeUndefined();
});

test("where there is no database things are kept in memory", async () => {
  expect(await openStorage()).toBeInstanceOf(MemoryStorage);
});
