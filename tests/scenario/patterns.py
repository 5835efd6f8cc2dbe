"""Namespaces by pattern: whoever connects makes them, on any gateway; a backend reaches them by name."""
import zmq

from lib import Topology, same, until

RULES = """
namespaces:
  /:
    identity: none
  /game-*:
    token: [auth.token]
    connect: {join: players}
    online: {to: '*', event: online, args: ['{user.id}', '{nsp.1}']}
    offline: {to: '*', event: offline, args: ['{user.id}']}
    events:
      move: {emit: {to: 'room:players', event: moved, args: ['{args.0}', '{nsp}']}, ack: '{nsp.1}'}
  /game-vip:
    token: [auth.token]
    require: {role: owner}
  /n-#/**: {token: [auth.token], max_connections_per_user: 1}
"""


def topology(**more):
    t = Topology(extra="  publish_pull: {port: PORT, namespaces: ['/*-1']}\n", **more)
    text = t.file.read_text()
    pull = next(line for line in text.splitlines() if line.strip().startswith("publish_pull: {port") and "namespaces" not in line)
    text = text.replace(pull + "\n", "").replace("PORT", str(t.ports["publish_pull"]))
    (t.dir / "rules.yaml").write_text(RULES)
    t.file.write_text("\n".join(f"include: {t.dir}/rules.yaml" if line.startswith("include:") else line for line in text.splitlines()) + "\n")
    return t


def join(t, c, name, nsp, gateway=0, user=None):
    c.do("connect", id=name, url=t.url(gateway) + nsp, opts={"transports": ["websocket"], "auth": {"token": t.token(user or name)}})
    return c.expect(name, "connect")


def test_a_game_of_two_gateways():
    with topology() as t:
        c = t.clients()
        ann = join(t, c, "ann", "/game-1")
        join(t, c, "bob", "/game-1", gateway=1)
        join(t, c, "cat", "/game-2", gateway=1)
        same(c.expect("ann", "online", lambda l: l["args"][0] == "bob")["args"], ["bob", "1"])
        same(c.call("ann", "move", {"x": 1}), ["1"])
        for name in ("ann", "bob"):
            same(c.expect(name, "moved")["args"], [{"x": 1}, "/game-1"])
        for router in (0, 1):
            same(t.command({"emit": "say", "nsp": "/game-1", "to": "*", "args": [router], "reached": True}, router)["reached"], 2)
            for name in ("ann", "bob"):
                same(c.expect(name, "say")["args"], [router])
            same(t.command({"emit": "say", "nsp": "/game-3", "to": "*", "reached": True}, router)["reached"], 0)
        same([s["id"] for s in t.command({"sockets": "user:ann", "nsp": "/game-1"})["sockets"]], [ann["sid"]])
        same({u["user"]: u["nsp"] for u in t.command({"who": ""})["users"]}, {"ann": ["/game-1"], "bob": ["/game-1"], "cat": ["/game-2"]})
        with t.socket(zmq.PUSH, "publish_pull") as push:        # its allow-list is a pattern, too
            push.send_json({"emit": "pushed", "nsp": "/game-2", "to": "*"})
            push.send_json({"emit": "pushed", "nsp": "/game-1", "to": "*"})
        c.expect("ann", "pushed")
        until(lambda: t.stats()["router-0"].get("refused.publish.ERR_AUTH") == 1, "the other one is refused")
        same(c.got("cat", "pushed") + c.got("cat", "moved"), [])
        open_at = lambda: [t.stats()[f"gateway-{i}"]["spaces.open"] for i in (0, 1)]
        until(lambda: open_at() == [1, 2], "what is open")
        c.do("close", id="bob")
        same(c.expect("ann", "offline")["args"], ["bob"])
        c.do("close", id="ann"), c.do("close", id="cat")
        until(lambda: open_at() == [0, 0], "nothing is left")
        until(lambda: t.stats()["presence-0"]["namespaces.known"] == 2, "presence has forgotten them")


def test_policies_and_limits_of_a_pattern():
    with topology() as t:
        c = t.clients()
        c.do("connect", id="ann", url=t.url(0) + "/game-vip", opts={"transports": ["websocket"], "auth": {"token": t.token("ann")}})
        same(c.expect("ann", "connect_error")["message"], "token lacks a required claim")
        c.do("connect", id="eve", url=t.url(0) + "/other", opts={"transports": ["websocket"]})
        same(c.expect("eve", "connect_error")["message"], "Invalid namespace")
        join(t, c, "n1", "/n-1/a", user="ann")
        join(t, c, "n2", "/n-1/b", user="ann", gateway=1)       # another namespace, another count
        c.do("connect", id="n3", url=t.url(1) + "/n-1/a", opts={"transports": ["websocket"], "auth": {"token": t.token("ann")}})
        same(c.expect("n3", "connect_error")["message"], "too many connections")

