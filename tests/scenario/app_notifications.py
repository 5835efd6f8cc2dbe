"""The notification service (topology/apps/notifications.yaml), driven as its own clients drive it.

 what the system needs                                                              | checked by
 -----------------------------------------------------------------------------------|---------------------------------------
 a hundred connect and go at once, a hundred times: no session, room, timer, lease, | churn: gauges, descriptors, resident
 descriptor or byte is left                                                         |   memory of each daemon as shipped
 auth.token "test_token_<i>" on "/" is the user, marked insecure                    | churn: users; insecure_and_said_so
 a user is gone with the last socket only; each end is a line of the log            | two_devices
 a disconnect of an unknown socket is a warning                                     | tests/unit/test_presence.c (sessions_unknown)
 shutdown closes every client, exits 0                                              | shutdown, and each topology's end here; valgrind.py
 /notifications: query userId is the user; none: connected and closed               | who_names_no_user
 every user is in user:<id>; 'notification' from a backend, by command and by PUSH  | two_devices
 ping -> pong with an ISO time; refreshes lastPingAt, clears missedPings            | heartbeats
 silent for three scans: disconnected; a ping in between resets; all configurable   | heartbeats (shortened), settings (as shipped)
 getConnectionStats, getUserConnections; one device of several is kicked            | two_devices, heartbeats
 25 s / 60 s, 1e6 bytes, origins with credentials, websocket and polling            | settings
 1,000 connections: heartbeats cost under 5 % of a core, memory is stable           | a_thousand_connections
"""
import json, pathlib, urllib.request

import zmq

from lib import RELEASE, Topology, check, is_now, same, until

ROUNDS, CLIENTS = 100, 100
TOKENS = [f"test_token_{i}" for i in range(CLIENTS)]
OPTS = {"transports": ["websocket", "polling"], "reconnection": True, "reconnectionDelay": 1000, "reconnectionAttempts": 5}   # as its client has them

# What is zero while nobody is there, by daemon.
GAUGES = {"gateway": ("sessions.open", "sockets.open", "connections.open", "input.bytes", "rooms.open", "memberships.open", "memory.sessions_bytes", "memory.rooms_bytes", "queue.bytes"),
          "presence": ("users.online", "sessions.open", "sessions.held", "announcements.open", "recoverable.open", "recoverable.away"), "router": ("rooms.open",)}


def left(t):
    return {f"{name} {gauge}": counters[gauge] for name, counters in t.stats().items() for gauge in GAUGES.get(name.split("-")[0], ()) if counters[gauge]}


def resident(t):
    """Kilobytes of each of our daemons."""
    status = lambda pid: pathlib.Path(f"/proc/{pid}/status").read_text()
    return {name: int(status(pid).split("VmRSS:")[1].split()[0]) for name, pid in t.pids().items() if not name.startswith("redis")}


def test_churn():
    with Topology(app="notifications", build=RELEASE) as t:
        c = t.clients()
        before, descriptors, first = left(t), {}, {}
        for i in range(ROUNDS):
            for gateway in (0, 1):
                c.do("visit", url=t.url(gateway), live_ms=10, tokens=TOKENS[gateway * CLIENTS // 2:][:CLIENTS // 2])
            for _ in range(2):
                done = c.expect(None, "visited", deadline=60)
                same((done["connected"], done["reasons"]), (CLIENTS // 2, {"io client disconnect": CLIENTS // 2}))
            if i in (0, ROUNDS - 1):
                until(lambda: t.stats()["presence-0"]["sessions.down"] == CLIENTS * (i + 1) and left(t) == before, "all have come and gone, and nothing is left")
                descriptors[i] = {name: counters["process.fds"] for name, counters in t.stats().items()}
                first = first or resident(t)
        same({name for name in before if "memory.sessions" not in name}, set(), "and there was nothing but empty tables before")
        check(all(abs(n - descriptors[0][name]) <= 2 for name, n in descriptors[ROUNDS - 1].items()), f"descriptors, but for our own look at them: {descriptors}")
        grown = {name: kb / first[name] for name, kb in resident(t).items()}
        check(all(by <= 1.05 for by in grown.values()), f"resident memory after the last round is {grown} of that after the first")
        until(lambda: sum(counters.get("sockets.connected", 0) for counters in t.stats().values()) == ROUNDS * CLIENTS, "all were counted")


def test_insecure_and_said_so():
    with Topology(app="notifications", gateway=1, router=1) as t:
        warned = t.tool("config", "check", str(t.file)).stderr
        for name in ("/.identity", "/notifications.identity"):
            check(f"namespaces.{name}: INSECURE" in warned, warned)
            check(f"namespaces.{name}: INSECURE" in t.logs(1000), "the gateway's log does not say it")
        c = t.clients()
        c.do("connect", id="load", url=t.url(), opts={"auth": {"token": "test_token_7"}})
        c.expect("load", "connect")
        same([user["user"] for user in t.command({"who": ""})["users"]], ["test_token_7"])
        c.do("connect", id="no token", url=t.url(), opts={})
        same(c.expect("no token", "disconnect")["reason"], "io server disconnect")


def test_settings():
    with Topology(app="notifications", gateway=1, router=1) as t:
        def handshake(origin):
            request = urllib.request.Request(t.url() + "/socket.io/?EIO=4&transport=polling", headers={"Origin": origin})
            with urllib.request.urlopen(request) as answer:
                return dict(answer.headers), json.loads(answer.read()[1:])
        headers, said = handshake("http://localhost:5173")
        same((said["pingInterval"], said["pingTimeout"], said["maxPayload"], said["upgrades"]), (25000, 60000, 1000000, ["websocket"]))
        same((headers.get("Access-Control-Allow-Origin"), headers.get("Access-Control-Allow-Credentials")), ("http://localhost:5173", "true"))
        same(handshake("http://elsewhere.example")[0].get("Access-Control-Allow-Origin"), None)
        heartbeat = t.tool("config", "show", str(t.file)).stdout
        for key in ("scan_ms: 30s", "timeout_ms: 10s", "misses: 3"):
            check(key in heartbeat, f"{key} in {heartbeat}")


def come(t, c, name, user, gateway=0, **opts):
    c.do("connect", id=name, url=t.url(gateway) + "/notifications", bare=True, opts={**OPTS, "query": {"userId": user} if user else {}, **opts})
    return c.expect(name, "connect")


def test_who_names_no_user():
    with Topology(app="notifications", gateway=1, router=1) as t:
        c = t.clients()
        come(t, c, "nobody", None)
        same(c.expect("nobody", "disconnect")["reason"], "io server disconnect")


def test_two_devices():
    with Topology(app="notifications") as t:
        c = t.clients()
        phone, page = come(t, c, "phone", "user-123"), come(t, c, "page", "user-123", gateway=1, transports=["polling", "websocket"])
        come(t, c, "other", "user-9")
        push = t.socket(zmq.PUSH, "publish_pull", router=1)
        news = {"title": "订单", "message": "hello", "data": {"id": 1}}
        check(t.command({"emit": "notification", "nsp": "/notifications", "to": "user:user-123", "args": [news], "reached": True})["reached"] == 2, "both devices")
        push.send_json({"emit": "notification", "nsp": "/notifications", "to": "user:user-123", "args": [{"n": 2}]})
        for device in ("phone", "page"):
            same(c.expect(device, "notification")["args"], [news])
            same(c.expect(device, "notification")["args"], [{"n": 2}])
        same(c.got("other", "notification"), [])

        mine = t.command({"sockets": "user:user-123", "nsp": "/notifications"})["sockets"]
        same({s["id"] for s in mine}, {phone["sid"], page["sid"]})
        same(t.command({"disconnect": "socket:" + phone["sid"], "nsp": "/notifications"})["ok"], True)
        same(c.expect("phone", "disconnect")["reason"], "io server disconnect")
        same([s["id"] for s in t.command({"sockets": "user:user-123", "nsp": "/notifications"})["sockets"]], [page["sid"]])
        check(t.command({"online": ["user-123"]})["users"][0]["online"], "still there with the page")
        c.do("close", id="page")
        until(lambda: not t.command({"online": ["user-123"]})["users"][0]["online"], "gone with the last device")
        log = (t.state / "log" / "gateway-1.log").read_text()
        line = next(l for l in log.splitlines() if "event=disconnect" in l and page["sid"] in l)
        for part in ('user="user-123"', "reason=", "duration_ms=", "remaining="):
            check(part in line, f"{part} in {line}")


def test_shutdown():
    """Every client is closed, every daemon ends well: Topology looks at that when it ends."""
    with Topology(app="notifications") as t:
        c = t.clients()
        for i in range(20):
            come(t, c, f"c{i}", f"user-{i}", gateway=i % 2, reconnection=False)
        check(t.tool("down").returncode == 0, "down")
        for i in range(20):
            check(c.expect(f"c{i}", "disconnect")["reason"] in ("transport close", "transport error"), "closed by us")
        for gateway in (0, 1):
            log = (t.state / "log" / f"gateway-{gateway}.log").read_text()
            same(log.count("event=disconnect"), 10, "each with its line")


HURRIED = "namespaces:\n  /notifications: {heartbeat: {scan_ms: 200ms, timeout_ms: 150ms, misses: 3}}\n"


def test_heartbeats():
    with Topology(app="notifications", extra=HURRIED, gateway=1, router=1) as t:
        c = t.clients()
        come(t, c, "alive", "user-1")
        c.do("every", id="alive", event="ping", ms=50)      # every 20 s in real life
        silent = come(t, c, "silent", "user-2")
        seen = lambda user: {s["id"]: s for s in t.command({"sockets": "user:" + user, "nsp": "/notifications"})["sockets"]}
        check(is_now(c.expect("alive", "pong")["args"][0]), "an ISO time")
        until(lambda: seen("user-2")[silent["sid"]]["missedPings"], "a miss")
        c.emit("silent", "ping")
        c.expect("silent", "pong")
        until(lambda: not seen("user-2")[silent["sid"]]["missedPings"], "cleared")
        same(c.expect("silent", "disconnect")["reason"], "io server disconnect")
        same(c.got("alive", "disconnect"), [])
        stats = t.command({"sockets": "*", "nsp": "/notifications"})       # getConnectionStats
        same((stats["total"], len(t.command({"who": "", "nsp": "/notifications"})["users"])), (1, 1), "totalConnections, totalUsers")
        one = stats["sockets"][0]
        same((one["user"], one["missedPings"]), ("user-1", 0))
        check(one["connectedAt"] < one["lastPingAt"] <= one["connectedAt"] + one["duration"], one)


def test_a_thousand_connections():
    with Topology(app="notifications", build=RELEASE, router=1, gateway=1) as t:
        c = t.clients()
        c.do("crowd", url=t.url() + "/notifications", opts={"transports": ["websocket"]}, queries=[{"userId": f"user-{i}"} for i in range(1000)])
        done = c.expect(None, "gathered", deadline=60)
        same((done["connected"], done["errors"]), (1000, {}))
        cpu = lambda: sum(v for counters in t.stats().values() for k, v in counters.items() if k in ("process.cpu_user_ms", "process.cpu_system_ms"))
        before, memory = cpu(), resident(t)["gateway-0"]
        c.do("shout", event="ping", hear="pong")
        same(c.expect(None, "heard", deadline=60)["count"], 1000)
        spent = cpu() - before
        check(spent < 0.05 * 20_000, f"what all pings of 20 s cost: {spent} ms of CPU")
        for _ in range(4):
            c.do("shout", event="ping", hear="pong")
            c.expect(None, "heard", deadline=60)
        check(resident(t)["gateway-0"] < 1.05 * memory, "memory is stable")
