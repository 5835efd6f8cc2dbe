"""topology/cluster.yaml: the daemons over tcp with a CURVE key each, and strangers at their doors."""
import contextlib, re

import zmq

from lib import CLIENT, ROOT, Topology, check, same, until, wire

CLUSTER = f"""
include: {ROOT}/topology/cluster.yaml
bus: {{{{port: PORT, roles_port: ROLES}}}}
listeners: {{{{public: {{{{port: {{base}}, client_dir: {CLIENT}/node_modules/socket.io-client/dist}}}}}}}}
service: {{{{stats_ms: 100}}}}
router:
  publish_pull: {{{{port: {{publish_pull}}, keys: [OPERATOR]}}}}
  publish_sub: {{{{port: {{publish_sub}}}}}}
  command: {{{{port: {{command}}}}}}
  metrics: {{{{port: {{metrics}}}}}}
  feed: {{{{port: {{feed}}}}}}
  worker: {{{{port: {{worker}}, keys: [OPERATOR]}}}}
  stats: {{{{port: {{stats}}}}}}
"""


class Cluster(Topology):
    def __init__(self):
        super().__init__(source=CLUSTER)
        self.bus, self.roles = self.base + 150, self.base + 160
        said = self.tool("keys", "init", ROOT / "topology" / "cluster.yaml").stdout
        operator = re.search(r"public key.*: (\S{40})\n", said).group(1)
        self.file.write_text(self.file.read_text().replace("PORT", str(self.bus)).replace("ROLES", str(self.roles)).replace("OPERATOR", f"'{operator}'"))

    def key(self, name, secret=False):
        text = (self.state / "keys" / (name + "_secret" * secret)).read_text()
        return re.search(f'{"secret" if secret else "public"}-key = "(.{{40}})"', text).group(1).encode()

    def stranger(self, endpoint, kind=zmq.DEALER, server=None, public=None, secret=None, identity=None):
        s = self.context.socket(kind)
        s.linger, s.sndtimeo = 0, 1000
        if identity:
            s.routing_id = identity
        if server:
            s.curve_serverkey, s.curve_publickey, s.curve_secretkey = server, public, secret
        s.connect(endpoint)
        return s


def test_cluster():
    t = Cluster()
    for secret in (t.state / "keys").glob("*_secret"):
        same(secret.stat().st_mode & 0o077, 0, f"{secret.name} is nobody else's")
    with t:
        c = t.clients()
        for name, gateway in (("ann", 0), ("bob", 1)):
            t.connect(c, name, gateway=gateway)
            same(c.call(name, "join-room", {"room": "lobby"}), [{"success": True, "room": "lobby"}])
        t.tool("scale", "gateway=3", timeout=120)
        check((t.state / "keys" / "gateway-2_secret").exists(), "the new one got a key")
        t.connect(c, "cat", gateway=2)
        c.call("cat", "join-room", {"room": "lobby"})
        for who in ("ann", "bob", "cat"):
            same(c.call(who, "room-message", {"room": "lobby", "message": f"from {who}"}), [{"success": True}])
            for reader in ("ann", "bob", "cat"):
                c.expect(reader, "room-message", lambda l: l["args"][0]["message"] == f"from {who}")
        members = {d["id"]: d for d in t.command({"topology": True})["daemons"]}
        check(all(d["endpoint"].startswith("tcp://127.0.0.1:") for d in members.values() if d.get("endpoint")), f"all by tcp: {members}")


def test_strangers():
    with Cluster() as t:
        ends = {"router-0": f"tcp://127.0.0.1:{t.bus}", "gateway-1": f"tcp://127.0.0.1:{t.roles + 1}", "presence-0": f"tcp://127.0.0.1:{t.roles + 100}", "auth-0": f"tcp://127.0.0.1:{t.roles + 200}"}
        hello = wire.frame([wire.beat(wire.GATEWAY, 7, 7 << 8)[0]], 7 << 8)

        def refused(daemon, counter, connect):
            before = t.stats()[daemon].get(counter, 0)      # first: ZeroMQ tries once, and at once
            s = connect()
            with contextlib.suppress(zmq.Again):        # ZeroMQ may have given up on it already
                s.send(hello)
            until(lambda: t.stats()[daemon].get(counter, 0) > before, f"{daemon} counts it as {counter}")
            same(s.poll(0), 0, f"{daemon} answered a stranger")
            s.close()

        public, secret = zmq.curve_keypair()
        for daemon, end in ends.items():
            failed = "bus.handshakes_failed"
            refused(daemon, failed, lambda: t.stranger(end, identity=b"gateway-7.x"))                                        # no key
            refused(daemon, failed, lambda: t.stranger(end, identity=b"gateway-7.x", server=t.key(daemon), public=public, secret=secret))      # nobody's key
            refused(daemon, failed, lambda: t.stranger(end, identity=b"gateway-7.x", server=public, public=t.key("auth-0"), secret=t.key("auth-0", True)))     # takes it for another
            own = {"server": t.key(daemon), "public": t.key("gateway-0"), "secret": t.key("gateway-0", True)}
            refused(daemon, "bus.refused.ERR_AUTH", lambda: t.stranger(end, identity=b"gateway-7.x", **own))                 # a good key under another's id
            refused(daemon, "bus.refused.ERR_AUTH", lambda: t.stranger(end, identity=b"presence-0.x" if daemon == "router-0" else b"gateway-1.x", **own))
        same({d["id"] for d in t.command({"topology": True})["daemons"]}, {"router-0", "router-1", "gateway-0", "gateway-1", "presence-0", "auth-0"}, "nobody came in")

        c = t.clients()
        t.connect(c, "ann")
        operator = {"public": t.key("operator"), "secret": t.key("operator", True)}
        with t.stranger(t.endpoint("publish_pull"), zmq.PUSH, server=t.key("router-0"), **operator) as push:
            push.send_json({"emit": "news", "to": "user:ann", "args": [1]})
            same(c.expect("ann", "news")["args"][:1], [1])     # and an offset behind it: the demo has recovery
        for options in ({}, {"server": t.key("router-0"), "public": public, "secret": secret}):
            before = t.stats()["router-0"]["handshakes.failed_publish_pull"]
            with t.stranger(t.endpoint("publish_pull"), zmq.PUSH, **options) as push:
                with contextlib.suppress(zmq.Again):
                    push.send_json({"emit": "news", "to": "user:ann", "args": [2]})
                until(lambda: t.stats()["router-0"]["handshakes.failed_publish_pull"] > before, "counted")
        c.call("ann", "ping-ack", {})
        same(c.got("ann", "news"), [])
