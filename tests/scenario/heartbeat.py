"""An application's heartbeat: a real client that is silent is disconnected, one that pings stays, and a backend sees both."""
import tempfile, pathlib

from lib import Topology, check, same, until

RULES = """
namespaces:
  /notifications:
    identity: query
    identity_query: userId
    heartbeat: {event: ping, scan_ms: 150ms, timeout_ms: 50ms, misses: 3}
    events:
      ping: {reply: {event: pong, args: ["{now.iso}"]}}
"""


def test_silent_clients_go_and_are_seen_to():
    with tempfile.TemporaryDirectory() as directory:
        rules = pathlib.Path(directory) / "rules.yaml"
        rules.write_text(RULES)
        with Topology(rules=rules, listener="allow_eio3: true") as t:
            c = t.clients()
            url = lambda gateway, user: f"{t.url(gateway)}/notifications?userId={user}"
            for name, gateway, more in (("busy", 0, {}), ("other", 1, {}), ("silent", 0, {"opts": {"transports": ["polling"]}}), ("old", 1, {"version": 2})):
                c.do("connect", id=name, url=url(gateway, "ann" if name in ("busy", "other") else name), **{"opts": {"transports": ["websocket"]}, **more})
                c.expect(name, "connect")
            for name in ("silent", "old"):
                while not c.got(name, "disconnect"):
                    for alive in ("busy", "other"):
                        c.emit(alive, "ping")
                        check(c.expect(alive, "pong")["args"][0].endswith("Z"), "an ISO time")
                same(c.expect(name, "disconnect")["reason"], "io server disconnect", name)
            c.emit("busy", "ping"), c.expect("busy", "pong")
            sockets = t.command({"sockets": "*", "nsp": "/notifications", "user": "ann"})["sockets"]
            same(sorted(s["gateway"] for s in sockets), ["gateway-0", "gateway-1"])
            for s in sockets:
                check(s["connectedAt"] < s["lastPingAt"] <= s["connectedAt"] + s["duration"] and s["missedPings"] < 3, str(s))
                same((s["user"], s["transport"], s["protocol"], s["address"]), ("ann", "websocket", 4, "127.0.0.1"))
            log = "".join((t.state / f"log/gateway-{i}.log").read_text() for i in (0, 1))
            same(log.count('reason="heartbeat timeout"'), 2)
            until(lambda: sum(s["heartbeats.dead"] for n, s in t.stats().items() if n.startswith("gateway")) == 2, "counted")
            same(c.got("busy", "disconnect") + c.got("other", "disconnect"), [])
