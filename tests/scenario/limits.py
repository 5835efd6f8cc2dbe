"""Limits over the whole cluster with real clients: of a user's events exactly as many pass as may, wherever they come; never
more, whoever is killed; and the windows outlive presence and Redis."""
import json, pathlib, socket, threading

from lib import Driver, Topology, check, kill, same, until

HERE = pathlib.Path(__file__).resolve().parent
QUICK = "bus: {beat_ms: 100ms, beat_timeout_ms: 1500ms}\nservice: {stats_ms: 100, restart_backoff_ms: 10ms}\n"
CLIENTS = 100


def topology(**more):
    return Topology(rules=HERE / "limits.yaml", extra=QUICK, **more)


def redis(t, *words):
    """One command to the topology's own Redis."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(str(t.state / "redis.sock"))
        s.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w.encode()) for w in words))
        with s.makefile("rb") as lines:
            head = lines.readline().strip()
            return lines.readline().strip().decode() if head[:1] == b"$" and head != b"$-1" else None if head == b"$-1" else head[1:].decode()


def crowd(t, c, user, count=CLIENTS, gateways=2):
    """So many clients of one user, on the gateways in turn."""
    names = [f"{user}{i}" for i in range(count)]
    for i, name in enumerate(names):
        c.do("connect", id=name, url=t.url(i % gateways), opts={"transports": ["websocket"], "auth": {"token": t.token(user)}})
    for name in names:
        c.expect(name, "connect")
    return names


def send(c, names, event):
    """Each of them once, at once: those that passed, those that were refused."""
    acks = {}
    for name in names:
        ack = next(Driver.acks)
        acks[name] = ack
        c.do("emit", id=name, event=event, args=[{}], ack=ack)
    answers = [c.expect(name, "ack", lambda l, a=acks[name]: l["ack"] == a)["args"] for name in names]
    return answers.count(["said"]), answers.count(["refused"])


def limits(t, user, event=None, **more):
    answer = t.command({"limits": user, **({"event": event} if event else {}), **more})
    same((answer["ok"], answer["complete"]), (True, True), "limits")
    return {one["event"]: one for one in answer["limits"]}


def test_exactly_the_limit_passes():
    with topology() as t:
        c = t.clients()
        names = crowd(t, c, "ann")
        same(send(c, names, "say"), (30, 70), "a fixed window")
        line = c.expect(names[0], "too-often") if c.got(names[0], "too-often") else c.expect(names[-1], "too-often")
        told = line["args"][0]
        same((told["event"], told["limit"], told["window"]), ("say", 30, 600), "the answer")
        check(isinstance(told["resetTime"], int), "resetTime is a number")
        same(send(c, names, "slide"), (20, 80), "a sliding window")
        same(send(c, names, "pour"), (20, 80), "a bucket")
        same(send(c, names, "say"), (0, 100), "no more")
        same(redis(t, "GET", "ws_rate_limit:ann:say"), "30", "in the layout that others read")
        check(590 < int(redis(t, "TTL", "ws_rate_limit:ann:say")) <= 600, "with its expiry")
        found = limits(t, "ann")
        same({e: (o["count"], o["limit"]) for e, o in found.items()}, {"say": (30, 30), "slide": (20, 20), "pour": (20, 20)}, "the verb")
        same(found["say"]["key"], "ws_rate_limit:ann:say")

        kill(t.pids()["presence-0"])
        until(lambda: (t.daemon("presence-0") or {}).get("restarts") == 1, "presence is back")
        for event in ("say", "slide", "pour"):
            same(send(c, names, event), (0, 100), f"{event}: the window outlives presence")
        same(limits(t, "ann", "say")["say"]["count"], 30, "the verb, afterwards")

        server = next(d["pid"] for d in t.status() if d["role"] == "redis")
        kill(server)
        until(lambda: t.stats()["presence-0"]["redis.reconnects"] and t.stats()["presence-0"]["redis.up"], "Redis is back")
        until(lambda: redis(t, "GET", "ws_rate_limit:ann:say") == "30", "and has it again")
        same(send(c, names, "say"), (0, 100), "the window outlives Redis")

        same(limits(t, "ann", "say", reset=True)["say"]["count"], 30, "set back: what it was")
        same(send(c, names, "say"), (30, 70), "and again")


def test_one_after_the_other():
    """The 30th is not refused and the 31st is, whichever of two gateways it comes to; the next window lets them in again."""
    with topology() as t:
        c = t.clients()
        names = crowd(t, c, "bob", count=4)
        answers = [c.call(names[i % 4], "say", {}) for i in range(33)]
        same(answers, [["said"]] * 30 + [["refused"]] * 3)
        same([c.call(names[i % 4], "quick", {}) for i in range(6)], [["said"]] * 5 + [["refused"]], "five in a second")
        until(lambda: c.call(names[0], "quick", {}) == ["said"], "the next window")
        asked = sum(s["limits.asked"] for n, s in t.stats().items() if n.startswith("gateway"))
        check(asked < 33, f"most events cost no question: {asked}")


def storm(t, c, names, event, meanwhile):
    """All of them, over and over, until 'meanwhile' is over; how many passed."""
    passed, refused, going = [0], [0], [True]
    mine = {name: next(Driver.acks) for name in names}
    for name, ack in mine.items():
        c.do("emit", id=name, event=event, args=[{}], ack=ack)
    failed = []

    def run():
        try:
            meanwhile()
        except Exception as e:
            failed.append(e)
        going[0] = False
    done = threading.Thread(target=run)
    done.start()
    gone = set()
    while going[0] or len(gone) < len(names):
        with c.arrived:
            c.arrived.wait(0.5)
            lines = [l for l in c.seen if l["event"] in ("ack", "disconnect", "too-often")]
            c.seen[:] = [l for l in c.seen if l not in lines]
        for l in lines:
            if l["event"] == "ack":
                (passed if l["args"] == ["said"] else refused)[0] += 1
                if going[0] and l["id"] not in gone:
                    c.do("emit", id=l["id"], event=event, args=[{}], ack=mine[l["id"]])
                else:
                    gone.add(l["id"])
            elif l["event"] == "disconnect":
                gone.add(l["id"])
    done.join()
    if failed:
        raise failed[0]
    return passed[0], refused[0]


def test_kill_in_the_middle():
    with topology(gateway=3) as t:
        c = t.clients()
        names = crowd(t, c, "eve", gateways=3)

        def deaths():
            passed = lambda: sum(s["limits.granted"] for n, s in t.stats().items() if n.startswith("presence"))
            until(lambda: passed() > 20, "some were granted")
            kill(t.pids()["presence-0"])
            until(lambda: (t.daemon("presence-0") or {}).get("restarts") == 1, "presence is back")
            until(lambda: t.stats()["presence-0"].get("synced.all"), "and knows what there is")
            kill(t.pids()["gateway-2"])
            until(lambda: (t.daemon("gateway-2") or {}).get("restarts") == 1, "the gateway is back")
            kill(t.pids()["presence-0"])
            until(lambda: (t.daemon("presence-0") or {}).get("restarts") == 2, "presence is back again")

        passed, refused = storm(t, c, names, "flow", deaths)
        print(f"passed {passed}, refused {refused}")
        check(0 < passed <= 300, f"{passed} of 300")
        rest = send(c, [n for i, n in enumerate(names) if i % 3 != 2], "flow")
        check(passed + rest[0] <= 300, f"{passed} and {rest[0]} of 300")
        check(limits(t, "eve")["flow"]["count"] <= 300, "the verb")


def test_owners_move():
    """A second presence comes and goes: users move, and with them what they have used."""
    with topology() as t:
        c = t.clients()
        crowds = {user: crowd(t, c, user, count=4) for user in ("u1", "u2", "u3", "u4", "u5", "u6")}
        for names in crowds.values():
            same([c.call(names[i % 4], "say", {}) for i in range(20)], [["said"]] * 20)
        t.tool("scale", "presence=2")
        until(lambda: sum(d["role"] == "presence" and d["state"] == "ready" for d in t.command({"topology": True})["daemons"]) == 2, "two presences")
        until(lambda: all(s["synced.all"] for n, s in t.stats().items() if n.startswith("presence")), "synced")
        for user, names in crowds.items():
            same([c.call(names[i % 4], "say", {}) for i in range(7)], [["said"]] * 7, f"{user} with two")
        kill(t.pids()["presence-1"])
        for user, names in crowds.items():
            answers = [c.call(names[i % 4], "say", {}) for i in range(7)]
            check(answers.count(["said"]) <= 3, f"{user}: {answers}")
        for user in crowds:
            found = limits(t, user)
            check(not found or found["say"]["count"] <= 30, f"{user}: {found}")
