"use strict";
/* The benchmark's application on Node's own Socket.IO, event for event what
 * bench/topology.yaml tells Causeway to do: a verified token or no entry, the
 * user's own room, join-room, leave-room, room-message to the whole room,
 * ping-ack. Nothing is logged per connection or message.
 *
 *   HOST, PORT                    [127.0.0.1, 3000]; port 0 takes a free one
 *   JWT_SECRET_FILE or JWT_SECRET the HS256 key
 * Prints "READY host:port pid" when it listens; SIGTERM ends it. */
const fs = require("node:fs");
const http = require("node:http");
const jwt = require("jsonwebtoken");
const { Server } = require("socket.io");

const secret = process.env.JWT_SECRET_FILE
  ? fs.readFileSync(process.env.JWT_SECRET_FILE)
  : Buffer.from(process.env.JWT_SECRET || "");
if (secret.length === 0) {
  console.error("server.js: JWT_SECRET_FILE or JWT_SECRET must name a secret");
  process.exit(100);
}

const server = http.createServer();
const io = new Server(server, {
  serveClient: false,
  transports: ["polling", "websocket"],
  perMessageDeflate: false,
  httpCompression: false,
});

io.use((socket, next) => {
  jwt.verify(String(socket.handshake.auth.token), secret, { algorithms: ["HS256"] }, (err, claims) => {
    if (err) return next(new Error("Authentication failed"));
    socket.data.user = { id: claims.sub, username: claims.username };
    next();
  });
});

const isName = (x) => typeof x === "string" && x.length > 0 && x.length <= 256;
const answer = (ack, value) => typeof ack === "function" && ack(value);

io.on("connection", (socket) => {
  const { user } = socket.data;
  socket.join(`user:${user.id}`);

  socket.on("join-room", (m, ack) => {
    if (!isName(m?.room)) return answer(ack, { success: false });
    socket.join(`room:${m.room}`);
    answer(ack, { success: true });
  });
  socket.on("leave-room", (m, ack) => {
    if (!isName(m?.room)) return answer(ack, { success: false });
    socket.leave(`room:${m.room}`);
    answer(ack, { success: true });
  });
  socket.on("room-message", (m, ack) => {
    if (!isName(m?.room) || typeof m.message !== "string") return answer(ack, { success: false });
    io.to(`room:${m.room}`).emit("room-message", {
      room: m.room,
      senderId: user.id,
      message: m.message,
      timestamp: new Date().toISOString(),
    });
    answer(ack, { success: true });
  });
  socket.on("ping-ack", (m, ack) => answer(ack, { success: true }));
});

server.listen(Number(process.env.PORT ?? 3000), process.env.HOST || "127.0.0.1", () => {
  const { address, port } = server.address();
  console.log(`READY ${address}:${port} ${process.pid}`);
});
process.on("SIGTERM", () => process.exit(0));
