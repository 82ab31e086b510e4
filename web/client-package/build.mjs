// Builds the package `duologue-client` into dist-client/, as it would go to npm.
import { spawnSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const here = fileURLToPath(new URL(".", import.meta.url));
const web = join(here, "..");
const target = process.argv[2] ?? join(web, "dist-client");
const needed = ["idb", "socket.io-client"];

rmSync(target, { recursive: true, force: true });
await build({
  root: web,
  configFile: false,
  publicDir: false,
  logLevel: "warn",
  build: {
    outDir: target,
    target: "es2022",
    sourcemap: true,
    minify: false,
    reportCompressedSize: false,
    lib: { entry: join(web, "src/client/index.ts"), formats: ["es"], fileName: "index" },
    rolldownOptions: { external: needed },
  },
});
declareTypes();
describe();
cpSync(join(here, "README.md"), join(target, "README.md"));
cpSync(join(web, "../LICENSE"), join(target, "LICENSE"));

function declareTypes() {
  const require = createRequire(import.meta.url);
  const compiler = join(dirname(require.resolve("typescript/package.json")), "bin/tsc");
  const options = ["--declaration", "--emitDeclarationOnly", "--noEmit", "false"];
  const config = join(web, "tsconfig.client.json");
  const run = spawnSync(
    process.execPath,
    [compiler, "-p", config, ...options, "--outDir", target],
    {
      stdio: "inherit",
    },
  );
  if (run.status !== 0) {
    process.exit(1);
  }
  for (const name of readdirSync(target).filter((each) => each.endsWith(".d.ts"))) {
    const file = join(target, name);
    const text = readFileSync(file, "utf8");
    // Also for those who resolve modules as Node.js does
    writeFileSync(file, text.replace(/(from\s+|import\()"(\.\/[^"]+)"/g, '$1"$2.js"'));
  }
}

/** With the versions of what it needs that it was tested with. */
function describe() {
  const described = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
  const { dependencies } = JSON.parse(readFileSync(join(web, "package.json"), "utf8"));
  described.dependencies = Object.fromEntries(
    needed.map((name) => [name, `^${dependencies[name]}`]),
  );
  writeFileSync(join(target, "package.json"), `${JSON.stringify(described, null, 2)}\n`);
}
