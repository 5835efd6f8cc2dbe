"""Presence beyond online and offline: who follows whom, with real clients, real Redis, and daemons that are killed."""
import subprocess, json
from lib import ROOT, Topology, check, kill, same, until

RULES = ROOT / "tests/scenario/presence.yaml"


def redis(t, *words):
    done = subprocess.run(["redis-cli", "-s", str(t.state / "redis.sock"), *words], capture_output=True, text=True)
    return done.stdout.rstrip("\n")


def follows(t, user):
    answer = t.command({"watch": user})
    return answer["complete"] and [(u["user"], u["online"]) for u in answer["follows"]]


def test_followers_hear_of_whom_they_follow():
    """S3: first connection and last disconnection, to followers only; set by a backend or by a client; in both shapes."""
    with Topology(rules=RULES, presence=2) as t:
        d = t.clients()
        for follower in ("ann", "bob", "eve"):
            t.connect(d, follower)
        answer = t.command({"watch": "ann", "follows": ["pop", 7], "ref": 5})
        same((answer["ok"], answer["ref"], answer["total"], answer["stored"], answer["complete"]), (True, 5, 2, True, True), "set by a backend")
        same(d.call("bob", "follow", {"userId": ["pop"]}), [{"ok": True}], "by a client")
        same(follows(t, "ann"), [(7, False), ("pop", False)], "the list")
        t.connect(d, "pop", gateway=1)
        for follower in ("ann", "bob"):
            same(d.expect(follower, "user-online")["args"], [{"userId": "pop"}])
            same(d.expect(follower, "notification")["args"], [{"type": "user-online", "data": {"userId": "pop"}}])
        t.connect(d, "pop2", user="pop")
        d.do("close", id="pop")
        d.expect("pop", "disconnect")
        d.emit("bob", "friends")
        same(d.expect("bob", "friends")["args"], [["pop"]])
        same(follows(t, "ann"), [(7, False), ("pop", True)], "one tab of two")
        t.connect(d, "seven", user=7)
        same(d.expect("ann", "user-online")["args"], [{"userId": 7}], "a number is a number")
        same(d.call("bob", "unfollow", {"userId": "*"}), [{"ok": True}])
        d.do("close", id="pop2")
        same(d.expect("ann", "user-offline")["args"], [{"userId": "pop"}])
        t.connect(d, "ann2", gateway=1, user="ann")
        same(d.expect("ann2", "user-online")["args"], [{"userId": 7}], "who is online as one comes")
        for name in ("bob", "eve", "ann"):
            same(d.call(name, "ping", {}), ["pong"])
        same([d.got("bob", "user-offline"), d.got("eve", "user-online"), d.got("ann", "user-offline")], [[], [], []], "nobody else hears")


def test_watch_lists_outlive_presence():
    """kill -9 of both: the lists come back from Redis, and those who follow hear of the next one."""
    with Topology(rules=RULES, presence=2) as t:
        d = t.clients()
        t.connect(d, "ann")
        same(t.command({"watch": "ann", "follows": [f"u{i}" for i in range(200)]})["stored"], True)
        same(t.command({"watch": "ann", "remove": "u0", "add": 42})["total"], 200)
        same(t.command({"watch": "ann", "after": "u97", "limit": 3})["follows"], [{"user": f"u{i}", "online": False, "sockets": 0} for i in (98, 99)], "a page")
        page = t.command({"watch": "ann", "limit": 150})
        same((len(page["follows"]), page["next"], page["total"]), (150, page["follows"][-1]["user"], 200))
        before = {n: p for n, p in t.pids().items() if n.startswith("presence")}
        for pid in before.values():
            kill(pid)
        until(lambda: (now := t.pids()) and all(now.get(n) not in (None, p) for n, p in before.items()) and t.command({"watch": "ann"})["complete"], "both are there again")
        answer = t.command({"watch": "ann", "limit": 1000})
        same([u["user"] for u in answer["follows"]], sorted([42] + [f"u{i}" for i in range(1, 200)], key=str), "the list is whole")
        t.connect(d, "u5")
        same(d.expect("ann", "user-online")["args"], [{"userId": "u5"}])
        same(redis(t, "HGETALL", "watchers:u5").split(), ["ann", "ss"], "as a Redis client sees it")
        same((redis(t, "HGETALL", "watchers:42").split(), redis(t, "EXISTS", "watchers:u0")), (["ann", "sn"], "0"))
        until(lambda: json.loads(redis(t, "HGET", "online_users", "u5") or "{}").get("socketId"), "the record")


def test_ten_thousand_followers():
    """Of whom two are there: two get it, and nobody else is addressed."""
    with Topology(rules=RULES) as t:
        d = t.clients()
        t.connect(d, "f7"), t.connect(d, "f9999")
        for name in ("f7", "f9999"):
            same(t.command({"watch": name, "add": "star"})["ok"], True)
        batch = [{"watch": f"f{i}", "add": "star"} for i in range(10000) if i not in (7, 9999)]
        for i in range(0, len(batch), 500):
            answers = t.command(batch[i:i + 500])
            check(all(a["ok"] and a["total"] == 1 for a in answers), str(answers)[:500])
        t.connect(d, "star")
        for name in ("f7", "f9999"):
            same(d.expect(name, "user-online")["args"], [{"userId": "star"}])
        figures = lambda s: (s["watches.open"], s["watchers.told"])
        until(lambda: figures(t.stats()["presence-0"]) == (10000, 4), "two announcements, two followers that are there")


def test_users_of_a_room():
    """Over all gateways: who is there on how many sockets, how many users that are; pages; ids that JSON escapes."""
    with Topology(rules=RULES) as t:
        d = t.clients()
        for name, user, gateway in (("a", "ann", 0), ("b", "ann", 1), ("c", 'o"neil', 1), ("d", "zoe", 0), ("e", "bob", 0)):
            t.connect(d, name, user=user, gateway=gateway)
            if name != "e":
                same(d.call(name, "join-room", {"room": "lobby"}), [{"ok": True}])
        answer = t.command({"who": "", "room": "lobby"})
        same((answer["users"], answer["total"], answer["complete"]),
             ([{"user": "ann", "sockets": 2}, {"user": 'o"neil', "sockets": 1}, {"user": "zoe", "sockets": 1}], 3, True))
        same([r for r in t.command({"rooms": ""})["rooms"]], [{"room": "lobby", "sockets": 4}])
        seen, after = [], None
        while True:
            page = t.command({"who": "", "room": "lobby", "limit": 1, **({"after": after} if after else {})})
            seen += [u["user"] for u in page["users"]]
            after = page.get("next")
            if not after:
                break
        same((seen, page["total"]), (["ann", 'o"neil', "zoe"], 3), "page by page")
        seen, after = [], None
        while True:
            page = t.command({"who": "", "limit": 1, **({"after": after} if after else {})})
            seen += [u["user"] for u in page["users"]]
            after = page.get("next")
            if not after:
                break
        same(seen, ["ann", "bob", 'o"neil', "zoe"], "everybody, page by page")
        same(t.command({"who": "a", "room": "lobby"})["total"], 1, "by prefix")
        same((t.command({"who": "", "room": "none"})["users"], t.command({"who": "", "room": "lobby", "nsp": "/x"})["total"]), ([], 0))


def test_rooms_are_told_who_is_there():
    """Differences instead of an event for each: over two gateways, with kill -9 of presence and of a gateway."""
    world = Topology(rules=RULES, presence=2)
    world.env["CAUSEWAY_PRESENCE_LEASE_MS"] = "500"
    with world as t:
        d = t.clients()
        room = {"room": "stage:1"}
        ids = lambda members: sorted(m["userId"] for m in members)

        def hears(name, joined=(), left=()):
            """Up to the difference that has them all."""
            joined, left = set(joined), set(left)
            while joined or left:
                line = d.expect(name, "room-presence")["args"][0]
                joined -= {m["userId"] for m in line["joined"]}
                left -= {m["userId"] for m in line["left"]}
            return line["count"]

        t.connect(d, "a")
        same(d.call("a", "join-room", room), [{"ok": True}])
        same(d.expect("a", "room-members")["args"][0], {"room": "stage:1", "members": [{"userId": "a"}], "count": 1})
        for i in range(20):
            t.connect(d, f"u{i}", gateway=i % 2)
        for i in range(20):
            d.emit(f"u{i}", "join-room", room)
        same(hears("a", joined=[f"u{i}" for i in range(20)]), 21)
        check(len(d.got("a", "room-presence")) == 0, "no more than that")
        state = d.expect("u19", "room-members")["args"][0]
        same((len(state["members"]), state["count"]), (state["count"],) * 2)
        t.connect(d, "u0b", user="u0", gateway=1)
        d.call("u0b", "join-room", room)
        same(d.expect("u0b", "room-members")["args"][0]["count"], 21, "his second tab is nobody new")
        d.do("close", id="u0")
        d.call("u1", "leave-room", room)
        same(hears("a", left=["u1"]), 20)
        before = {n: p for n, p in t.pids().items() if n.startswith("presence")}
        for pid in before.values():
            kill(pid)
        whole = d.expect("a", "room-members")["args"][0]
        same((ids(whole["members"]), whole["count"]), (sorted(["a", "u0", *(f"u{i}" for i in range(2, 20))]), 20), "told anew by the next presence")
        kill(t.pids()["gateway-1"])
        gone = [f"u{i}" for i in range(3, 20, 2)] + ["u0"]
        for name in gone:
            d.do("close", id=name if name != "u0" else "u0b")
        same(hears("a", left=gone), 10, "a gateway that dies takes its members with it, after its lease")
