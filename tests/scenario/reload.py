"""A topology is read again while everybody talks: SIGHUP, `causeway reload` and the verb."""
import signal, threading

from lib import ROOT, Topology, check, kill, same, until

CHAT = (ROOT / "topology/apps/chat.yaml").read_text()
ACK = "ack: {success: true, room: \"{room}\"}"
ROLES = {"router-0", "router-1", "gateway-0", "gateway-1", "presence-0", "auth-0"}


class Rules:
    """The application's file, which is changed meanwhile: beside the topology's."""

    def __init__(self, t):
        self.t = t
        self.topology = t.file.read_text()
        self.file = t.dir / "rules.yaml"
        self.file.write_text(CHAT)
        t.file.write_text(self.topology.replace(f"include: {ROOT / 'topology/apps/chat.yaml'}", f"include: {self.file}"))

    def say(self, text):
        self.file.write_text(text)

    def reload(self, router=0):
        answer = self.t.command({"reload": True, "timeout": 20000}, router)
        return answer, {d["id"]: d for d in answer["daemons"]}


def outcomes(daemons):
    return {name: d["reload"] for name, d in daemons.items()}


def test_reload_under_load():
    """100 clients talk, rules change ten times, good and bad; nobody is dropped, nothing is lost, doubled or out of order."""
    with Topology() as t:
        rules = Rules(t)
        c = t.clients()
        people = [f"p{i}" for i in range(100)]
        for i, name in enumerate(people):
            c.do("connect", id=name, url=t.url(i % 2), quiet=["*"], opts={"transports": ["websocket"] if i % 3 else ["polling"], "auth": {"token": t.token(name)}})
        for i, name in enumerate(people):
            c.expect(name, "connect")
            c.call(name, "join-room", {"room": f"r{i % 20}"})
        for i, name in enumerate(people):
            c.do("flood", id=name, event="room-message", args={"room": f"r{i % 20}"}, count=100, window=5)
        flooded = []
        watcher = threading.Thread(target=lambda: [flooded.append(c.expect(name, "flooded", deadline=120)) for name in people])
        watcher.start()
        turns = 0
        while watcher.is_alive() or turns < 6:
            bad = turns % 3 == 2
            rules.say(CHAT + "      broken: {member: {}}\n" if bad else CHAT.replace(ACK, ACK.replace("true", f"true, turn: {turns}")) + f"  /n{turns}: {{identity: none}}\n")
            answer, daemons = rules.reload(turns % 2)
            same((answer["ok"], answer["complete"], set(daemons)), (not bad, True, ROLES), str(answer))
            same(daemons["gateway-0"]["reload"], "refused" if bad else "done")
            turns += 1
        watcher.join()
        same(sum(line["count"] for line in flooded), 100 * 100)
        for name in people:
            until(lambda: c.count(name, "room-message")[0] >= 500, f"{name} has all")
            same(c.count(name, "room-message"), (500, 0), f"{name}: complete, once, in order")
            same(c.got(name, "disconnect"), [])
        rules.say(CHAT.replace(ACK, ACK.replace("true", "true, turn: last")))
        rules.reload()
        for name in ("p0", "p1"):
            same(c.call(name, "join-room", {"room": "x"}), [{"success": True, "turn": "last", "room": "x"}])
        counters = t.stats()["gateway-0"]
        check(counters["process.reloads"] >= 4 and counters["process.reloads_refused"] >= 2, str(counters))


def test_what_changes_and_what_does_not():
    with Topology(extra="service: {stats_ms: 50}\n") as t:
        rules = Rules(t)
        c = t.clients()
        t.connect(c, "ann")
        answer, daemons = rules.reload()
        same((answer["ok"], outcomes(daemons)), (True, dict.fromkeys(ROLES, "unchanged")))

        rules.say(CHAT + "  /later:\n    user_claim: name\n    events: {hi: {ack: \"{user.id}\"}}\n")
        t.file.write_text(t.file.read_text().replace("gateway: 2", "gateway: 3").replace("origins: ['*']", "origins: ['https://one.example'], ping_interval_ms: 9s"))
        done = t.tool("reload")
        for line in ("gateway-1: done", "changed: namespaces./later", "changed: listeners.public.origins", "needs a restart: listeners.public.ping_interval_ms", "needs a restart: instances.gateway", "auth-0: done"):
            check(line in done.stdout, f"{line}\n{done.stdout}")
        c.do("connect", id="bob", url=t.url(1) + "/later", opts={"transports": ["websocket"], "auth": {"token": t.token("x", name="bob")}})
        c.expect("bob", "connect")
        same(c.call("bob", "hi"), ["bob"])

        # One that is gone: its sockets are told, its users are offline; the connection and what else it has live on.
        c.do("connect", id="cat", url=t.url(0), also={"cat-later": "/later"}, opts={"transports": ["websocket"], "auth": {"token": t.token("cat", name="cat")}})
        c.expect("cat", "connect"), c.expect("cat-later", "connect")
        same(len(t.command({"who": "", "nsp": "/later"})["users"]), 2)
        rules.say(CHAT)
        rules.reload()
        for name in ("bob", "cat-later"):
            same(c.expect(name, "disconnect")["reason"], "io server disconnect")
        same(c.call("cat", "ping-ack", {}), ["pong"])
        until(lambda: t.command({"who": "", "nsp": "/later"})["users"] == [], "they are offline")
        c.do("connect", id="dan", url=t.url(0) + "/later", opts={"transports": ["websocket"], "auth": {"token": t.token("dan", name="dan")}})
        same(c.expect("dan", "connect_error")["message"], "Invalid namespace")
        same(c.got("ann", "disconnect") + c.got("cat", "disconnect"), [])


def test_a_bad_file_changes_nothing():
    with Topology(extra="service: {stats_ms: 50}\n") as t:
        rules = Rules(t)
        c = t.clients()
        t.connect(c, "ann")
        rules.say(CHAT.replace("join-room:", "join-rooms:").replace("success: true, room:", "success: [{oops, room:"))
        answer, daemons = rules.reload()
        same((answer["ok"], answer["error"]["code"], answer["error"]["field"], outcomes(daemons)), (False, "refused", "reload", dict.fromkeys(ROLES, "refused")))
        error = daemons["gateway-0"]["errors"][0]
        check(error["file"] == str(rules.file) and error["line"] > 1 and error["column"] > 0 and error["message"], str(error))
        same(c.call("ann", "join-room", {"room": "a"}), [{"success": True, "room": "a"}])
        health = t.command({"health": True})
        same({(d["id"], d["status"]) for d in health["daemons"]}, {(name, "degraded") for name in ROLES})
        until(lambda: all(s["process.reload_refused"] == 1 for s in t.stats().values()), "the figures show it")
        check("topology refused" in (t.state / "log/gateway-0.log").read_text(), "the log says so")
        same(t.tool("reload", ok=False).returncode, 100)

        # An error that only rules have: routers and auth could live with it, gateways and presence can't.
        rules.say(CHAT + "      broken: {member: {}}\n")
        _, daemons = rules.reload()
        same(outcomes(daemons), {n: "refused" if n[:2] in ("ga", "pr") else "done" if n[:2] == "au" else "unchanged" for n in ROLES})
        done = t.tool("reload", ok=False)
        same(done.returncode, 1)
        check(f"{rules.file}:" in done.stdout, done.stdout)

        rules.say(CHAT)
        for pid in (t.pids()[name] for name in sorted(ROLES)):
            kill(pid, signal.SIGHUP)
        until(lambda: all(s["process.reload_refused"] == 0 for s in t.stats().values()), "all is well again")
        same({(d["id"], d["status"]) for d in t.command({"health": True})["daemons"]}, {(name, "ok") for name in ROLES})
        same(c.got("ann", "disconnect"), [])


def test_banned_words_are_read_again():
    """A file that the topology only names: the rules are the same, what they mean is not."""
    with Topology() as t:
        rules = Rules(t)
        words = t.dir / "words.txt"
        words.write_text("spam\n")
        rules.say(CHAT.replace("    user_claim: sub\n", f"    user_claim: sub\n    words_file: {words}\n").replace("events:\n", "events:\n      speak: {require: {text: {type: string, clean: true}}, ack: fine}\n", 1))
        same(rules.reload()[0]["ok"], True)
        c = t.clients()
        t.connect(c, "ann")
        same((c.call("ann", "speak", {"text": "ham"}), c.call("ann", "speak", {"text": "Spam!"})), (["fine"], [None]))
        words.write_text("ham\n")
        _, daemons = rules.reload()
        same((daemons["gateway-1"]["reload"], daemons["gateway-1"]["changed"]), ("done", ["namespaces./.words_file"]))
        same((c.call("ann", "speak", {"text": "ham"}), c.call("ann", "speak", {"text": "Spam!"})), ([None], ["fine"]))
        same(rules.reload()[1]["gateway-0"]["reload"], "unchanged")


def test_drain():
    """One gateway leaves by the verb: its clients come back to the other, the supervisor starts it again."""
    with Topology(extra="bus: {drain_ms: 2s}\nservice: {restart_backoff_ms: 10ms}\n") as t:
        c = t.clients()
        t.connect(c, "ann", gateway=0)
        t.connect(c, "bob", gateway=1)
        before = t.pids()
        for daemon in ("gateway-7", "gateway", "nobody"):
            answer = t.command({"drain": daemon})
            same((answer["ok"], answer["error"]["code"], answer["error"]["field"]), (False, "unknown-daemon", "drain"))
        for daemon in ("gateway-1", "router-1", "presence-0", "auth-0"):
            answer = t.command({"drain": daemon})
            same((answer["ok"], answer["daemons"]), (True, [{"id": daemon, "role": daemon.split("-")[0], "drain": "begun"}]))
            if daemon == "gateway-1":
                same(c.expect("bob", "disconnect")["reason"], "transport close")
                c.do("back", id="bob", url=t.url(0))
                c.expect("bob", "connect")
            until(lambda: t.pids()[daemon] not in (before[daemon], 0, None) and any(d["id"] == daemon and d["state"] == "ready" and d["pid"] == t.pids()[daemon]
                  for d in t.command({"topology": True})["daemons"]), f"{daemon} is there again")
        c.call("ann", "join-room", {"room": "a"}), c.call("bob", "join-room", {"room": "a"})
        c.call("ann", "room-message", {"room": "a", "message": "still here"})
        same(c.expect("bob", "room-message")["args"][0]["message"], "still here")
