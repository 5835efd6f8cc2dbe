// driver - real socket.io-client sockets, told what to do by a test over a pipe. driver.py is the same with python-socketio.
//
// In, a line of JSON each:  {"do":"connect","id":"ann","url":...,"opts":{...}}   {"do":"emit","id":...,"event":...,"args":[...],"ack":1}
//                           {"do":"close","id":...}   {"do":"transport","id":...}   {"do":"flood","id":...,"event":...,"count":N,"args":{...}}
//                           {"do":"churn","url":...,"opts":{...},"count":N,"tokens":[...]}
//                           {"do":"every","id":...,"ms":N,"event":...,"args":[...]}: emits again and again; without ms: no more
//                           {"do":"climb","url":...,"opts":{...},"events":N,"pad":N,"tokens":[...]}
// Out, a line each: {"id":"ann","event":"connect",...}. Binary values travel as {"$bin":"<base64>"}.
//                           {"do":"visit",...} {"do":"crowd",...} {"do":"shout",...} {"do":"go",...}: many clients at once (crowd.mjs)
//                           {"do":"answer","id":...,"event":...,"args":[...]}: what an event that wants an ack gets
// Events are counted and may be kept silent ("quiet" of connect, "*": all): {"do":"count","id":...,"event":...} tells how many came, in order or not.
// More of connect: "version" of the client, 2, 3 or 4; "also" {"id":"/nsp"}: further sockets on the same connection; "answers" {"event":[values]}:
// what a server that asks for an ack gets; "parser": a package instead of Socket.IO's own;
// "bare": with no options but those of "opts".
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { crowds } from "./crowd.mjs";

const require = createRequire(import.meta.url);
const libraries = { 2: require("socket.io-client-2"), 3: require("socket.io-client-3").io, 4: require(process.env.SOCKET_IO_CLIENT ?? "socket.io-client").io };
const io = libraries[4];
const sockets = new Map();
const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");

const pack = (v) => Buffer.isBuffer(v) || v instanceof ArrayBuffer || ArrayBuffer.isView(v) ? { $bin: Buffer.from(v.buffer ?? v, v.byteOffset ?? 0, v.byteLength).toString("base64") }
  : Array.isArray(v) ? v.map(pack)
  : v && typeof v === "object" ? Object.fromEntries(Object.entries(v).map(([k, x]) => [k, pack(x)])) : v;
const unpack = (v) => Array.isArray(v) ? v.map(unpack)
  : v && typeof v === "object" ? ("$bin" in v ? Buffer.from(v.$bin, "base64") : Object.fromEntries(Object.entries(v).map(([k, x]) => [k, unpack(x)]))) : v;

// Every event but the client's own. Version 2 has no onAny.
function onAny(socket, hear) {
  if (socket.onAny) return socket.onAny(hear);
  const { onevent } = socket;
  socket.onevent = function (packet) { hear(...packet.data); return onevent.call(this, packet); };
}

function connect({ id, url, opts = {}, quiet = [], version = 4, also = {}, answers = {}, parser, bare }) {
  const socket = libraries[version](url, { ...bare || { forceNew: true, reconnection: false }, ...opts, ...parser && { parser: require(parser) } });
  const manager = socket.io;
  manager.on("open", () => manager.engine.once("upgrade", () => say({ id, event: "upgrade", transport: manager.engine.transport.name })));
  listen({ id, socket, quiet, answers });
  for (const [name, nsp] of Object.entries(also)) listen({ id: name, socket: manager.socket(nsp, opts), quiet, answers });
}

function listen({ id, socket, quiet, answers }) {
  const state = { socket, counts: {}, next: {}, disorder: {}, quiet: new Set(quiet) };
  sockets.set(id, state);
  socket.on("connect", () => say({ id, event: "connect", sid: socket.id, transport: socket.io.engine?.transport?.name, recovered: socket.recovered }));
  for (const name of ["connect_error", "error"]) {      // version 2 calls a refusal "error"
    if (name === "error" && socket.onAny) continue;
    socket.on(name, (e) => say({ id, event: "connect_error", message: e.message ?? e, data: e.data }));
  }
  socket.on("disconnect", (reason) => say({ id, event: "disconnect", reason }));
  for (const [event, values] of Object.entries(answers)) socket.on(event, (...args) => args.pop()(...unpack(values)));
  onAny(socket, (event, ...args) => {
    state.counts[event] = (state.counts[event] ?? 0) + 1;
    const n = args[0]?.message?.n ?? args[0]?.n;
    if (typeof n === "number") {    // numbered by their sender: complete and in order?
      const from = args[0].userId ?? "";
      const key = event + " " + from;
      if (n !== (state.next[key] ?? 0)) state.disorder[event] = (state.disorder[event] ?? 0) + 1;
      state.next[key] = n + 1;
    }
    if (!state.quiet.has(event) && !state.quiet.has("*")) say({ id, event, args: pack(args.filter((a) => typeof a !== "function")) });
  });
}

function emit({ id, event, args = [], ack, timeout }) {
  const { socket } = sockets.get(id);
  if (ack === undefined) return socket.emit(event, ...unpack(args));
  const to = timeout ? socket.timeout(timeout) : socket;
  to.emit(event, ...unpack(args), (...answer) => say({ id, event: "ack", ack, args: pack(answer) }));
}

// count events with at most 'window' unacknowledged, then say so
async function flood({ id, event, args = {}, count, window = 100 }) {
  const { socket } = sockets.get(id);
  let acked = 0, sent = 0;
  await new Promise((done) => {
    const more = () => {
      while (sent < count && sent - acked < window) {
        socket.emit(event, { ...args, message: { n: sent } }, () => { acked++; acked === count ? done() : more(); });
        sent++;
      }
    };
    more();
  });
  say({ id, event: "flooded", count: acked });
}

async function churn({ url, opts = {}, count, tokens }) {
  let connected = 0, failed = 0;
  await Promise.all(Array.from({ length: count }, (_, i) => new Promise((done) => {
    const socket = io(url, { forceNew: true, reconnection: false, ...opts, auth: { token: tokens[i % tokens.length] } });
    socket.on("connect", () => { connected++; socket.emit("join-room", { room: "churn-" + i }, () => socket.disconnect()); });
    socket.on("connect_error", () => { failed++; done(); });
    socket.on("disconnect", () => done());
  })));
  say({ event: "churned", connected, failed });
}

// One client a token, by default from polling to WebSocket, each in a room of its own: it numbers what it sends there, a few
// unacknowledged at a time, from its first moment until it has sent 'events' and is upgraded. What comes back has to be all of it, in order.
async function climb({ url, opts = {}, events, pad = 0, tokens, version = 4 }) {
  const sum = { event: "climbed", count: tokens.length, websocket: 0, sent: 0, wrong: [] };
  await Promise.all(tokens.map((token, i) => new Promise((done) => {
    const socket = libraries[version](url, { forceNew: true, reconnection: false, ...opts, ...version === 2 ? { query: { token } } : { auth: { token } } });
    let sent = 0, acked = 0, got = 0, over = false;
    const end = (wrong) => {
      if (over) return;
      over = true;
      if (wrong) sum.wrong.push(`${i}: ${wrong}, on ${name()}; ${sent} sent, ${acked} acked, ${got} came`);
      if (name() === "websocket") sum.websocket++;
      sum.sent += sent;
      socket.disconnect();
      done();
    };
    const name = () => socket.io.engine?.transport?.name;
    const enough = () => sent >= events && name() === "websocket";
    const look = () => { if (enough() && acked === sent && got === sent) end(); };
    const more = () => {
      while (!over && sent - acked < 3 && !enough()) socket.emit("room-message", { room: "climb-" + i, message: { n: sent++, pad: "x".repeat(pad) } }, () => { acked++; more(); });
      look();
    };
    socket.on("connect", () => socket.emit("join-room", { room: "climb-" + i }, more));
    socket.on("connect_error", (e) => end(e.message));
    socket.on("disconnect", (reason) => end(reason));
    socket.on("room-message", ({ message }) => { if (message.n !== got++ || message.pad.length !== pad) end(`${message.n} came`); look(); });
  })));
  say(sum);
}

const doers = {
  answer: ({ id, event, args = [], ref }) => {
    sockets.get(id).socket.on(event, (...given) => { if (typeof given.at(-1) === "function") given.at(-1)(...unpack(args)); });
    say({ id, event: "will answer", ref });
  },
  connect, emit, flood, churn, climb, ...crowds(io, say),
  every: ({ id, event, args = [], ms }) => {
    const s = sockets.get(id);
    clearInterval(s.timer);
    if (ms) s.timer = setInterval(() => s.socket.emit(event, ...unpack(args)), ms);
  },
  close: ({ id }) => sockets.get(id)?.socket.disconnect(),
  // its TCP connection, without a word; and again, perhaps at another gateway
  cut: ({ id }) => { const t = sockets.get(id).socket.io.engine.transport; t.ws ? t.ws._socket.destroy() : t.close(); },
  back: ({ id, url, auth }) => { const { socket } = sockets.get(id); socket.io.uri = url; if (auth) socket.auth = auth; socket.connect(); },
  drop: ({ id }) => sockets.get(id)?.socket.io.engine.transport.close(),
  transport: ({ id }) => say({ id, event: "transport", transport: sockets.get(id).socket.io.engine.transport.name }),
  count: ({ id, of, ref }) => { const s = sockets.get(id); say({ id, event: "counted", ref, count: s.counts[of] ?? 0, disorder: s.disorder[of] ?? 0 }); },
};
createInterface({ input: process.stdin }).on("line", (line) => {
  const what = JSON.parse(line);
  Promise.resolve(doers[what.do](what)).catch((e) => say({ id: what.id, event: "driver_error", message: String(e) }));
}).on("close", () => process.exit(0));
say({ event: "ready" });
