#!/usr/bin/env node
// A Causeway worker: a chat room and an echo. worker.mjs [NAMESPACE [ROUTER...]]: with several routers the next one when one goes.
import { createRequire } from "node:module";
const { Dealer } = createRequire(process.env.MODULES ? process.env.MODULES + "/" : import.meta.url)("zeromq");

const [namespace = "/", ...routers] = process.argv.slice(2);
if (!routers.length) routers.push("tcp://127.0.0.1:5573");
let stop = false, bye = () => {};

// What one event causes: a reply's fields (docs/WORKERS.md), and its attachments.
function handle({ event, args, user }, attachments) {
  if (event === "connect")      // with connect_worker CONNECT waits for this
    return [user === "mallory" ? { refuse: { message: "not today", data: { user } } } : { joins: ["everybody"] }];
  if (event === "echo") return [{ ack: args }, attachments];
  if (event === "say") {
    const { room, text } = args[0];
    if (!room || !text) return [{ refuse: { message: "say what, and where?" } }];
    const emits = [{ event: "said", to: `room:${room}`, args: [{ user, text }] }];
    return [{ joins: [room], emits, replies: [{ event: "told", args: [room] }], ack: [{ ok: true }] }];
  }
  return [{}];                  // disconnect: nobody to tell
}

// Until the router leaves or falls silent.
async function serve(router) {
  const socket = new Dealer({ linger: 1000 });
  let beat = 1000, silence = 5000, heard = Date.now(), sending = Promise.resolve();
  const say = (frame, attachments = []) => sending = sending.then(() => socket.send([JSON.stringify(frame), ...attachments])).catch(() => {});
  const ready = { ready: "example", namespaces: [namespace], events: ["connect", "disconnect", "echo", "say"], capacity: 16 };
  const timer = setInterval(() => {
    const quiet = Date.now() - heard;
    if (quiet > silence) socket.close();
    else if (quiet > beat) say({ ping: true });
  }, 200);
  socket.connect(router);
  say(ready);
  bye = () => say({ bye: true });
  for await (const [frame, ...attachments] of socket) {
    const m = JSON.parse(frame);
    heard = Date.now();
    if (m.request) {
      const [reply, more] = handle(m, attachments);
      say({ reply: m.request, ...reply }, more);
    } else if (m.welcome) {
      ({ beat, silence } = m);
      console.log("welcome", m.welcome);
    } else if (m.ping) say({ pong: m.ping });
    else if (m.again) say(ready);
    else if (m.bye) break;
  }
  clearInterval(timer);
  await sending;
  if (!socket.closed) socket.close();
}

process.on("SIGTERM", () => { stop = true; bye(); });
for (let i = 0; !stop; i++) await serve(routers[i % routers.length]);
