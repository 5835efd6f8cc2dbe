// bundles - the browser bundles of socket.io-client 2, 3 and 4 in Chromium, on a page of another origin, with each way to carry
// bytes that they have. Told by scenario/bundles.py:
//
//     node bundles.mjs < {"url":"http://127.0.0.1:PORT","token":"..."}
//
// For each client and transport a line {"good":...} or {"bad":...}; then {"done":true}.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const require = createRequire(import.meta.url);
const bundle = (name) => join(dirname(require.resolve(`${name}/package.json`)), "dist/socket.io.js");
const bundles = { 2: bundle("socket.io-client-2"), 3: bundle("socket.io-client-3"), 4: bundle("socket.io-client") };
const polling = ["polling"], websocket = ["websocket"];
const ways = {
  polling: { transports: polling },
  websocket: { transports: websocket },
  upgrade: { transports: [...polling, ...websocket] },
  "polling without bytes": { transports: polling, forceBase64: true },
  "websocket without bytes": { transports: websocket, forceBase64: true },
  "script elements": { transports: polling, forceJSONP: true },       // version 4 has none
};

const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");
const { url, token } = JSON.parse((await createInterface({ input: process.stdin })[Symbol.asyncIterator]().next()).value);
const elsewhere = createServer((_, answer) => answer.setHeader("Content-Type", "text/html").end("<!doctype html><title>elsewhere</title>"));
await new Promise((done) => elsewhere.listen(0, "127.0.0.1", done));
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });

// In the page: connects to the main namespace and to /chat, echoes values of every kind through an ack and an event.
async function talk({ url, version, options, token }) {
  const bytes = new Uint8Array(3000).map((_, i) => i * 7);
  const values = [1, -1.5, null, "Grüße, \u4f60\u597d \u{1F600} \u2028\u2029 \"\\\\n \n \r\n \\n end", { a: [bytes.buffer, { b: 2 }] }];
  const plain = (v) => v instanceof ArrayBuffer ? "bytes " + [...new Uint8Array(v)].join() : Array.isArray(v) ? v.map(plain)
    : v && typeof v === "object" ? Object.fromEntries(Object.entries(v).map(([k, x]) => [k, plain(x)])) : v;
  const want = JSON.stringify(plain(values));
  const used = new Set();
  const who = version === 2 ? { query: { token } } : { auth: { token } };
  const first = io(url, { forceNew: true, reconnection: false, ...options, ...who });
  const sockets = [first, first.io.socket("/chat", { ...options, ...who })];
  const within = (promise, what) => Promise.race([promise, new Promise((_, no) => setTimeout(() => no(new Error(`no ${what} in 15 s`)), 15000))]);
  const refused = new Promise((_, no) => ["error", "connect_error"].forEach((e) => sockets.forEach((s) => s.on(e, (x) => no(new Error(x.message || x))))));
  const upgraded = options.transports.length > 1 && new Promise((done) => first.io.on("open", () => first.io.engine.once("upgrade", done)));
  await within(Promise.race([refused, Promise.all(sockets.map((s) => new Promise((done) => s.on("connect", done))))]), "connect");
  const ids = sockets.map((s) => s.id);
  if (!ids[0] || ids[0] === ids[1]) throw new Error("ids: " + ids);
  for (let round = 0; round < 2; round++) {
    for (const s of sockets) {
      const echoed = new Promise((done) => s.once("echoed", (...args) => done(JSON.stringify(plain(args)))));
      const acked = new Promise((done) => s.emit("echo", ...values, (...args) => done(JSON.stringify(plain(args)))));
      for (const got of await within(Promise.all([echoed, acked]), "echo")) if (got !== want) throw new Error(`got ${got.slice(0, 500)}`);
    }
    used.add(first.io.engine.transport.name + (document.querySelector("script[src*='&j=']") ? " by script" : ""));
    if (upgraded) await within(upgraded, "upgrade");
  }
  sockets.forEach((s) => s.disconnect());
  return [...used].pop();
}

async function one(version, way, options) {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await page.goto(`http://127.0.0.1:${elsewhere.address().port}/`);
    await page.addScriptTag({ path: bundles[version] });
    say({ good: `${version}: ${way}`, used: await page.evaluate(talk, { url, version, options, token }) });
  } catch (e) {
    say({ bad: `${version}: ${way}: ${e}` });
  }
  await context.close();
}

for (const version of [2, 3, 4]) {
  await Promise.all(Object.entries(ways).filter(([_, options]) => version < 4 || !options.forceJSONP).map(([way, options]) => one(version, way, options)));
}
say({ done: true });
await browser.close();
process.exit(0);
