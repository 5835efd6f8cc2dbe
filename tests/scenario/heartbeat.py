"""An application's heartbeat: real clients that are silent are disconnected, those that ping stay, and a backend sees both."""
import tempfile, pathlib

from lib import Topology, check, same, until

EVENTS = 'identity: query, identity_query: userId, events: {ping: {reply: {event: pong, args: ["{now.iso}"]}}}'
RULES = f"""
namespaces:
  /notifications: {{heartbeat: {{event: ping}}, {EVENTS}}}
  /hasty: {{heartbeat: {{event: ping, scan_ms: 100ms, timeout_ms: 50ms, misses: 3}}, {EVENTS}}}
"""


def test_silent_clients_go_and_are_seen_to():
    with tempfile.TemporaryDirectory() as directory:
        rules = pathlib.Path(directory) / "rules.yaml"
        rules.write_text(RULES)
        with Topology(rules=rules, listener="allow_eio3: true") as t:
            c = t.clients()

            def come(name, gateway, nsp, user, transport="websocket", version=4):
                c.do("connect", id=name, url=f"{t.url(gateway)}{nsp}?userId={user}", version=version, opts={"transports": [transport]})
                c.expect(name, "connect")

            for name, gateway in (("one", 0), ("two", 1)):
                come(name, gateway, "/notifications", "ann")
                c.emit(name, "ping")
                check(c.expect(name, "pong")["args"][0].endswith("Z"), "an ISO time")
            for name, gateway, transport, version in (("silent", 0, "websocket", 4), ("polls", 1, "polling", 4), ("old", 1, "websocket", 2)):
                come(name, gateway, "/hasty", name, transport, version)
                same(c.expect(name, "disconnect")["reason"], "io server disconnect", name)
            sockets = t.command({"sockets": "*", "nsp": "/notifications", "user": "ann"})["sockets"]
            same(sorted(s["gateway"] for s in sockets), ["gateway-0", "gateway-1"])
            same(t.command({"who": "", "nsp": "/notifications", "limit": 1})["total"], 1)
            for s in sockets:
                check(s["connectedAt"] <= s["lastPingAt"] <= s["connectedAt"] + s["duration"], str(s))
                same((s["user"], s["transport"], s["protocol"], s["address"], s["missedPings"]), ("ann", "websocket", 4, "127.0.0.1", 0))
            log = "".join((t.state / f"log/gateway-{i}.log").read_text() for i in (0, 1))
            same(log.count('reason="heartbeat timeout"'), 3)
            until(lambda: sum(s["heartbeats.dead"] for n, s in t.stats().items() if n.startswith("gateway")) == 3, "counted")
            same(c.got("one", "disconnect") + c.got("two", "disconnect"), [])
