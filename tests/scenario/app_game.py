"""The board game (topology/apps/game.yaml), driven by browsers and mini-programs as its own are.

 what the system needs                                                              | checked by
 -----------------------------------------------------------------------------------|---------------------------------------
 /game; token order auth.token, query token, Bearer; claims sub, openId; refusals   | who_may_come
 polling, WebSocket, and Socket.IO 2 by WebSocket with the token in the query       | all three in every test: come
 ping 25 s / 10 s, connect time-out 10 s, 1 MB, CORS from the configuration         | settings
 record of a connection and of a user; active sockets                               | records
 events that want a role; refused with a clear error                                | roles
 sendToClient, sendToUser, sendToRoom with except, broadcastAll, joinRoom, leaveRoom| backend_calls
 messages, rooms and the game's state in step                                       | a_game
 who drops out comes back with what was missed, on another gateway                  | comes_back
 connection statistics, throughput, error rate; abnormal connections are counted by | statistics
   reason                                                                           |
"""
import json, urllib.request

from lib import Topology, check, same, until

KINDS = {"polling": {"opts": {"transports": ["polling"]}}, "websocket": {"opts": {"transports": ["websocket"]}},
         "mini": {"version": 2, "opts": {"transports": ["websocket"]}}}


def come(t, c, name, kind="websocket", gateway=0, user=None, **claims):
    token = t.token(user or name, openId="wx-" + (user or name), **claims)
    how = KINDS[kind]
    c.do("connect", id=name, url=t.url(gateway) + "/game", **{**how, "opts": {**how["opts"], **({"query": {"token": token}} if kind == "mini" else {"auth": {"token": token}})}})
    return c.expect(name, "connect")["sid"]


def players(t, c, room="r1"):
    """A host and two players, each of another kind, in a room."""
    sids = {"host": come(t, c, "host", "websocket", role="host"), "poll": come(t, c, "poll", "polling", gateway=1), "mini": come(t, c, "mini", "mini", gateway=1)}
    for name in sids:
        same(c.call(name, "room:join", {"roomId": room})[0], {"success": True, "roomId": room})
        same(c.expect(name, "room:joined")["args"][0], {"roomId": room})
    c.expect("host", "room:user:joined", lambda l: l["args"][0] == {"roomId": room, "userId": "mini"})
    return sids


def test_who_may_come():
    with Topology(app="game", gateway=1, router=1) as t:
        c = t.clients()
        good, other = t.token("u1", openId="wx-1"), t.token("u2", openId="wx-2")
        rows = (("nothing", {}, None, "未提供认证令牌"), ("garbage", {"auth": {"token": "x"}}, None, "认证失败"),
                ("auth.token", {"auth": {"token": good}}, "u1", None), ("query", {"query": {"token": good}}, "u1", None),
                ("bearer", {"extraHeaders": {"Authorization": "Bearer " + good}}, "u1", None),
                ("auth before query", {"auth": {"token": good}, "query": {"token": other}}, "u1", None),
                ("query before bearer", {"query": {"token": other}, "extraHeaders": {"Authorization": "Bearer " + good}}, "u2", None))
        for transport in ("polling", "websocket"):
            for what, opts, user, refusal in rows:
                name = f"{what} by {transport}"
                c.do("connect", id=name, url=t.url() + "/game", opts={"transports": [transport], **opts})
                if refusal:
                    same(c.expect(name, "connect_error")["message"], refusal, name)
                else:
                    sid = c.expect(name, "connect")["sid"]
                    same([s["user"] for s in t.command({"sockets": "socket:" + sid, "nsp": "/game"})["sockets"]], [user], name)
        come(t, c, "mini", "mini")
        c.do("connect", id="bad mini", version=2, url=t.url() + "/game", opts={"transports": ["websocket"], "query": {"token": "x"}})
        same(c.expect("bad mini", "connect_error")["message"], "认证失败")


def test_settings():
    with Topology(app="game", gateway=1, router=1) as t:
        with urllib.request.urlopen(t.url() + "/socket.io/?EIO=4&transport=polling") as answer:
            said = json.loads(answer.read()[1:])
        same((said["pingInterval"], said["pingTimeout"], said["maxPayload"]), (25000, 10000, 1000000))
        check("connect_timeout_ms: 10s" in t.tool("config", "show", str(t.file)).stdout, "connectTimeout")
        t.env["CAUSEWAY_LISTENERS_GAME_ORIGINS"] = "https://game.example,https://test.example"
        shown = t.tool("config", "show", str(t.file)).stdout
        check("https://test.example" in shown, "origins from the environment")


def test_roles():
    with Topology(app="game") as t:
        c = t.clients()
        players(t, c)
        same(c.call("poll", "game:start", {"roomId": "r1"}), [{"success": False, "event": "game:start", "message": "权限不足"}])
        same(c.expect("poll", "error")["args"][0], {"event": "game:start", "message": "权限不足"})
        c.emit("mini", "game:state", {"roomId": "r1", "version": 1, "state": {}})
        same(c.expect("mini", "error")["args"][0], {"event": "game:state", "message": "权限不足"})
        same(c.call("host", "game:start", {"roomId": "r1"})[0], {"success": True})
        for name in ("host", "poll", "mini"):
            same(c.expect(name, "game:started")["args"][0]["userId"], "host")
        same(c.call("host", "game:action", {"roomId": "r2", "action": "vote"})[0]["success"], False, "not in that room")


def test_a_game():
    with Topology(app="game") as t:
        c = t.clients()
        players(t, c)
        for n, name in enumerate(("host", "poll", "mini")):
            same(c.call(name, "room:message", {"roomId": "r1", "message": f"我是{name}"})[0], {"success": True})
            same(c.call(name, "game:action", {"roomId": "r1", "action": "vote", "data": {"approve": n % 2 == 0}})[0], {"success": True})
        for name in ("host", "poll", "mini"):
            said = [c.expect(name, "room:message")["args"][0] for _ in range(3)]
            same([(s["userId"], s["message"]) for s in said], [(n, f"我是{n}") for n in ("host", "poll", "mini")], f"{name} hears all, in order")
            votes = [c.expect(name, "game:action")["args"][0] for _ in range(3)]
            same([(v["userId"], v["action"], v["data"]["approve"]) for v in votes], [("host", "vote", True), ("poll", "vote", False), ("mini", "vote", True)])
        state = {"phase": "quest", "leader": "poll", "votes": [True, False, True]}
        same(c.call("host", "game:state", {"roomId": "r1", "version": 1, "state": state})[0], {"success": True})
        for name in ("poll", "mini"):
            same(c.expect(name, "game:state")["args"][0], {"roomId": "r1", "version": 1, "state": state})

        come(t, c, "late", "polling")                           # who comes later asks, and the host answers him alone
        c.call("late", "room:join", {"roomId": "r1"})
        same(c.call("late", "game:sync", {"roomId": "r1"})[0], {"success": True})
        same(c.expect("host", "game:sync")["args"][0], {"roomId": "r1", "userId": "late"})
        c.call("host", "game:state", {"roomId": "r1", "version": 2, "state": state, "userId": "late"})
        same(c.expect("late", "game:state")["args"][0], {"roomId": "r1", "version": 2, "state": state})
        same([c.got(name, "game:state") for name in ("host", "poll", "mini")], [[], [], []])


def test_comes_back():
    """A player loses the connection in the middle of the game, and the gateway: he is the same socket, and misses nothing."""
    with Topology(app="game") as t:
        c = t.clients()
        come(t, c, "host", role="host", gateway=1)
        sid = come(t, c, "ann")
        for name in ("host", "ann"):
            c.call(name, "room:join", {"roomId": "r1"})
        c.call("host", "game:action", {"roomId": "r1", "action": "before"})
        c.expect("ann", "game:action")
        c.do("cut", id="ann")
        c.expect("ann", "disconnect")
        for n in range(3):
            c.call("host", "game:state", {"roomId": "r1", "version": n, "state": {"n": n}})
        t.command({"emit": "game:turn", "nsp": "/game", "to": "user:ann", "args": [{"your": "turn"}]})
        c.do("back", id="ann", url=t.url(1) + "/game")
        back = c.expect("ann", "connect")
        same((back["sid"], back["recovered"]), (sid, True))
        same([c.expect("ann", "game:state")["args"][0]["version"] for _ in range(3)], [0, 1, 2])
        same(c.expect("ann", "game:turn")["args"][0], {"your": "turn"})
        same(c.call("ann", "game:action", {"roomId": "r1", "action": "after"})[0], {"success": True}, "and is in the room")
        c.expect("host", "game:action", lambda l: l["args"][0]["action"] == "after")


def test_backend_calls():
    with Topology(app="game") as t:
        c = t.clients()
        sids = players(t, c)
        come(t, c, "mini's page", "polling", user="mini")
        names = ("host", "poll", "mini", "mini's page")
        calls = (("sendToClient", {"to": "socket:" + sids["poll"]}, ("poll",)), ("sendToUser", {"to": "user:mini"}, ("mini", "mini's page")),
                 ("sendToRoom", {"to": "room:r1"}, ("host", "poll", "mini")), ("except", {"to": "room:r1", "except": "socket:" + sids["host"]}, ("poll", "mini")),
                 ("broadcastAll", {"to": "*"}, names))
        for what, address, told in calls:
            same(t.command({"emit": what, "nsp": "/game", "args": [{"n": 1}], "reached": True, **address})["reached"], len(told), what)
            for name in told:
                same(c.expect(name, what)["args"][0], {"n": 1})
        same(t.command({"join": "r2", "nsp": "/game", "to": "user:mini"})["ok"], True)
        same(t.command({"emit": "in r2", "nsp": "/game", "to": "room:r2", "reached": True})["reached"], 2)
        same(t.command({"leave": "r2", "nsp": "/game", "to": "socket:" + sids["mini"]})["ok"], True)
        same(t.command({"emit": "in r2", "nsp": "/game", "to": "room:r2", "reached": True})["reached"], 1)
        same(t.command({"rooms": "", "nsp": "/game"})["rooms"], [{"room": "r1", "sockets": 3}, {"room": "r2", "sockets": 1}])


def test_records():
    with Topology(app="game") as t:
        c = t.clients()
        sid = come(t, c, "ann")
        pairs = lambda key: dict(zip(*[iter(t.redis("hgetall", key))] * 2))
        connection = until(lambda: pairs("socket:" + sid), "written behind")
        same((connection["user_id"], connection["ip"]), ("ann", "127.0.0.1"))
        check(connection["connected_at"].isdigit() and "user_agent" in connection, connection)
        check(0 < int(t.redis("ttl", "socket:" + sid)[0]) <= 86400, "which expires")
        user = pairs("user:ann")
        same((user["is_online"], user["socket_id"]), ("1", sid))
        check(user["last_connect"].isdigit(), user)
        same(len(t.command({"sockets": "*", "nsp": "/game"})["sockets"]), 1, "active sockets")
        c.do("close", id="ann")
        gone = until(lambda: pairs("user:ann")["is_online"] == "0" and pairs("user:ann"), "offline")
        check(gone["last_disconnect"].isdigit(), gone)
        until(lambda: not pairs("socket:" + sid), "and its record is gone")


def test_statistics():
    with Topology(app="game") as t:
        c = t.clients()
        players(t, c)
        before = until(lambda: (lambda sum: sum["events.in"] == 3 and sum["sockets.open"] == 3 and sum)(sum_of(t)), "what was before")
        for n in range(10):
            c.call("poll", "game:action", {"roomId": "r1", "action": f"a{n}"})
        c.call("poll", "game:start", {"roomId": "r1"})          # refused: no host
        c.do("connect", id="thief", url=t.url() + "/game", opts={"transports": ["websocket"], "auth": {"token": "x"}})
        c.expect("thief", "connect_error")
        grown = lambda: {k: v - before.get(k, 0) for k, v in sum_of(t).items()}
        until(lambda: grown()["deliveries.out"] >= 30, "30 copies of 10 events")
        figures = until(lambda: grown().get("sockets.refused") == 1 and grown(), "a refused connection")
        same((figures["events.in"], figures["sockets.open"], figures["bytes.in"] > 0, figures["bytes.out"] > 0), (11, 0, True, True), "throughput, connections")
        same({reason: n for reason, n in figures.items() if reason.startswith("refused.rules.") and n}, {"refused.rules.ERR_AUTH": 1}, "errors, by reason")
        said = [s for s in t.command({"sockets": "*", "nsp": "/game"})["sockets"]]
        same([(s["user"], s["transport"], s["protocol"]) for s in sorted(said, key=lambda s: s["user"])],
             [("host", "websocket", 4), ("mini", "websocket", 3), ("poll", "polling", 4)])


def sum_of(t):
    """The gateways' counters together."""
    total = {}
    for name, counters in t.stats().items():
        for key, value in counters.items():
            if name.startswith("gateway") and isinstance(value, (int, float)):
                total[key] = total.get(key, 0) + value
    return total
