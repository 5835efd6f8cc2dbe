"""Connection state recovery with the real client: it is cut off while messages flow to its rooms, and comes back on another gateway
as the socket that it was, with all of them, once and in order."""
import json, pathlib, threading, time

import zmq

from lib import Topology, check, kill, same, until

HERE = pathlib.Path(__file__).resolve().parent
QUICK = "bus: {beat_ms: 100ms, beat_timeout_ms: 2500ms}\nservice: {stats_ms: 100}\n"
ROOMS = ["flow-0", "flow-1", "flow-2", "flow-3"]


def topology(**more):
    return Topology(rules=HERE / "recovery.yaml", extra=QUICK, **more)


class Flow:
    """2,000 numbered messages a second to the rooms in turn, from outside."""

    def __init__(self, t, router=0, rate=2000):
        self.t, self.router, self.rate, self.sent, self.running = t, router, rate, 0, True
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        with self.t.socket(zmq.PUSH, "publish_pull", self.router) as s:
            s.linger = 10000
            begun = time.monotonic()
            while self.running:
                while self.sent < (time.monotonic() - begun) * self.rate:
                    n, room = divmod(self.sent, len(ROOMS))
                    s.send(json.dumps({"emit": "flow", "to": [f"room:{ROOMS[room]}"], "args": [{"n": n, "userId": ROOMS[room]}]}).encode())
                    self.sent += 1
                threading.Event().wait(0.01)        # paces what is sent; nothing is expected to have happened after it

    def stop(self):
        self.running = False
        self.thread.join()
        return self.sent

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def ready(t, c, name="ann", gateway=0, **more):
    sid = t.connect(c, name, gateway=gateway, quiet=("flow",), **more)["sid"]
    for room in ROOMS:
        same(c.call(name, "join", {"room": room}), ["joined"])
    return sid


def back(t, c, name, gateway, sid, recovered=True):
    c.do("back", id=name, url=t.url(gateway))
    line = c.expect(name, "connect")
    same((line["recovered"], line["sid"] == sid), (recovered, recovered), "recovered, and the same socket")
    return line["sid"]


def whole(t, c, flow, name="ann"):
    sent = flow.stop()
    until(lambda: c.count(name, "flow")[0] >= sent, f"all {sent} are there")
    same(c.count(name, "flow"), (sent, 0), "complete, once, in order")


def some(c, name, more):
    """So many more than now."""
    goal = c.count(name, "flow")[0] + more
    until(lambda: c.count(name, "flow")[0] >= goal, f"{name} gets {more} more")


def counters(t, role, name):
    return sum(d.get(name, 0) for d in t.stats().values() if d["role"] == role)


def cut_off(transports):
    """A client is cut off, and goes on as the socket that it was (trap 42)."""
    with topology() as t:
        c = t.clients()
        sid = ready(t, c, transports=transports)
        c.expect("ann", "hello")
        with Flow(t) as flow:
            for gateway in (1, 0, 0):               # elsewhere, back, and to the same
                some(c, "ann", 500)
                c.do("cut", id="ann")
                c.expect("ann", "disconnect")
                sid = back(t, c, "ann", gateway, sid)
                check(not c.got("ann", "hello"), "its connect rule does not run again")
            some(c, "ann", 500)
            whole(t, c, flow)
            same(c.call("ann", "echo", {"text": "still"}), ["still"])
            until(lambda: counters(t, "gateway", "recoveries.done") == 3, "counted")
            until(lambda: counters(t, "presence", "recoverable.open") == 1 and counters(t, "presence", "recoverable.away") == 0, "and kept once")


def test_cut_off_on_websocket():
    cut_off(["websocket"])


def test_cut_off_on_polling():
    cut_off(["polling"])


def test_cut_off_while_upgrading():
    cut_off(["polling", "websocket"])


def test_gateway_killed():
    with topology() as t:
        c = t.clients()
        sid = ready(t, c, transports=["websocket"])
        with Flow(t) as flow:
            some(c, "ann", 500)
            kill(t.pids()["gateway-0"])
            c.expect("ann", "disconnect")
            back(t, c, "ann", 1, sid)
            some(c, "ann", 500)
            same(t.command({"emit": "direct", "to": [f"socket:{sid}"], "args": [1], "reached": True})["reached"], 1, "its id names a gateway that is gone")
            c.expect("ann", "direct")
            whole(t, c, flow)


def test_gateway_drained():
    with topology() as t:
        c = t.clients()
        sid = ready(t, c, gateway=1)
        with Flow(t) as flow:
            some(c, "ann", 500)
            t.tool("scale", "gateway=1")
            c.expect("ann", "disconnect")
            back(t, c, "ann", 0, sid)
            some(c, "ann", 500)
            whole(t, c, flow)


def test_router_killed_while_away():
    """Each room's standby has what the dead one sequenced; the client's offset names its life."""
    for victim in (0, 1):
        with topology() as t:
            c = t.clients()
            sid = ready(t, c)
            with Flow(t, router=1 - victim) as flow:
                some(c, "ann", 500)
                c.do("cut", id="ann")
                c.expect("ann", "disconnect")
                kill(t.pids()[f"router-{victim}"])
                back(t, c, "ann", 1, sid)
                some(c, "ann", 500)
                c.do("cut", id="ann")               # and once more: with positions in streams that are over
                c.expect("ann", "disconnect")
                back(t, c, "ann", 0, sid)
                some(c, "ann", 500)
                whole(t, c, flow)


def test_fresh_sessions():
    """Who can't come back is somebody new, without an error (trap 44)."""
    with topology() as t:
        c = t.clients()
        sid = ready(t, c)
        c.do("emit", id="ann", event="echo", args=[{"text": "x"}])
        c.expect("ann", "echo")
        c.do("cut", id="ann")
        c.expect("ann", "disconnect")
        c.do("back", id="ann", url=t.url(1), auth={"token": t.token("eve")})        # another user with her pid
        line = c.expect("ann", "connect")
        check(not line["recovered"] and line["sid"] != sid, "not hers")
        until(lambda: counters(t, "gateway", "recoveries.refused.ERR_AUTH") == 1, "counted by reason")
        sid = ready(t, c, "bob")
        c.do("emit", id="bob", event="echo", args=[{"text": "x"}])
        c.expect("bob", "echo")
        c.do("close", id="bob")                 # 41: it meant to go
        c.expect("bob", "disconnect")
        until(lambda: counters(t, "gateway", "sockets.open") == 1, "and its gateway knows")
        back(t, c, "bob", 1, sid, recovered=False)
        until(lambda: counters(t, "gateway", "recoveries.refused.ERR_UNKNOWN") == 1, "counted by reason")
