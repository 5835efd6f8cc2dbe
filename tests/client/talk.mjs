// talk - two people with the real socket.io-client, as a page's links name them, talk to each other.
//
//     node talk.mjs http://host:port/#name=Ann&token=... http://host:port/#name=Bob&token=...
//
// One polls, one has a WebSocket. Exit 0: both heard, in the room and in private.
import { io } from "socket.io-client";

setTimeout(() => { console.error("not in 20 s:", waiting); process.exit(1); }, 20_000);
let waiting = "";
const transports = [["polling"], ["websocket"]];
const people = process.argv.slice(2, 4).map((link, i) => {
  const { origin, hash } = new URL(link);
  const { name, token } = Object.fromEntries(new URLSearchParams(hash.slice(1)));
  const socket = io(origin, { transports: transports[i], auth: { token } });
  socket.on("connect_error", (e) => { console.error(name, e.message); process.exit(1); });
  return { name, origin, id: name.toLowerCase(), socket };
});
const once = (who, event, right = () => true) => new Promise((done) => {
  const listen = (...args) => right(...args) && (who.socket.off(event, listen), done(args[0]));
  who.socket.on(event, listen);
});
const step = (what, promise) => { waiting = what; return promise; };
const call = (who, event, body) => new Promise((done) => who.socket.emit(event, body, done));

await step("connect", Promise.all(people.map((p) => once(p, "connect"))));
for (const p of people) {
  await step(`${p.name} joins`, call(p, "join-room", { room: "fresh" }));
}
for (const [from, to] of [people, [...people].reverse()]) {
  const heard = once(to, "room-message", (m) => m.userId === from.id && m.message === "hello");
  await step(`${from.name} to the room`, call(from, "room-message", { room: "fresh", message: "hello" }));
  await step(`${to.name} hears the room`, heard);
  const told = once(to, "private-message", (m) => m.senderId === from.id && m.message === "psst");
  await step(`${from.name} in private`, call(from, "private-message", { targetUserId: to.id, message: "psst" }));
  await step(`${to.name} hears in private`, told);
}
if (people[0].origin === people[1].origin) { console.error("both on one gateway"); process.exit(1); }
for (const p of people) p.socket.close();
process.exit(0);
