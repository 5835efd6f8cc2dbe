"""Workers: programs in Python, Node and C that answer client events over ZeroMQ."""
import base64, itertools, json, os, pathlib, subprocess, sys, time

import zmq

from lib import CLIENT, DEADLINE, ROOT, Driver, Failed, Topology, check, kill, same, until

RULES = ROOT / "tests/scenario/workers.yaml"
EXAMPLES = ROOT / "examples"


def topology(extra="", **more):
    return Topology("workers", extra=extra, rules=RULES, **more)


class Worker:
    """A worker of the test's own: says 'ready', then does as it is told."""

    def __init__(self, t, router=0, namespaces=("/",), events=("*",), capacity=16, name="own", wait=True):
        self.socket = t.socket(zmq.DEALER, "worker", router)
        self.say(ready=name, namespaces=list(namespaces), events=list(events), capacity=capacity)
        if wait:
            self.welcome = self.hear("welcome")

    def say(self, *attachments, **frame):
        self.socket.send_multipart([json.dumps(frame).encode(), *attachments])

    def frame(self):
        while True:
            frames = self.socket.recv_multipart()
            m = json.loads(frames[0])
            if "ping" in m:
                self.say(pong=m["ping"])
            else:
                m["attachments"] = frames[1:]
                return m

    def hear(self, kind):
        m = self.frame()
        check(kind in m, f"a {kind}, not {m}")
        return m

    def request(self, event=None):
        m = self.hear("request")
        check(event in (None, m["event"]), f"{event}, not {m}")
        return m

    def answer(self, request, *attachments, **reply):
        self.say(*attachments, reply=request["request"], **reply)

    def close(self):
        self.socket.close()


def known(t, count, *routers):
    """So many workers have announced themselves, and every gateway has heard of it: the routers tell them in order."""
    until(lambda: sum(s.get("workers.open", 0) for n, s in t.stats().items() if n.startswith("router")) == count, f"{count} workers")


def join(t, c, name, gateway=0, nsp="/", **opts):
    c.do("connect", id=name, url=t.url(gateway) + nsp, opts={"transports": ["websocket"], "auth": {"token": name}, **opts})
    return c.expect(name, "connect")


def asked(c, name, event, *args):
    """A call until a worker is there for it: gateways hear of workers a moment after they came."""
    return until(lambda: (lambda a: a if a != [None] else None)(c.call(name, event, *args)), f"a worker for {event}")


def example(t, kind, nsp, tmp):
    routers = [t.endpoint("worker", r) for r in (0, 1)]
    if kind == "c":
        program = tmp / "worker"
        subprocess.run(["cc", "-O1", "-Wall", "-Wextra", "-Werror", "-o", program, EXAMPLES / "worker.c", "-lzmq", "-ljansson"], check=True)
        words = [program]
    else:
        words = {"py": [sys.executable, EXAMPLES / "worker.py"], "mjs": ["node", EXAMPLES / "worker.mjs"]}[kind]
    env = {**os.environ, "MODULES": str(CLIENT)}
    p = subprocess.Popen([*words, nsp, *routers], stdout=subprocess.PIPE, text=True, env=env)
    check(p.stdout.readline().startswith("welcome"), f"{kind}: welcome")
    return p


def leave(p):
    p.terminate()
    same(p.wait(10), 0, "its end")


def test_examples():
    """Each language's example: an echo, a room, an attachment, a refusal; and it leaves when it is told to."""
    for f in EXAMPLES.glob("worker.*"):
        check(len(f.read_text().splitlines()) < 60, f"{f.name} has under 60 lines")
    with topology(extra="gateway: {worker_ms: 1s}\n") as t:
        c = t.clients()
        ann, bob = join(t, c, "ann"), join(t, c, "bob", 1)
        same(c.call("ann", "echo", 1), [None], "nobody there")
        for kind in ("py", "mjs", "c"):
            p = example(t, kind, "/", t.dir)
            same(asked(c, "ann", "echo", 1, "two", {"three": [4]}), [1, "two", {"three": [4]}], kind)
            if kind != "c":
                data = {"$bin": base64.b64encode(os.urandom(1000)).decode()}
                same(c.call("ann", "echo", {"file": data}, data), [{"file": data}, data], f"{kind}: attachments")
                same(c.call("bob", "say", {"room": kind, "text": "hi"}), [{"ok": True}])
                same(c.expect("bob", "said")["args"], [{"user": "bob", "text": "hi"}])
                same(c.expect("bob", "told")["args"], [kind])
                same(c.call("ann", "say", {"room": kind, "text": ""}), [None])
                same(c.expect("ann", "error")["args"], [{"message": "say what, and where?"}])
            leave(p)
            until(lambda: c.call("ann", "echo", 1) == [None], f"{kind} is gone")
            until(lambda: t.stats()["gateway-0"]["work.open"] == 0, "nothing waits")


def counter(t, router, capacity=50):
    p = subprocess.Popen([sys.executable, CLIENT / "counter.py", t.endpoint("worker", router), str(capacity)], stdout=subprocess.PIPE, text=True)
    same(p.stdout.readline(), "welcome\n", "counter")
    return p


def test_fifty_thousand_with_two_killed():
    """50,000 requests over 4 workers on 2 routers, two killed with -9 on the way: each answered once, each socket's in order."""
    sockets, each = 10, 5000
    with topology() as t:
        c = t.clients()
        workers = [counter(t, i % 2) for i in range(4)]
        names = [f"u{i}" for i in range(sockets)]
        for i, name in enumerate(names):
            c.do("connect", id=name, url=t.url(i % 2), quiet=["seen"], opts={"transports": ["websocket"], "auth": {"token": name}})
            c.expect(name, "connect")
        asked(c, "u0", "count", {"n": -1}), asked(c, "u1", "count", {"n": -1})
        first = {name: c.count(name, "seen") for name in names}
        for name in names:
            c.do("flood", id=name, event="count", count=each, window=50)
        done = lambda: sum(s.get("work.done", 0) for n, s in t.stats().items() if n.startswith("gateway"))
        for share, victim in ((0.2, 0), (0.5, 3)):
            until(lambda: done() > share * sockets * each, f"{share} of them answered", deadline=120, every=0.1)
            kill(workers[victim].pid)
        for name in names:
            c.expect(name, "flooded", deadline=120)
        for name in names:
            count, disorder = c.count(name, "seen")
            same(count - first[name][0], each, f"{name}: answers")
            same(disorder, first[name][1], f"{name}: order")
        stats = t.stats()
        same(sum(stats[f"router-{r}"]["workers.lost"] for r in (0, 1)), 2, "lost")
        for gateway in ("gateway-0", "gateway-1"):
            same(stats[gateway]["work.timeout"] + stats[gateway].get("work.failed", 0), 0, f"{gateway}: given up")
        for p in workers:
            kill(p.pid)
            p.wait()


def test_connect_waits_for_its_worker():
    """Middleware: it lets in with rooms, refuses with a message and data, and what nobody answers is refused in time."""
    with topology(extra="gateway: {worker_ms: 500ms}\n") as t:
        c = t.clients()
        door = lambda name, gateway=0: c.do("connect", id=name, url=t.url(gateway) + "/door", opts={"transports": ["websocket"], "auth": {"token": name}})
        door("early")
        same(c.expect("early", "connect_error")["message"], "no worker answered in time")
        w = Worker(t, 1, namespaces=["/door"], events=["connect", "disconnect", "say"], name="door")
        for name, gateway in (("ann", 0), ("bob", 1)):
            door(name, gateway)
            r = until(lambda: w.request(), "a request")
            same((r["event"], r["waits"], r["user"], r["args"], r["nsp"]), ("connect", True, name, [{"token": name}], "/door"))
            check(r["handshake"]["address"] == "127.0.0.1" and r["handshake"]["query"] == {}, "handshake")
            w.answer(r, joins=["in"], replies=[{"event": "hello", "args": [name]}], emits=[{"event": "came", "to": "room:in", "except": f"socket:{r['socket']}", "args": [name]}])
            c.expect(name, "connect")
            same(c.expect(name, "hello")["args"], [name])
        same(c.expect("ann", "came")["args"], ["bob"])
        door("eve")
        w.answer(w.request("connect"), refuse={"message": "not you", "data": {"why": 7}})
        refused = c.expect("eve", "connect_error")
        same((refused["message"], refused["data"]), ("not you", {"why": 7}))
        c.do("emit", id="ann", event="say", args=[1], ack=1)        # acks: error-first
        c.do("emit", id="ann", event="say", args=[2], ack=2)
        one, two = w.request("say"), w.request("say")
        w.answer(two, ack=["two"])                                  # answered first, but it is not first
        w.answer(one, ack=["one"])
        same([c.expect("ann", "ack")["args"] for _ in (1, 2)], [[None, "one"], [None, "two"]])
        c.do("emit", id="bob", event="say", args=[3])
        c.do("close", id="bob")
        last = w.request("say"), w.request("disconnect")
        same(last[1]["args"], ["client namespace disconnect"])
        w.answer(last[0])
        w.answer(last[1], emits=[{"event": "went", "to": "room:in", "args": ["bob"]}])
        same(c.expect("ann", "went")["args"], ["bob"])
        c.do("emit", id="ann", event="say", args=[4], ack=3)
        w.answer(w.request("say"), ack=[], disconnect=True)
        same(c.expect("ann", "ack")["args"], [None])
        same(c.expect("ann", "disconnect")["reason"], "io server disconnect")
        w.answer(w.request("disconnect"))
        w.close()


def test_rules_that_call_workers():
    """A rule's checks come first; what the worker refuses, and what nobody answers, is told in the namespace's words."""
    with topology(extra="gateway: {worker_ms: 500ms}\n") as t:
        c = t.clients()
        join(t, c, "ann", nsp="/ruled")
        w = Worker(t, namespaces=["/ruled"], events=["say", "echo", "other"], name="example")
        same(c.call("ann", "say", {"room": "r"}), [None])
        same(c.expect("ann", "error")["args"], [{"event": "say", "code": "missing", "message": "text is missing"}])
        c.do("emit", id="ann", event="say", args=[{"room": "r", "text": "hi"}], ack=9)
        same(c.expect("ann", "seen")["args"], ["r"])
        w.answer(w.request("say"), ack=["done"])
        same(c.expect("ann", "ack", lambda l: l["ack"] == 9)["args"], ["done"])
        c.emit("ann", "say", {"room": "r", "text": "no"})
        w.answer(w.request("say"), refuse={"message": "not here"})
        same(c.expect("ann", "error")["args"], [{"event": "say", "code": "handler", "message": "not here"}])
        same(c.call("ann", "echo"), ["rule"], "a rule of that name comes first")
        c.do("emit", id="ann", event="other", args=[], ack=10)     # but "*" comes after a worker
        w.answer(w.request("other"), ack=["worker"])
        same(c.expect("ann", "ack", lambda l: l["ack"] == 10)["args"], ["worker"])
        same(c.call("ann", "unknown"), ["any"])
        same(c.call("ann", "late"), [None])
        same(c.expect("ann", "error")["args"], [{"event": "late", "code": "internal", "message": "no worker answered in time"}])
        w.close()


def test_a_router_dies_and_a_worker_falls_silent():
    """What they had goes to another; a frame that is none costs its sender an error."""
    with topology(extra="  worker_beat_ms: 100ms\n  worker_silence_ms: 1s\n") as t:
        c = t.clients()
        join(t, c, "ann")
        silent = Worker(t, 1, events=["job"], capacity=4)
        until(lambda: [c.emit("ann", "job", 0), silent.socket.poll(50)][1], "it is known")
        took = [silent.request("job")]
        c.do("emit", id="ann", event="job", args=["x"], ack=50)
        until(lambda: t.stats()["router-1"]["workers.silent"] == 1, "silent")
        other = Worker(t, 0, events=["job"], capacity=1000)
        while True:
            r = other.request("job")
            other.answer(r, ack=r["args"])
            if r["args"] == ["x"]:
                break
        same(c.expect("ann", "ack", lambda l: l["ack"] == 50)["args"], ["x"])
        other.say(nothing=True)
        same(other.hear("error")["error"]["code"], "unknown-frame")
        silent.answer(took[0])
        c.do("emit", id="ann", event="job", args=["y"], ack=51)     # with router-0, which dies
        r = other.request("job")
        back = Worker(t, 1, events=["job"], capacity=10)
        kill(t.pids()["router-0"])
        r = back.request("job")
        back.answer(r, ack=r["args"])
        same(c.expect("ann", "ack", lambda l: l["ack"] == 51)["args"], ["y"])
        for w in (silent, other, back):
            w.close()
