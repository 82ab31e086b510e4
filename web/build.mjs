// Puts what the server serves to browsers into src/duologue/_web, from where the wheel takes it.
import { cpSync, mkdirSync, rmSync } from "node:fs";

const client = new URL("node_modules/socket.io-client/dist/", import.meta.url);
const target = new URL("../src/duologue/_web/socket.io/", import.meta.url);

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
for (const name of ["socket.io.js", "socket.io.min.js", "socket.io.esm.min.js"]) {
  for (const file of [name, `${name}.map`]) {
    cpSync(new URL(file, client), new URL(file, target));
  }
}
