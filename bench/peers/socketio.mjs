// Node's Socket.IO:  node socketio.mjs PORT
import { createServer } from "node:http";
import { randomUUID } from "node:crypto";
import { Server } from "socket.io";

const clients = new Map();
const http = createServer();
const io = new Server(http, { serveClient: false, perMessageDeflate: false, httpCompression: false });

io.on("connection", (socket) => {
  const id = randomUUID();
  clients.set(id, socket);
  socket.emit("client_id", { clientId: id });
  socket.on("message", (data, ack) => {
    const target = clients.get(data.targetClientId);
    if (target) {
      target.emit("message", { from: id, content: data.message });
    } else {
      socket.emit("message", { error: "Target client ID not found" });
    }
    if (ack) ack({ ok: true });
  });
  socket.on("disconnect", () => clients.delete(id));
});

http.listen(Number(process.argv[2]), "127.0.0.1");
