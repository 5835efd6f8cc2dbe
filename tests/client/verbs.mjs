// Requests that tests/scenario/verbs.py has made, sent by Node's zeromq: {"frames":[base64...]} a line in, the answer's first frame a line out.
import { createInterface } from "node:readline";
import { Dealer, Request } from "zeromq";

const [endpoint, kind] = process.argv.slice(2);
const socket = kind === "DEALER" ? new Dealer() : new Request();
socket.connect(endpoint);
for await (const line of createInterface({ input: process.stdin })) {
  await socket.send(JSON.parse(line).frames.map((f) => Buffer.from(f, "base64")));
  const [answer] = await socket.receive();
  process.stdout.write(answer.toString() + "\n");
}
socket.close();
