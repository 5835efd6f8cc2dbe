// The reference server, for tests/scenario/reference.py: socket.io with the options in argv[2] (JSON), on a port that it prints.
import http from "node:http";
import { createRequire } from "node:module";
import { Server } from "socket.io";

const server = http.createServer();
const options = JSON.parse(process.argv[2]);
if (options.parser) options.parser = createRequire(import.meta.url)(options.parser);
const io = new Server(server, options);
for (const name of ["/", "/chat"]) {
    io.of(name).on("connection", socket => {
        socket.on("message", (...args) => socket.emit("message-back", ...args));
        socket.on("with-ack", (value, ack) => typeof ack === "function" && ack(value));
        socket.on("leave-me", () => socket.disconnect());
    });
}
io.of("/closed").use((socket, next) => next(Object.assign(new Error("missing token"), {})));
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.on("end", () => process.exit(0)).resume();
