// browser - two people with the chat page in Chromium, each on another gateway. Told by scenario/browser.py:
//
//     node browser.mjs [DIRECTORY] < {"ann":URL,"bob":URL,"cut":URL}
//
// It says a line for each thing that holds, asks for what it can't do itself ({"do":"kill"}: ann's gateway dies, answered by a
// line when it is back) and ends with {"done":true}. With a directory it leaves screenshots there.
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const heard = async () => JSON.parse((await lines.next()).value);
const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");
const shots = process.argv[2];
const urls = await heard();

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
const errors = [];
let away = false;       // while a gateway or the network is gone on purpose, the browser itself complains of connections

async function person(name, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 760 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.on("pageerror", (e) => errors.push(`${name}: ${e}`));
  page.on("console", (m) => {
    const network = /Failed to load resource|WebSocket connection to/.test(m.text());
    const sought = m.location().url.endsWith("/chat.css") && m.location().url.indexOf(new URL(url).origin) !== 0;     // another gateway: none there
    if (["error", "warning"].includes(m.type()) && !(network && (away || sought))) errors.push(`${name}: ${m.text()} (${m.location().url})`);
  });
  await page.goto(url);
  return page;
}

const shot = async (page, name) => shots && page.screenshot({ path: `${shots}/${name}.png` });
const state = (page, text) => page.waitForFunction((want) => document.getElementById("state").dataset.state === want, text);
const online = (page, name, there = true) => page.waitForFunction(([who, want]) =>
  [...document.querySelectorAll("#people li:not(.self):not(.away) .name")].some((e) => e.textContent === who) === want, [name, there]);
const message = (page, text) => page.locator("#messages .bubble", { hasText: text }).first().waitFor();
const place = (page, name) => page.locator("nav li button", { hasText: name }).first().click();

async function write(page, text) {
  await page.locator("#text").fill(text);
  await page.locator("#text").press("Enter");
  await page.locator("#messages li.mine:not(.pending):not(.failed)", { hasText: text }).first().waitFor();
}

async function told(from, to, text) {
  await write(from, text);
  await message(to, text);
}

const PNG = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAIAAAACUFjqAAAAFElEQVR42mNk+M9QzzAMASMDAwMAC9kCAV0lHkAAAAAASUVORK5CYII=", "base64");
async function step(what, doing) {
  await doing();
  say({ good: what });
}

let ann, bob;
await step("two pages, two gateways", async () => {
  ann = await person("ann", urls.ann);
  await state(ann, "connected");
  await shot(ann, "alone");
  bob = await person("bob", urls.bob);
  for (const page of [ann, bob]) {
    await state(page, "connected");
    await page.locator("#transport[data-transport=websocket]").waitFor();
  }
  await Promise.all([online(ann, "Bob"), online(bob, "Ann")]);
});
await step("the token is not in the address", async () => {
  if (ann.url().includes("token")) throw new Error(ann.url());
});
await step("they talk in the room", async () => {
  await told(ann, bob, "Hello Bob, which gateway are you on? \u2603 \u{1F600}");
  await told(bob, ann, "<b>Another one</b> than you, & it does not matter.");
});
await step("who types is seen", async () => {
  await bob.locator("#text").pressSequentially("and I", { delay: 5 });
  await ann.locator("#typing", { hasText: "Bob is typing" }).waitFor();
  await bob.locator("#text").fill("");
});
await step("a picture goes over as bytes", async () => {
  await ann.locator("#file").setInputFiles({ name: "dot.png", mimeType: "image/png", buffer: PNG });
  await bob.waitForFunction(() => document.querySelector("#messages img")?.naturalWidth > 0);
});
await step("in private, with a count until it is read", async () => {
  await place(ann, "Bob");
  await write(ann, "psst");
  await bob.locator("#people .count", { hasText: "1" }).waitFor();
  await shot(bob, "unread");
  await place(bob, "Ann");
  await message(bob, "psst");
  await told(bob, ann, "what is it?");
  for (const page of [ann, bob]) await place(page, "lobby");
});
await step("another room is entered and left", async () => {
  for (const page of [ann, bob]) {
    await page.locator("#join-name").fill("garden");
    await page.locator("#join-name").press("Enter");
    await page.locator("#title", { hasText: "garden" }).waitFor();
  }
  await told(ann, bob, "nobody else in the garden");
  await ann.locator("#leave-room").click();
  await bob.locator("#messages .note", { hasText: "Ann left" }).waitFor();
  await place(bob, "lobby");
});
await step("a reload keeps who one is", async () => {
  await ann.reload();
  await state(ann, "connected");
  await online(ann, "Bob");
  await told(bob, ann, "there you are again");
});
await step("offline is seen, and what was written meanwhile goes out afterwards", async () => {
  away = true;
  await ann.context().setOffline(true);
  await state(ann, "reconnecting");
  await online(bob, "Ann", false);
  await ann.locator("#text").fill("written in a tunnel");
  await ann.locator("#text").press("Enter");
  await ann.locator("#messages li.pending").waitFor();
  await ann.locator("#banner", { hasText: "This device is offline" }).waitFor();
  await shot(ann, "offline");
  await write(bob, "said meanwhile");
  await ann.context().setOffline(false);
  await state(ann, "connected");
  away = false;
  await ann.locator("#messages .note", { hasText: "nothing was missed" }).waitFor();
  await message(ann, "said meanwhile");
  await ann.locator("#banner").waitFor({ state: "hidden" });
  await Promise.all([message(bob, "written in a tunnel"), online(bob, "Ann")]);
});
await step("another gateway is chosen by hand", async () => {
  await ann.locator("#gateway").hover();
  await ann.waitForFunction(() => document.getElementById("gateway").options.length === 2);
  await ann.locator("#gateway").selectOption({ index: 1 });
  await state(ann, "connected");
  await told(bob, ann, "and on my gateway too");
  await ann.locator("#gateway").selectOption({ index: 0 });
  await state(ann, "connected");
  await told(ann, bob, "and back");
});
await step("a gateway that dies is come back to", async () => {
  away = true;
  say({ do: "kill" });
  await state(ann, "reconnecting");
  await ann.locator("#banner", { hasText: "The gateway does not answer" }).waitFor();
  await shot(ann, "reconnecting");
  await write(bob, "said to the dead");
  await heard();
  await state(ann, "connected");
  away = false;
  await online(ann, "Bob");
  await message(ann, "said to the dead");
  await told(ann, bob, "my gateway is new");
  await told(bob, ann, "mine is as it was");
});
await step("who closes the tab is gone", async () => {
  await bob.context().close();
  await online(ann, "Bob", false);
});
await step("a bad token is told, and asked for again", async () => {
  away = true;            // the page leaves while its upgrade is under way
  const eve = await person("eve", urls.ann.replace(/token=[^&]*/, "token=a.b.c"));
  await eve.locator("#login-error", { hasText: "token" }).waitFor();
  await shot(eve, "refused");
  await eve.context().close();
  away = false;
});

// The picture in the README.
async function readme() {
  const small = { viewport: { width: 880, height: 510 } };
  const [one, two, three] = await Promise.all([["one", urls.ann], ["two", urls.bob], ["three", urls.guest0]].map(([name, url]) => person(name, url, small)));
  for (const page of [one, two, three]) {
    await state(page, "connected");
    await page.locator("#join-name").fill("bridges");
    await page.locator("#join-name").press("Enter");
    await page.locator("#title", { hasText: "bridges" }).waitFor();
  }
  await told(two, one, "Which gateway are you on? I am on :8081.");
  await told(one, two, "8080. It makes no difference, does it?");
  await told(three, two, "None. The room has one order everywhere.");
  await told(three, two, "Watch me when my gateway is killed \u2026");
  await told(one, three, "\u2026 you were away for a second and missed nothing.");
  await place(two, "Ann");
  await write(two, "psst");
  await one.locator("#people .count").waitFor();
  await two.locator("nav li button", { hasText: "bridges" }).click();
  await two.locator("#text").pressSequentially("and I");
  await one.locator("#typing", { hasText: "Bob" }).waitFor();
  await one.locator("#messages").evaluate((e) => { for (const note of e.querySelectorAll(".note")) note.remove(); });
  await shot(one, "readme");
  for (const page of [one, two, three]) await page.context().close();
}

// What it looks like: full of people and long things, dark, on a phone.
if (shots) {
  const long = "a-very-long-name-".repeat(8);
  const names = ["Cleo", "Dora", "Emil", "Fritz", "Gerda-Wilhelmina von und zu Hohenlangenburg-Breitenstein"];
  const others = await Promise.all(names.map((name, i) => person(name, urls[`guest${i}`])));
  for (const page of others) await state(page, "connected");
  for (let i = 0; i < 30; i++) await told(others[i % 5], ann, i % 7 === 3 ? `${i}: ${"words and ".repeat(40)}` : i % 7 === 5 ? `${i}: ${"x".repeat(300)}` : `message number ${i}`);
  await ann.locator("#join-name").fill(long.slice(0, 128));
  await ann.locator("#join-name").press("Enter");
  await ann.locator("#title", { hasText: "a-very" }).waitFor();
  await shot(ann, "empty-room");
  await told(others[4], others[0], "the last word");
  await place(ann, "lobby");
  await shot(ann, "full");
  await ann.locator("#messages").evaluate((e) => { e.scrollTop = 0; });
  await told(others[0], others[1], "not seen up there");
  await ann.locator("#newer").waitFor();
  await shot(ann, "scrolled");
  await ann.locator("#newer").click();
  await ann.locator("#newer").waitFor({ state: "hidden" });
  await place(ann, "Cleo");
  await shot(ann, "private");
  const looks = [["dark", { colorScheme: "dark" }], ["phone", { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 }],
    ["phone-dark", { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2, colorScheme: "dark" }], ["small", { viewport: { width: 320, height: 568 } }]];
  for (const [name, options] of looks) {
    const page = await person(name, urls.bob, options);
    await state(page, "connected");
    for (let i = 0; i < 4; i++) await told(others[i], page, `message number ${i} to all of you, wherever you are`);
    await told(page, others[0], "and an answer");
    await page.locator("#file").setInputFiles({ name: "dot.png", mimeType: "image/png", buffer: PNG });
    await others[3].locator("#text").pressSequentially("typ");
    await page.locator("#typing", { hasText: "Fritz" }).waitFor();
    await shot(page, name);
    await page.context().close();
  }
  await readme();
  const stranger = await person("stranger", new URL(urls.ann).origin + "/");
  await shot(stranger, "login");
}

await browser.close();
if (errors.length) say({ bad: errors });
say({ done: true });
process.exit(0);
