"""Two users on different gateways, one on polling and one on WebSocket, talk through rooms that two routers own."""
import base64, os

from lib import Topology, check, same, until


def talk(tls):
    with Topology(tls=tls) as t:
        c = t.clients()
        ann = t.connect(c, "ann", gateway=0, transports=("polling",))
        bob = t.connect(c, "bob", gateway=1, transports=("websocket",))
        same(ann["transport"], "polling")
        same(bob["transport"], "websocket")
        same(c.expect("ann", "connected")["args"][0]["socketId"], ann["sid"])
        c.expect("ann", "user-online", lambda l: l["args"][0]["userId"] == "bob")

        same(c.call("ann", "join-room", {"room": "lobby"}), [{"success": True, "room": "lobby"}])
        same(c.expect("ann", "joined-room")["args"], [{"room": "lobby"}])
        same(c.call("bob", "join-room", {"room": "lobby"}), [{"success": True, "room": "lobby"}])
        same(c.expect("ann", "user-joined")["args"][0]["userId"], "bob")

        for who, other in (("ann", "bob"), ("bob", "ann")):
            same(c.call(who, "room-message", {"room": "lobby", "message": f"hi from {who} \u2603\U0001F600"}), [{"success": True}])
            for reader in (who, other):
                got = c.expect(reader, "room-message")["args"][0]
                same((got["userId"], got["message"]), (who, f"hi from {who} \u2603\U0001F600"))
            same(c.call(who, "private-message", {"targetUserId": other, "message": "psst"}), [{"success": True}])
            same(c.expect(who, "message-sent")["args"][0]["targetUserId"], other)
            got = c.expect(other, "private-message")["args"][0]
            same((got["senderId"], got["senderUsername"], got["message"]), (who, who.capitalize(), "psst"))

        same(c.call("ann", "ping-ack", {}), ["pong"])
        same(c.call("ann", "no-such-event", 1), [None])     # nothing answers: [null], as clients with retries need

        for who, other in (("ann", "bob"), ("bob", "ann")):
            data = os.urandom(100_000)
            sent = {"$bin": base64.b64encode(data).decode()}
            same(c.call(who, "share", {"room": "lobby", "name": "x.bin", "data": sent}), [{"success": True}])
            got = c.expect(other, "share")["args"][0]
            check(base64.b64decode(got["data"]["$bin"]) == data, "100 kB came back as they were")

        for name, room in (("eve", "lobby2"), ("ann", "flood"), ("bob", "flood"), ("cat", "flood")):
            if name in ("eve", "cat"):
                t.connect(c, name, gateway=1 if name == "cat" else 0, quiet=("room-message",))
            c.call(name, "join-room", {"room": room})

        c.do("close", id="cat")
        same(c.expect("ann", "user-offline")["args"][0]["userId"], "cat")
        same(c.expect("bob", "user-offline")["args"][0]["userId"], "cat")
        same(c.got("eve", "room-message"), [])


def test_talk():
    talk(tls=False)


def test_talk_tls():
    talk(tls=True)


def flood(tls):
    with Topology(tls=tls) as t:
        c = t.clients()
        receivers = {"r0": 0, "r1": 0, "r2": 1}
        for name, gateway in receivers.items():
            t.connect(c, name, gateway=gateway, quiet=("room-message",), transports=("polling", "websocket") if name == "r2" else ("websocket",))
            c.call(name, "join-room", {"room": "flood"})
        t.connect(c, "sender", gateway=1)
        c.do("flood", id="sender", event="room-message", args={"room": "flood"}, count=10_000)
        same(c.expect("sender", "flooded", deadline=120)["count"], 10_000)
        for name in receivers:
            until(lambda: c.count(name, "room-message")[0] >= 10_000, f"{name} has all")
            same(c.count(name, "room-message"), (10_000, 0), f"{name}: complete, once, in order")


def test_ten_thousand_in_order():
    flood(tls=False)


def test_ten_thousand_in_order_tls():
    flood(tls=True)


def test_upgrade():
    with Topology() as t:
        c = t.clients()
        t.connect(c, "ann", transports=("polling", "websocket"))
        same(c.expect("ann", "upgrade")["transport"], "websocket")
        same(c.call("ann", "ping-ack", {}), ["pong"])


def test_names_reach_only_rooms():
    """A client that names a room 'user:bob', or a socket's id, reaches a room of that name and nobody else."""
    with Topology() as t:
        c = t.clients()
        t.connect(c, "ann")
        bob = t.connect(c, "bob", gateway=1)
        for name in ("user:bob", "socket:" + bob["sid"], bob["sid"], "*", "room:lobby", "user:*"):
            same(c.call("ann", "join-room", {"room": name}), [{"success": True, "room": name}])
            same(c.call("ann", "room-message", {"room": name, "message": "for nobody else"}), [{"success": True}])
            c.expect("ann", "room-message", lambda l: l["args"][0]["room"] == name)
        c.call("bob", "private-message", {"targetUserId": "ann", "message": "now"})
        c.expect("ann", "private-message")
        same(c.got("bob", "room-message"), [])
        same(c.call("bob", "private-message", {"targetUserId": "", "message": "x"}), [None])     # refused: nothing answered
        c.expect("bob", "error")


def test_tokens_are_refused():
    with Topology() as t:
        c = t.clients()
        good = t.token("ann")
        head, body, signature = good.split(".")
        bad = {"none": "", "garbage": "x.y.z", "expired": t.token("ann", exp=1000), "tampered": f"{head}.{body}A.{signature}",
               "nobody": t.token("ann", sub=None)}
        for name, token in bad.items():
            c.do("connect", id=name, url=t.url(), opts={"auth": {"token": token} if token else {}, "transports": ["websocket"]})
            check(c.expect(name, "connect_error")["message"], f"{name} is told why")
        refused = lambda: {k: v for d in t.stats().values() if d["role"] == "auth" for k, v in d.items() if "refused" in k and v}
        until(lambda: len(refused()) >= 3, "each by its own reason")
