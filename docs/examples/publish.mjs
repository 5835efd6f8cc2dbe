// Publish into Causeway from Node (npm install zeromq): DEALER, with a binary attachment.
import { Dealer } from "zeromq";

const dealer = new Dealer();
dealer.connect(process.argv[2] ?? "tcp://127.0.0.1:5572");
const request = { emit: "news", to: "room:lobby", args: [{ from: "DEALER", data: { _placeholder: true, num: 0 } }], ref: 1 };
await dealer.send([JSON.stringify(request), Buffer.from([1, 2, 3])]);
const [answer] = await dealer.receive();
console.log("DEALER:", answer.toString()); // {"ok":true,"ref":1,"epoch":"...","seq":...,"gateways":...}
dealer.close();
