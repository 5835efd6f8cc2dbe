// The chat page: an unmodified socket.io-client on topology/apps/chat.yaml. What people wrote is only ever set as text.
"use strict";

const $ = (id) => document.getElementById(id);
const MAX_SHARE = 900000;       // bytes: below the listener's max_message_bytes
const KEEP = 500;               // messages of one place
const GROUP = 5 * 60_000;       // ms: who goes on within them is not named again

// ---- who we are: the token comes in the fragment, which no server sees, and goes from the address at once

const fragment = new URLSearchParams(location.hash.slice(1));
if (fragment.get("token")) {
  sessionStorage.setItem("token", fragment.get("token"));
  sessionStorage.setItem("room", fragment.get("room") || "");
  history.replaceState(null, "", location.pathname + location.search);
}

function claimsOf(token) {
  try {
    const bytes = Uint8Array.from(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return {};
  }
}

const token = sessionStorage.getItem("token");
const claims = token ? claimsOf(token) : {};
const me = { id: claims.sub, name: claims.username ?? fragment.get("name") ?? claims.sub };

$("login").hidden = Boolean(token);
$("app").hidden = !token;
$("login-error").textContent = sessionStorage.getItem("error") ?? "";
sessionStorage.removeItem("error");
$("login").addEventListener("submit", (e) => {
  e.preventDefault();
  sessionStorage.setItem("token", $("login-token").value.trim());
  location.reload();
});

function signOut(why) {
  sessionStorage.removeItem("token");
  if (why) sessionStorage.setItem("error", why);
  location.reload();
}
$("leave").addEventListener("click", () => signOut());

// ---- what there is: places (rooms and people) with their messages

const places = new Map();       // "room:lobby", "user:ann" -> { key, kind, name, messages, unread, typing }
const people = new Map();       // id -> name
let here = null;                // the place that is shown

function place(kind, name) {
  const key = `${kind}:${name}`;
  if (!places.has(key)) places.set(key, { key, kind, name, messages: [], unread: 0, typing: new Map() });
  return places.get(key);
}

function nameOf(id) { return people.get(id) ?? String(id); }

function add(where, message) {
  const before = where.messages.at(-1);
  message.at = message.at ? new Date(message.at) : new Date();
  message.first = !before || before.note || before.by !== message.by || message.at - before.at > GROUP;
  where.messages.push(message);
  if (where.messages.length > KEEP) {
    const old = where.messages.shift();
    if (old.url) URL.revokeObjectURL(old.url);
  }
  if (where !== here) where.unread += message.note ? 0 : 1;
  else appendMessage(message);
  drawLists();
}

// ---- drawing

function element(name, className, text) {
  const e = document.createElement(name);
  if (className) e.className = className;
  if (text !== undefined) e.textContent = text;
  return e;
}

const clock = (date) => date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

const atEnd = (list) => list.scrollHeight - list.scrollTop - list.clientHeight < 60;
function toEnd() { $("messages").scrollTop = $("messages").scrollHeight; }

let newer = 0;                  // came while older ones were read
function setNewer(n) {
  newer = n;
  $("newer").hidden = n === 0;
  $("newer").textContent = `\u2193 ${n} new`;
}
$("newer").addEventListener("click", toEnd);
$("messages").addEventListener("scroll", () => { if (newer && atEnd($("messages"))) setNewer(0); });

function contentOf(m) {
  if (!m.url) return document.createTextNode(typeof m.text === "string" ? m.text : JSON.stringify(m.text));
  if (m.image) {
    const img = element("img");
    img.alt = m.file;
    img.onload = () => m.follow && toEnd();     // its height is known only now
    img.src = m.url;
    return img;
  }
  const link = element("a", "", `${m.file} (${m.size.toLocaleString()} bytes)`);
  link.href = m.url, link.download = m.file;
  return link;
}

// A circle with the first letter, in a colour of the name's own.
function avatar(name) {
  const e = element("span", "avatar", [...name][0]?.toUpperCase() ?? "?");
  e.style.setProperty("--hue", [...name].reduce((h, c) => (h * 31 + c.codePointAt(0)) % 360, 7));
  return e;
}

function whoElement(m) {
  const who = element("div", "who"), name = element("span", "name", m.from);
  name.title = m.from;
  who.append(avatar(m.from), name, element("span", "meta", clock(m.at)));
  return who;
}

function fateElement(m) {
  const said = m.state === "failed" ? `not sent: ${m.why}` : m.state === "pending" ? "sending" : m.ms !== undefined ? `acknowledged in ${m.ms} ms` : "";
  const fate = element("div", "meta", [clock(m.at), said].filter(Boolean).join(" \u00b7 "));
  if (m.state === "failed") {
    const again = element("button", "quiet again", "send again");
    again.type = "button";
    again.addEventListener("click", m.again);
    fate.append(again);
  }
  return fate;
}

function messageElement(m) {
  if (m.note) return element("li", "note", m.note);
  const li = element("li", m.mine ? "mine" : m.first ? "others first" : "others");
  if (m.state) li.classList.add(m.state);
  const bubble = element("div", "bubble");
  bubble.append(contentOf(m));
  if (m.mine) li.append(bubble, fateElement(m));
  else li.append(...(m.first ? [whoElement(m)] : []), bubble);
  return li;
}

function appendMessage(m) {
  const list = $("messages");
  list.querySelector(".empty")?.remove();
  m.follow = atEnd(list) || m.mine;
  m.element = messageElement(m);
  list.append(m.element);
  if (m.follow) toEnd();
  else setNewer(newer + 1);
}

function redraw(m) {
  if (!m.element?.isConnected) return;
  const fresh = messageElement(m);
  m.element.replaceWith(fresh);
  m.element = fresh;
}

function entry(text, current, unread, onClick) {
  const li = element("li"), button = element("button");
  button.type = "button";
  button.append(element("span", "name", text));
  if (unread) button.append(element("span", "count", String(unread)));
  button.setAttribute("aria-current", String(current));
  button.addEventListener("click", onClick);
  li.append(button);
  return li;
}

function drawLists() {
  const rooms = [...places.values()].filter((p) => p.kind === "room");
  $("rooms").replaceChildren(...rooms.map((p) => entry(`# ${p.name}`, p === here, p.unread, () => show(p))));
  const ids = new Set([...people.keys(), ...[...places.values()].filter((p) => p.kind === "user").map((p) => p.name)]);
  ids.delete(me.id);
  const self = element("li", "self");
  self.append(element("span", "name", me.name), element("span", "", "you"));
  $("people").replaceChildren(...(people.size ? [self] : []), ...[...ids].sort().map((id) => {
    const p = places.get(`user:${id}`);
    const li = entry(nameOf(id), p === here && p !== undefined, p?.unread, () => show(place("user", id)));
    li.classList.toggle("away", !people.has(id));
    return li;
  }));
  $("alone").hidden = people.size !== 1;
  $("online-count").textContent = people.size ? `(${people.size})` : "";
  const unread = [...places.values()].reduce((n, p) => n + p.unread, 0);
  document.title = (unread ? `(${unread}) ` : "") + "Causeway chat";
}

function drawTyping() {
  const names = here ? [...here.typing.keys()].map(nameOf) : [];
  $("typing").textContent = names.length ? `${names.slice(0, 3).join(", ")} ${names.length > 1 ? "are" : "is"} typing\u2026` : "";
}

function emptyText(p) {
  if (!p) return socket?.connected ? "You are in no room. Join one by its name, or write to somebody who is online." : "Connecting\u2026";
  return p.kind === "room" ? "Nothing has been written here since you came. What you write reaches everyone in the room, whichever gateway they are on."
    : `Only you and ${nameOf(p.name)} see what is written here.`;
}

function show(p) {
  here = p;
  if (p) p.unread = 0;
  $("title").title = p?.name ?? "";
  $("title").textContent = !p ? "No room" : p.kind === "room" ? `# ${p.name}` : `${nameOf(p.name)} (private)`;
  $("leave-room").hidden = p?.kind !== "room";
  $("share").classList.toggle("off", p?.kind !== "room");
  for (const control of $("say").elements) control.disabled = !p;
  $("messages").replaceChildren(...(p?.messages.length ? [] : [element("li", "empty", emptyText(p))]));
  p?.messages.forEach(appendMessage);
  toEnd();
  setNewer(0);
  drawLists();
  drawTyping();
  if (p?.kind === "room") sessionStorage.setItem("room", p.name);
}

// ---- the connection

let socket = null, wanted = new Set([sessionStorage.getItem("room") || "lobby"]);

let cutAt = 0;                  // when the connection was lost, while it is

function setState(state, text) {
  $("state").dataset.state = state;
  $("state").textContent = text ?? state;
  if (state === "reconnecting" && !cutAt) cutAt = Date.now();
  drawBanner();
}

function drawBanner() {
  $("app").classList.toggle("cut", cutAt > 0);
  $("banner").hidden = cutAt === 0;
  $("banner").textContent = (navigator.onLine ? "The gateway does not answer. Trying again\u2026" : "This device is offline.") + " What you write now is sent when the connection is back.";
}
for (const change of ["online", "offline"]) addEventListener(change, drawBanner);

// What was said meanwhile did not come here, and is not pretended to have.
function back(recovered) {
  const seconds = Math.max(1, Math.round((Date.now() - cutAt) / 1000));
  if (cutAt && here) add(here, { note: `Back after ${seconds} s${recovered ? "; nothing was missed" : "; what was said meanwhile is not shown"}` });
  cutAt = 0;
}

function setTransport() {
  const name = socket?.io.engine?.transport?.name;
  $("transport").textContent = name ?? "\u2013";
  $("transport").dataset.transport = name ?? "";
}

function setLatency(ms) { $("latency").textContent = `${ms} ms`; }

// Every acknowledged event: its answer, and how long it took.
async function ask(event, payload) {
  const begun = performance.now();
  const answer = await socket.timeout(10000).emitWithAck(event, payload);
  const ms = Math.round(performance.now() - begun);
  setLatency(ms);
  return { answer, ms };
}

function connect(url) {
  socket?.off();
  socket?.close();
  people.clear();
  cutAt = 0;
  setState("connecting");
  socket = io(url, { auth: { token }, forceNew: true });
  socket.on("connect", async () => {
    back(socket.recovered);
    setState("connected");
    setTransport();
    socket.io.engine.on("upgrade", setTransport);
    if (socket.recovered) return;
    people.clear();
    people.set(me.id, me.name);
    socket.emit("hello");               // everyone who is there answers: "here"
    for (const room of wanted) await join(room);
  });
  socket.on("disconnect", (reason) => {
    $("transport").textContent = "\u2013", $("transport").dataset.transport = "";
    setState(socket.active ? "reconnecting" : "offline", socket.active ? "reconnecting" : `offline (${reason})`);
    if (!socket.active && reason === "io server disconnect") setTimeout(() => socket.connect(), 1000);
  });
  socket.on("connect_error", (error) => {
    if (socket.active) return setState("reconnecting");
    signOut(`The gateway refused the token: ${error.message}`);
  });
  for (const [event, handler] of Object.entries(events)) socket.on(event, handler);
}

async function join(room) {
  try {
    const { answer } = await ask("join-room", { room });
    if (!answer?.success) throw new Error("refused");
    wanted.add(room);
    const p = place("room", room);
    if (!here || here.kind === "room" && here.name === sessionStorage.getItem("room")) show(here ?? p);
    drawLists();
    return p;
  } catch (e) {
    add(place("room", room), { note: `could not join: ${e.message}` });
    return null;
  }
}

function shared(name, data) {
  const image = /\.(png|jpe?g|gif|webp|avif)$/i.exec(name);
  const type = image ? `image/${image[1].toLowerCase().replace("jpg", "jpeg")}` : "application/octet-stream";
  const blob = new Blob([data], { type });
  return { file: name, url: URL.createObjectURL(blob), image: Boolean(image), size: blob.size };
}

function seen(id, name) {
  if (id === undefined) return;
  if (people.get(id) !== name) people.set(id, name ?? String(id)), drawLists();
}

const events = {
  "user-online": ({ userId, username }) => seen(userId, username),
  "user-offline": ({ userId }) => { people.delete(userId); drawLists(); },
  hello: ({ userId, username }) => { seen(userId, username); socket.emit("here", { targetUserId: String(userId) }); },
  here: ({ userId, username }) => seen(userId, username),
  "user-joined": ({ room, userId, username }) => { seen(userId, username); add(place("room", room), { note: `${username ?? userId} joined` }); },
  "user-left": ({ room, userId, username }) => add(place("room", room), { note: `${username ?? userId} left` }),
  "room-message": ({ room, userId, username, message, timestamp }) => {
    const p = place("room", room);
    p.typing.delete(userId), drawTyping();
    if (userId === me.id && p.messages.some((m) => m.echo && m.text === message && (m.echo = false, true))) return;   // ours, come back
    add(p, { by: userId, from: String(username ?? userId), text: message, at: timestamp, mine: userId === me.id });
  },
  "private-message": ({ senderId, senderUsername, message, timestamp }) => {
    seen(senderId, senderUsername);
    add(place("user", senderId), { by: senderId, from: String(senderUsername ?? senderId), text: message, at: timestamp });
  },
  typing: ({ room, userId, username }) => {
    const p = place("room", room);
    seen(userId, username);
    clearTimeout(p.typing.get(userId));
    p.typing.set(userId, setTimeout(() => { p.typing.delete(userId); drawTyping(); }, 2500));
    drawTyping();
  },
  share: ({ room, userId, username, name, data, timestamp }) =>
    add(place("room", room), { by: userId, from: String(username ?? userId), at: timestamp, ...shared(String(name), data) }),
  error: (e) => here && add(here, { note: typeof e === "object" ? e?.message ?? JSON.stringify(e) : String(e) }),
};

// ---- what people do

function deliver(where, message, event, payload) {
  message.by = me.id, message.state = "pending";
  message.again = () => transmit(message, event, payload);
  add(where, message);
  return message.again();
}

async function transmit(message, event, payload) {
  message.state = "pending", message.echo = event === "room-message";
  redraw(message);
  try {
    const { answer, ms } = await ask(event, payload);
    if (!answer?.success) throw new Error(answer?.message ?? "refused");
    message.state = undefined, message.ms = ms;
  } catch (e) {
    message.state = "failed", message.why = e.message, message.echo = false;
  }
  redraw(message);
}

let typed = 0;                  // when that was said last; a message ends it

$("say").addEventListener("submit", (e) => {
  e.preventDefault();
  const text = $("text").value;
  if (!text.trim() || !here || !socket) return;
  $("text").value = "";
  typed = 0;
  if (here.kind === "room") deliver(here, { mine: true, text }, "room-message", { room: here.name, message: text });
  else deliver(here, { mine: true, text }, "private-message", { targetUserId: String(here.name), message: text });
});

$("text").addEventListener("input", () => {
  if (here?.kind !== "room" || !socket?.connected || Date.now() - typed < 1500) return;
  typed = Date.now();
  socket.volatile.emit("typing", { room: here.name });
});

async function share(file) {
  if (!file || here?.kind !== "room") return;
  if (file.size > MAX_SHARE) return add(here, { note: `${file.name} is larger than ${MAX_SHARE.toLocaleString()} bytes` });
  const data = await file.arrayBuffer();
  deliver(here, { mine: true, ...shared(file.name, data) }, "share", { room: here.name, name: file.name, data });
}
$("file").addEventListener("change", () => { share($("file").files[0]); $("file").value = ""; });
document.addEventListener("dragover", (e) => e.preventDefault());
document.addEventListener("drop", (e) => { e.preventDefault(); share(e.dataTransfer.files[0]); });
document.addEventListener("paste", (e) => share(e.clipboardData?.files[0]));

$("join").addEventListener("submit", async (e) => {
  e.preventDefault();
  const room = $("join-name").value.trim();
  if (!room || !socket?.connected) return;
  $("join-name").value = "";
  const p = await join(room);
  if (p) show(p);
});

$("leave-room").addEventListener("click", async () => {
  const p = here;
  if (p?.kind !== "room") return;
  wanted.delete(p.name);
  places.delete(p.key);
  show([...places.values()].find((other) => other.kind === "room") ?? null);
  await ask("leave-room", { room: p.name }).catch(() => {});
});

setInterval(() => { if (socket?.connected) ask("ping-ack").catch(() => {}); }, 5000);

// ---- the gateways: this page's own, and those on the ports beside it, as far as one answers

const own = Number(location.port) || (location.protocol === "https:" ? 443 : 80);

function listGateways(ports) {
  const chosen = $("gateway").value || location.origin;
  $("gateway").replaceChildren(...ports.sort((a, b) => a - b).map((port) => {
    const o = element("option", "", `:${port}`);
    o.value = port === own ? location.origin : `${location.protocol}//${location.hostname}:${port}`;
    o.selected = o.value === chosen;
    return o;
  }));
}

async function gateways() {
  const found = [own];
  const there = (port) => fetch(`${location.protocol}//${location.hostname}:${port}/chat.css`, { mode: "no-cors", signal: AbortSignal.timeout(1000) }).then(() => true, () => false);
  const walk = async (step) => { for (let port = own + step; port > 1024 && Math.abs(port - own) < 32 && await there(port); port += step) found.push(port); };
  await Promise.all([walk(-1), walk(1)]);
  listGateways(found);
}
listGateways([own]);

// Looked for only when somebody goes there: a port where nobody answers is an error in the browser's console.
let sought = 0;
for (const coming of ["pointerenter", "focus"]) $("gateway").addEventListener(coming, () => { if (Date.now() - sought > 10_000) sought = Date.now(), gateways(); });
$("gateway").addEventListener("change", () => connect($("gateway").value));

if (token) {
  $("me").textContent = me.name ?? "";
  show(null);
  connect(location.origin);
}
