import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const WEB = new URL("../..", import.meta.url).pathname;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(WEB, "node_modules/.duologue-client-"));
  execFileSync(process.execPath, ["client-package/build.mjs", folder], { cwd: WEB });
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What npm would take. */
function packed(): string[] {
  const cache = join(tmpdir(), "duologue-npm-cache");
  // Under `npm run` that npm, which need not be on the path
  const { npm_execpath: npm } = process.env;
  const [command, first] = npm ? [process.execPath, [npm]] : ["npm", []];
  const options = ["pack", "--dry-run", "--json", "--cache", cache];
  const output = execFileSync(command, [...first, ...options], {
    cwd: folder,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [{ files }] = JSON.parse(output) as [{ files: { path: string }[] }];
  return files.map((file) => file.path);
}

test("the package has the module, its types, a readme and the licence", () => {
  const wanted = ["LICENSE", "README.md", "index.d.ts", "index.js", "package.json", "api.d.ts"];
  expect(packed()).toEqual(expect.arrayContaining(wanted));
});

test("the package has neither sources nor tests", () => {
  expect(packed().filter((path) => /contract|test|(?<!\.d)\.ts$/.test(path))).toEqual([]);
});

test("the package says what it needs", () => {
  const { dependencies } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  expect(Object.keys(dependencies)).toEqual(["idb", "socket.io-client"]);
});

test("the package can be imported", async () => {
  const module = await import(join(folder, "index.js"));
  expect(Object.keys(module).sort()).toEqual([
    "DuologueClient",
    "DuologueError",
    "IndexedDbStorage",
    "MemoryStorage",
    "openStorage",
    "storageName",
    "subjectOf",
    "understand",
  ]);
});

test("the readme's example uses what there is", () => {
  const readme = readFileSync(join(folder, "README.md"), "utf8");
  const types = readFileSync(join(folder, "client.d.ts"), "utf8");
  const methods = [...readme.matchAll(/client\.(\w+)\(/g)].map(([, name]) => name ?? "");
  expect(
    methods.filter((name) => !types.includes(`${name}(`) && !types.includes(`${name}<`)),
  ).toEqual([]);
});
