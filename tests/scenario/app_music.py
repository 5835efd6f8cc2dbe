"""The music platform (topology/apps/music.yaml), driven as its own client drives it: retries, and no ackTimeout.

 what the system needs                                                              | checked by
 -----------------------------------------------------------------------------------|---------------------------------------
 token from auth.token or Bearer; none: disconnected; a bad one: error, disconnected| who_may_come
 connected {message,userId,socketId}; user:<id>                                     | come, everywhere
 retries: 3 without ackTimeout: each packet needs [null], refused and unknown too   | retries
 user-online, user-offline to followers only, of the first and the last tab;        | followers (bare), followers_wrapped
   who follows whom by command and by a client's event; in both shapes              |
 record {socketId,onlineAt,lastActivity}; traffic refreshes it                      | records
 join-room, leave-room; private-message, message-sent                               | rooms_and_messages
 music-sync to the others in the room, or to the user's own other devices           | music_sync
 notification {type,message,data,timestamp}, to one, to several                     | notifications
 30, 60, 10 and 100 a minute -> rate-limit-exceeded {event,limit,resetTime}         | limits
 an object; message <= 1000 UTF-16 units; banned words                              | validation
 settings: 25 s, 60 s, 10 s, 1e6, its page's origin with credentials                | settings
 {connectedClients,onlineUsers,rooms}, users of a room                              | statistics
"""
import json, time, urllib.request

from lib import Topology, check, is_now, same, until

OPTS = {"transports": ["websocket", "polling"], "timeout": 5000, "retries": 3}      # all that its client says beside the token


def come(t, c, name, user=None, gateway=0):
    c.do("connect", id=name, url=t.url(gateway), bare=True, opts={**OPTS, "auth": {"token": t.token(user or name, username=(user or name).title())}})
    sid = c.expect(name, "connect")["sid"]
    same(c.expect(name, "connected")["args"], [{"message": "Connected successfully", "userId": user or name, "socketId": sid}])
    return sid


def stamped(args):
    same(len(args), 1)
    check(is_now(args[0].pop("timestamp")), "timestamp")
    return args[0]


def test_who_may_come():
    with Topology(app="music", gateway=1, router=1) as t:
        c = t.clients()
        c.do("connect", id="none", url=t.url(), bare=True, opts={**OPTS, "reconnection": False})
        c.expect("none", "connect")
        same(c.expect("none", "disconnect")["reason"], "io server disconnect")
        same(c.got("none", "error"), [])
        for name, token in (("garbage", "x.y.z"), ("expired", t.token("u1", exp=1000))):
            c.do("connect", id=name, url=t.url(), bare=True, opts={**OPTS, "auth": {"token": token}})
            c.expect(name, "connect")
            same(c.expect(name, "error")["args"], [{"message": "Authentication failed"}])
            same(c.expect(name, "disconnect")["reason"], "io server disconnect")
        c.do("connect", id="bearer", url=t.url(), bare=True, opts={**OPTS, "extraHeaders": {"Authorization": "Bearer " + t.token("u1")}})
        same(c.expect("bearer", "connected")["args"][0]["userId"], "u1")


def test_settings():
    with Topology(app="music", gateway=1, router=1) as t:
        for origin, allowed in (("http://localhost:5188", "http://localhost:5188"), ("http://elsewhere.example", None)):
            request = urllib.request.Request(t.url() + "/socket.io/?EIO=4&transport=polling", headers={"Origin": origin})
            with urllib.request.urlopen(request) as answer:
                same(answer.headers["Access-Control-Allow-Origin"], allowed)
                said = json.loads(answer.read()[1:])
        same((said["pingInterval"], said["pingTimeout"], said["maxPayload"]), (25000, 60000, 1000000))
        check("upgrade_timeout_ms: 10s" in t.tool("config", "show", str(t.file)).stdout, "upgradeTimeout")


def test_retries():
    """The client sends one packet at a time and goes on when that is acknowledged without an error: nothing may stall it."""
    with Topology(app="music") as t:
        c = t.clients()
        come(t, c, "u1")
        come(t, c, "u2", gateway=1)
        for event, data in (("join-room", {"room": "r"}), ("private-message", {"targetUserId": "u2", "message": "x" * 1001}), ("no-such-event", {}),
                            ("join-room", "no object"), ("private-message", {"targetUserId": "u2", "message": "spam"}), ("leave-room", {"room": "r"}),
                            ("private-message", {"targetUserId": "u2", "message": "the last one"})):
            c.emit("u1", event, data)
        same(stamped(c.expect("u2", "private-message")["args"]), {"senderId": "u1", "senderUsername": "U1", "message": "the last one"})
        same([l["event"] for l in c.seen if l.get("id") == "u1" and l["event"] != "user-online"], ["joined-room", "error", "error", "error", "left-room", "message-sent"])
        same(c.got("u2", "private-message"), [], "once")
        same(c.call("u1", "join-room", {"room": "r"}), [None], "an ack of its own: the error first, and no value")


def test_rooms_and_messages():
    with Topology(app="music") as t:
        c = t.clients()
        for name, user, gateway in (("u1", "u1", 0), ("u2", "u2", 1), ("u2's phone", "u2", 0)):
            come(t, c, name, user, gateway)
        c.emit("u1", "join-room", {"room": "test-room"})
        same(c.expect("u1", "joined-room")["args"], [{"room": "test-room"}])
        same(t.command({"rooms": ""})["rooms"], [{"room": "test-room", "sockets": 1}])
        c.emit("u1", "leave-room", {"room": "test-room"})
        same(c.expect("u1", "left-room")["args"], [{"room": "test-room"}])
        until(lambda: not t.command({"rooms": ""})["rooms"], "left")
        c.emit("u1", "private-message", {"targetUserId": "u2", "message": "你好"})
        same(stamped(c.expect("u1", "message-sent")["args"]), {"targetUserId": "u2", "message": "你好"})
        for name in ("u2", "u2's phone"):
            same(stamped(c.expect(name, "private-message")["args"]), {"senderId": "u1", "senderUsername": "U1", "message": "你好"})


def test_music_sync():
    with Topology(app="music") as t:
        c = t.clients()
        for name, user, gateway in (("u1", "u1", 0), ("u1's phone", "u1", 1), ("u2", "u2", 1), ("u3", "u3", 0)):
            come(t, c, name, user, gateway)
        for name in ("u1", "u2"):
            c.emit(name, "join-room", {"room": "party"})
            c.expect(name, "joined-room")
        c.emit("u1", "music-sync", {"action": "play", "songId": "s1", "currentTime": 12.5, "room": "party"})
        same(stamped(c.expect("u2", "music-sync")["args"]), {"action": "play", "songId": "s1", "currentTime": 12.5, "userId": "u1"})
        for data in ({"action": "pause", "songId": "s1"}, {"action": "seek", "songId": "s1", "currentTime": 3, "room": ""}):
            c.emit("u1", "music-sync", data)
            same(stamped(c.expect("u1's phone", "music-sync")["args"]), {**{k: v for k, v in data.items() if k != "room"}, "userId": "u1"})
        c.emit("u1", "music-sync", {"action": "stop", "songId": "s1"})
        same(c.expect("u1", "error")["args"], [{"message": "Invalid message format"}])
        same([c.got(name, "music-sync") for name in ("u1", "u2", "u3", "u1's phone")], [[], [], [], []])


def test_validation():
    with Topology(app="music", gateway=1, router=1) as t:
        c = t.clients()
        come(t, c, "u1")
        come(t, c, "u2")
        to = lambda message: {"targetUserId": "u2", "message": message}
        rows = [("private-message", data, "Invalid message format") for data in ("text", 42, None, True, {"targetUserId": "u2", "message": 5}, {"message": "to nobody"})]
        rows += [("private-message", to(m), "Message too long") for m in ("x" * 1001, "\U0001F600" * 501)]
        rows += [("private-message", to(m), "Inappropriate content detected") for m in ("this is SpAm!", "dis" + "abused")]
        rows += [("join-room", {"room": "r", "message": "spam"}, "Inappropriate content detected"), ("join-room", {}, "Invalid message format")]
        for event, data, message in rows:
            c.emit("u1", event, data)
            same(c.expect("u1", "error")["args"], [{"message": message}], f"{event} {data}")
        c.emit("u1", "private-message")
        same(c.expect("u1", "error")["args"], [{"message": "Invalid message format"}], "no payload")
        for message in ("x" * 1000, "\U0001F600" * 500, ""):
            c.emit("u1", "private-message", to(message))
            same(c.expect("u2", "private-message")["args"][0]["message"], message)


def followers(online, offline, extra=""):
    with Topology(app="music", extra=extra) as t:
        c = t.clients()
        come(t, c, "fan")
        come(t, c, "fan 2", gateway=1)
        come(t, c, "stranger")
        same(t.command({"watch": "fan", "follows": ["star"]})["ok"], True)
        c.emit("fan 2", "follow", {"userId": "star"})
        until(lambda: t.command({"watch": "fan 2"})["follows"], "a client may follow, too")
        come(t, c, "tab 1", "star")
        for name in ("fan", "fan 2"):
            online(c, name)
        come(t, c, "tab 2", "star", gateway=1)
        c.do("close", id="tab 1")
        c.emit("fan 2", "unfollow", {"userId": "star"})
        until(lambda: not t.command({"watch": "fan 2"})["follows"], "no more")
        c.do("close", id="tab 2")
        offline(c, "fan")
        come(t, c, "tab 3", "star")
        online(c, "fan")
        same([l for l in c.seen if "-o" in json.dumps(l) and l["event"] in ("user-online", "user-offline", "notification")], [], "nobody else, and not of the second tab")


def test_followers():
    followers(lambda c, name: same(c.expect(name, "user-online")["args"], [{"userId": "star"}]),
              lambda c, name: same(c.expect(name, "user-offline")["args"], [{"userId": "star"}]))


def test_followers_wrapped():
    """As the seed's server words it: a notification with the type."""
    wrapped = "".join(f"    {what}: {{to: watchers, event: notification, args: [{{type: user-{what}, userId: '{{user.id}}', timestamp: '{{now.iso}}'}}]}}\n" for what in ("online", "offline"))
    said = lambda what: lambda c, name: same(stamped(c.expect(name, "notification")["args"]), {"type": f"user-{what}", "userId": "star"})
    followers(said("online"), said("offline"), "namespaces:\n  /:\n" + wrapped)


def test_notifications():
    with Topology(app="music") as t:
        c = t.clients()
        for name, gateway in (("u1", 0), ("u2", 1), ("u3", 0)):
            come(t, c, name, gateway=gateway)
        like = {"type": "like", "message": "赞", "data": {"songId": "s1"}, "timestamp": "2026-01-01T00:00:00.000Z"}
        t.command({"emit": "notification", "to": "user:u1", "args": [like]})
        t.command({"emit": "notification", "to": ["user:u1", "user:u2"], "args": [{**like, "type": "share"}]})
        t.command({"emit": "news", "to": "*", "args": [{"n": 1}]})
        same(c.expect("u1", "notification")["args"], [like])
        for name in ("u1", "u2"):
            same(c.expect(name, "notification")["args"], [{**like, "type": "share"}])
        for name in ("u1", "u2", "u3"):
            c.expect(name, "news")
        same(c.got("u3", "notification"), [])


def test_records():
    t = Topology(app="music")
    t.env["CAUSEWAY_PRESENCE_ACTIVITY_MS"] = "100ms"
    with t:
        c = t.clients()
        sid = come(t, c, "u1")
        record = lambda: json.loads((t.redis("hget", "online_users", "u1") or ["null"])[0] or "null")
        first = until(record, "written behind")
        same((first["socketId"], is_now(first["onlineAt"]), is_now(first["lastActivity"])), (sid, True, True))

        def active():
            c.emit("u1", "leave-room", {"room": "x"})
            return record()["lastActivity"] > first["lastActivity"]
        until(active, "traffic refreshes it")
        come(t, c, "tab", "u1", gateway=1)
        c.do("close", id="u1")
        until(lambda: [s["id"] for s in t.command({"sockets": "user:u1"})["sockets"]] != [sid] and record(), "a tab closing is not offline")
        c.do("close", id="tab")
        until(lambda: not record(), "the last one is")


def test_statistics():
    with Topology(app="music") as t:
        c = t.clients()
        for name, user, gateway in (("u1", "u1", 0), ("u1's phone", "u1", 1), ("u2", "u2", 1)):
            come(t, c, name, user, gateway)
            c.emit(name, "join-room", {"room": "r"})
            c.expect(name, "joined-room")
        same(t.command({"rooms": "r"})["rooms"], [{"room": "r", "sockets": 3}])
        until(lambda: sum(counters["sockets.open"] for name, counters in t.stats().items() if name.startswith("gateway")) == 3, "connected clients")
        same([(u["user"], u["sockets"]) for u in t.command({"who": ""})["users"]], [("u1", 2), ("u2", 1)])


def test_limits():
    with Topology(app="music") as t:
        c = t.clients()
        come(t, c, "u1")
        come(t, c, "u1's phone", "u1", gateway=1)
        come(t, c, "u2")
        for i in range(31):
            c.emit("u1's phone" if i % 2 else "u1", "private-message", {"targetUserId": "u2", "message": str(i)})
        told = until(lambda: c.got("u1", "rate-limit-exceeded") + c.got("u1's phone", "rate-limit-exceeded"), "the 31st")[0]["args"]
        check(time.time() * 1000 < told[0].pop("resetTime") <= time.time() * 1000 + 60_000, "resetTime")
        same(told, [{"event": "private-message", "limit": 30}])
        until(lambda: len(c.got("u2", "private-message")) == 30, "30 of 31, of both devices")
        for event, data, limit in (("join-room", {"room": "r"}, 10), ("music-sync", {"action": "play", "songId": "s"}, 60), ("leave-room", {"room": "r"}, 100)):
            for _ in range(limit + 1):
                c.emit("u2", event, data)
            told = c.expect("u2", "rate-limit-exceeded", lambda l: l["args"][0]["event"] == event)["args"][0]
            same(told["limit"], limit)
        until(lambda: t.redis("keys", "ws_rate_limit:u1:private-message"), "the seed's own counter")
        check(0 < int(t.redis("ttl", "ws_rate_limit:u1:private-message")[0]) <= 60, "which expires")
