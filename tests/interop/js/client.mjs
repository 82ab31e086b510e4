// Connects with one of the official clients and does what its standard input says, line by line:
//   ["emit", name, payload] -> ["answer", answer], and every event -> ["event", name, payload].
// Binary travels as {"base64": "…"}. Arguments: package, address, transports, auth, path.
import { createInterface } from "node:readline";

const [name, address, transports, auth, path] = process.argv.slice(2);
const { io } = await import(name);
const say = (...what) => console.log(JSON.stringify(what, encode));

function encode(key, value) {
  const bytes = this[key];
  return bytes instanceof Uint8Array ? { base64: Buffer.from(bytes).toString("base64") } : value;
}

function decode(key, value) {
  return value?.base64 === undefined ? value : Buffer.from(value.base64, "base64");
}

// The transport, once it is the last of those that may be used
async function settled() {
  const { engine } = socket.io;
  if (transports.endsWith("+websocket") && engine.transport.name !== "websocket") {
    await new Promise((upgraded) => engine.once("upgrade", upgraded));
  }
  return engine.transport.name;
}

const options = JSON.parse(auth);
const socket = io(address, {
  path,
  ...(transports === "default" ? {} : { transports: transports.split("+") }),
  ...(options === null ? {} : { auth: options }),
  reconnectionDelay: 50,
  reconnectionDelayMax: 100,
});
socket.on("connect", () => say("connect", socket.io.engine.transport.name));
socket.on("disconnect", (reason) => say("disconnect", reason));
socket.on("connect_error", (error) => say("connect_error", error.message, error.data ?? null));
socket.onAny((event, payload) => say("event", event, payload));

for await (const line of createInterface({ input: process.stdin })) {
  const [what, ...rest] = JSON.parse(line, decode);
  if (what === "emit") socket.emit(...rest, (answer) => say("answer", answer));
  else if (what === "send") socket.send(...rest);
  else if (what === "tell") socket.emit(...rest);
  else if (what === "transport") say("transport", await settled());
  else if (what === "disconnect") socket.disconnect();
}
socket.disconnect();
