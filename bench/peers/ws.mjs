// Node's bare ws: the same two events as JSON arrays, nothing else.  node ws.mjs PORT
import { randomUUID } from "node:crypto";
import { WebSocketServer } from "ws";

const clients = new Map();
const server = new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2]), perMessageDeflate: false });

server.on("connection", (socket) => {
  const id = randomUUID();
  clients.set(id, socket);
  socket.send(JSON.stringify(["client_id", { clientId: id }]));
  socket.on("message", (text) => {
    const [event, data] = JSON.parse(text);
    if (event !== "message") return;
    const target = clients.get(data.targetClientId);
    if (target) {
      target.send(JSON.stringify(["message", { from: id, content: data.message }]));
    } else {
      socket.send(JSON.stringify(["message", { error: "Target client ID not found" }]));
    }
  });
  socket.on("close", () => clients.delete(id));
});
