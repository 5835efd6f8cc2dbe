"""The operator's side: scaling under load, daemons that are killed, counters that return, Redis that goes and comes."""
import json, os, signal, threading, time

import zmq

from lib import ROOT, Topology, check, kill, same, until


class Publisher:
    """Acknowledged publishes at a steady rate, numbered, over a DEALER with a window."""

    def __init__(self, t, rate, router=0):
        self.t, self.rate, self.router = t, rate, router
        self.sent = self.acked = 0
        self.refused, self.stopping = [], False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        s = self.t.context.socket(zmq.DEALER)
        s.linger, s.rcvhwm = 0, 0
        s.connect(self.t.endpoint("command", self.router))
        begun = time.monotonic()
        while not self.stopping or self.acked + len(self.refused) < self.sent:
            due = int((time.monotonic() - begun) * self.rate)
            while not self.stopping and self.sent < due and self.sent - self.acked < 20_000:
                room = self.sent % 16
                s.send(json.dumps({"emit": "tick", "to": f"room:scale-{room}", "args": [{"userId": str(room), "n": self.sent // 16}], "ref": self.sent}).encode())
                self.sent += 1
            while s.poll(2):
                answer = json.loads(s.recv())
                if answer["ok"]:
                    self.acked += 1
                else:
                    self.refused.append(answer)
        s.close()

    def stop(self):
        self.stopping = True
        self.thread.join(30)
        check(not self.thread.is_alive(), f"all is answered: {self.acked} of {self.sent}")


def two_listeners(t):
    """a and b, on two gateways, in all the rooms that Publisher fills."""
    c = t.clients()
    for name, gateway in (("a", 0), ("b", 1)):
        t.connect(c, name, gateway=gateway, quiet=("tick",))
        for room in range(16):
            c.call(name, "join-room", {"room": f"scale-{room}"})
    return c


def both_have_all(c, p):
    for name in ("a", "b"):
        until(lambda: c.count(name, "tick")[0] >= p.sent, f"{name} has all {p.sent}")
        same(c.count(name, "tick"), (p.sent, 0), f"{name}: complete, once, in order")


def test_scale_under_load():
    with Topology() as t:
        c = two_listeners(t)
        p = Publisher(t, 2000)
        until(lambda: p.acked > 1000, "load")
        for step in (["auth=2", "presence=2"], ["router=3"], ["gateway=4"]):
            before = p.acked
            t.tool("scale", *step, timeout=120)
            until(lambda: p.acked > before + 1000, f"publishes go on after {step}")
        up = {d["id"] for d in t.command({"topology": True})["daemons"]}
        same(up, {f"{role}-{i}" for role, n in (("auth", 2), ("presence", 2), ("router", 3), ("gateway", 4)) for i in range(n)})
        for i in range(24):
            t.connect(c, f"x{i}", gateway=i % 4)
        stats = t.stats()
        until(lambda: (lambda s: all(s[f"router-{i}"]["stream.seq"] > 50 for i in range(3)) and all(s[f"gateway-{i}"]["sessions.open"] >= 6 for i in range(4))
                       and all(s[f"auth-{i}"]["verify.asked"] > 0 for i in range(2)) and all(s[f"presence-{i}"]["users.online"] > 0 for i in range(2)))(t.stats()),
              "every daemon takes its share")
        for i in range(24):
            c.do("close", id=f"x{i}")
        for step in (["gateway=2"], ["router=2"], ["presence=1", "auth=1"]):
            before = p.acked
            t.tool("scale", *step, timeout=120)
            until(lambda: p.acked > before + 1000, f"publishes go on after {step}")
        p.stop()
        same(p.refused, [], "refused")
        same({d["id"] for d in t.command({"topology": True})["daemons"]}, {"auth-0", "presence-0", "router-0", "router-1", "gateway-0", "gateway-1"})
        both_have_all(c, p)


def restarted(t, name, old):
    until(lambda: (lambda d: d and d["pid"] and d["pid"] != old and d["state"] == "ready")(t.daemon(name)), f"a new {name} is ready")


def test_kill_auth_presence_gateway():
    with Topology() as t:
        c = t.clients()
        t.connect(c, "ann", gateway=0)
        t.connect(c, "bob", gateway=1)
        for name in ("ann", "bob"):
            c.call(name, "join-room", {"room": "lobby"})
        for victim in ("auth-0", "presence-0", "gateway-1"):
            old = t.pids()[victim]
            kill(old)
            same(c.call("ann", "room-message", {"room": "lobby", "message": victim}), [{"success": True}])
            restarted(t, victim, old)
            until(lambda: t.daemon(victim)["restarts"] >= 1, "status counts restarts")
            if victim == "gateway-1":
                c.expect("bob", "disconnect")
                c.expect("ann", "user-offline", lambda l: l["args"][0]["userId"] == "bob")
            else:
                c.expect("bob", "room-message", lambda l: l["args"][0]["message"] == victim)
            name = f"after-{victim}"
            t.connect(c, name, gateway=1)
            same(c.call(name, "join-room", {"room": "lobby"})[0]["success"], True)
            same(c.call("ann", "private-message", {"targetUserId": name, "message": "you are there"}), [{"success": True}])
            c.expect(name, "private-message")
        users = {u["user"]: u["sockets"] for u in t.command({"who": ""})["users"]}
        same(users, {"ann": 1, "after-gateway-1": 1}, "who is online is known again")
        stats = t.stats()
        check(any(s["bus.reborn"] > 0 or s.get("bus.peers_up") for s in stats.values()), "stats say so")


def test_redis_comes_back():
    with Topology() as t:
        c = t.clients()
        t.connect(c, "ann")
        redis = lambda *words: os.popen(f"redis-cli -s {t.state}/redis.sock {' '.join(words)} 2>/dev/null").read().strip()
        until(lambda: redis("hget", "user:ann", "is_online") in ("1", "true"), "written behind")
        old = t.daemon("redis-0") or t.daemon("redis")
        kill(old["pid"])
        t.connect(c, "bob", gateway=1)
        same(c.call("bob", "private-message", {"targetUserId": "ann", "message": "no Redis"}), [{"success": True}])
        c.expect("ann", "private-message")
        until(lambda: redis("hget", "user:bob", "is_online") in ("1", "true") and redis("hget", "user:ann", "is_online") in ("1", "true"), "written again")
        c.do("close", id="ann")
        until(lambda: redis("hget", "user:ann", "is_online") in ("0", "false"), "and offline")


def test_stats_return():
    quiet = ROOT / "tests" / "scenario" / "quiet.yaml"      # a thousand that come and go need not all hear of each other
    with Topology(rules=quiet) as t:
        begun = time.monotonic()
        stats = t.stats(router=1)
        check(set(stats) == {"router-0", "router-1", "gateway-0", "gateway-1", "presence-0", "auth-0"}, f"every daemon: {set(stats)}")
        check(time.monotonic() - begun < 3, "at once")
        c = [t.clients(), t.clients()]
        tokens = [t.token(f"u{i}") for i in range(1000)]
        for round in range(10):
            for half in (0, 1):
                c[half].do("churn", url=t.url(half), opts={"transports": ["websocket"]}, count=500, tokens=tokens[half * 500:half * 500 + 500])
            for half in (0, 1):
                done = c[half].expect(None, "churned", deadline=120)
                same((done["connected"], done["failed"]), (500, 0))
        def empty():
            s = t.stats()
            return all(s[g]["sessions.open"] == 0 and s[g]["rooms.open"] == 0 for g in ("gateway-0", "gateway-1")) and \
                all(s[r]["rooms.open"] == 0 for r in ("router-0", "router-1")) and s["presence-0"]["sessions.open"] == 0 and s["presence-0"]["users.online"] == 0
        until(empty, "gauges are back at 0")


def test_everything_exits_0_on_sigterm():
    with Topology() as t:
        c = t.clients()
        t.connect(c, "ann")
        t.connect(c, "bob", transports=("polling",), gateway=1)
    # leaving checks the exit codes of all daemons, and that no sanitizer spoke


def test_kill_a_router_under_load():
    with Topology(router=3) as t:
        c = two_listeners(t)
        p = Publisher(t, 2000)
        until(lambda: p.acked > 1000, "load")
        for victim in ("router-1", "router-2"):
            before, old = p.acked, t.pids()[victim]
            kill(old)
            restarted(t, victim, old)
            until(lambda: victim in t.command({"topology": True})["owners"], f"{victim} owns again")
            until(lambda: p.acked > before + 2000, "publishes go on")
        p.stop()
        same(p.refused, [], "refused")
        both_have_all(c, p)


def test_a_router_that_hangs_and_wakes():
    """Its rooms went to others: it begins anew, and does nothing in the name of the life before."""
    with Topology(router=3) as t:
        c = two_listeners(t)
        p = Publisher(t, 500)
        until(lambda: p.acked > 500, "load")
        old = t.pids()["router-1"]
        kill(old, signal.SIGSTOP)
        until(lambda: "router-1" not in t.command({"topology": True})["owners"], "its rooms have moved")
        kill(old, signal.SIGCONT)
        restarted(t, "router-1", old)
        until(lambda: "router-1" in t.command({"topology": True})["owners"], "router-1 owns again")
        before = p.acked
        until(lambda: p.acked > before + 500, "publishes go on")
        p.stop()
        same(p.refused, [], "refused")
        both_have_all(c, p)
