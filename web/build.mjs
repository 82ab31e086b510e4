// Builds what the server serves to browsers into src/duologue/_web, from where the wheel takes it:
// the page with its assets, the widget, the service worker, and the Socket.IO client as it is.
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";

const root = fileURLToPath(new URL(".", import.meta.url));
const target = fileURLToPath(new URL("../src/duologue/_web/", import.meta.url));

const common = {
  root,
  configFile: false,
  logLevel: "warn",
  // Relative, so that the server may be below a path of a site
  base: "./",
};
const output = {
  outDir: target,
  target: "es2022",
  reportCompressedSize: false,
  assetsInlineLimit: 0,
  emptyOutDir: false,
};

rmSync(target, { recursive: true, force: true });
await buildPage();
await buildModule("src/widget/widget.ts", "duologue.js");
await buildModule("src/sw/sw.ts", "sw.js", shell());
copySocketIo();
compress(target);

async function buildPage() {
  await build({
    ...common,
    build: {
      ...output,
      manifest: true,
      license: { fileName: "licenses.md" },
      modulePreload: { polyfill: false },
    },
  });
}

/** One file of a fixed name, with everything in it. */
async function buildModule(entry, name, define = {}) {
  await build({
    ...common,
    publicDir: false,
    define,
    build: {
      ...output,
      modulePreload: false,
      rolldownOptions: {
        input: join(root, entry),
        preserveEntrySignatures: "strict",
        output: { entryFileNames: name, codeSplitting: false },
      },
    },
  });
}

/** What the service worker keeps: the page, and everything that only it loads. */
function shell() {
  const assets = readdirSync(join(target, "assets")).sort();
  const files = ["./", ...assets.map((name) => `assets/${name}`)];
  const digest = createHash("sha256").update(readFileSync(join(target, "index.html")));
  digest.update(files.join("\n"));
  return {
    SHELL: JSON.stringify(files),
    VERSION: JSON.stringify(digest.digest("hex").slice(0, 16)),
  };
}

function copySocketIo() {
  const client = join(root, "node_modules/socket.io-client/dist");
  mkdirSync(join(target, "socket.io"));
  for (const name of ["socket.io.js", "socket.io.min.js", "socket.io.esm.min.js"]) {
    for (const file of [name, `${name}.map`]) {
      cpSync(join(client, file), join(target, "socket.io", file));
    }
  }
}

/** Beside each file of text the same compressed, for the server to choose. */
function compress(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      compress(path);
    } else if ([".css", ".html", ".js", ".svg", ".webmanifest"].includes(extname(path))) {
      const bytes = readFileSync(path);
      const small = gzipSync(bytes, { level: 9 });
      if (small.length < bytes.length * 0.9) {
        writeFileSync(`${path}.gz`, small);
      }
    }
  }
}
