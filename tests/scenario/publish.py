"""A backend publishes from Python, Node and C on every socket that routers have; what it gets wrong names the field."""
import json, os, subprocess

import zmq

from lib import CLIENT, ROOT, Topology, check, same, until


def test_ten_lines_of_python():
    with Topology() as t:
        c = t.clients()
        for name, gateway in (("ann", 0), ("bob", 1)):
            t.connect(c, name, gateway=gateway)
            c.call(name, "join-room", {"room": "lobby"})
        sid = c.expect("ann", "connected")["args"][0]["socketId"]
        for router in (0, 1):
            answer = t.command({"emit": "news", "to": "room:lobby", "args": [{"n": 1}], "reached": True, "ref": "r1"}, router)
            same((answer["ok"], answer["ref"], answer["reached"], answer["complete"]), (True, "r1", 2, True))
            check(int(answer["epoch"]) > 0 and answer["seq"] > 0, "epoch and seq")
            for name in ("ann", "bob"):
                same(c.expect(name, "news")["args"], [{"n": 1}])
            same(t.command({"emit": "news", "to": ["user:bob"], "args": [2], "reached": True}, router)["reached"], 1)
            same(c.expect("bob", "news")["args"], [2])
            same(t.command({"emit": "news", "to": f"socket:{sid}", "args": [3], "reached": True}, router)["reached"], 1)
            same(c.expect("ann", "news")["args"], [3])
            same(t.command({"emit": "news", "to": "*", "args": [4], "except": ["user:ann"], "reached": True}, router)["reached"], 1)
            same(c.expect("bob", "news")["args"], [4])
            union = ["room:lobby", "user:ann", "user:bob", f"socket:{sid}", "*"]
            same(t.command({"emit": "news", "to": union, "args": [5], "reached": True}, router)["reached"], 2)
            for name in ("ann", "bob"):
                same(c.expect(name, "news")["args"], [5])
            same(c.got("ann", "news") + c.got("bob", "news"), [])        # one copy each

            with t.socket(zmq.PUSH, "publish_pull", router) as push:
                push.send_json({"emit": "pushed", "to": ["room:lobby"], "args": ["x"]})
                for name in ("ann", "bob"):
                    same(c.expect(name, "pushed")["args"], ["x"])
            with t.socket(zmq.PUB, "publish_sub", router) as pub:
                # A PUB socket drops until its connection is there: published until the first arrives.
                def heard():
                    pub.send_multipart([b"user:bob", b'{"emit":"published","args":["y"]}'])
                    return c.got("bob", "published")
                until(heard, "a message of the PUB socket")
                same(c.got("ann", "published"), [])


def test_publishers_at_every_router():
    """All at once: each router sends to the others what it does not own, and copies to them what it owns."""
    with Topology(router=3) as t:
        with t.socket(zmq.DEALER, "command", 0) as a, t.socket(zmq.DEALER, "command", 1) as b, t.socket(zmq.DEALER, "command", 2) as c:
            for i in range(1000):
                for s in (a, b, c):
                    s.send_json({"emit": "x", "to": f"room:{i % 16}", "ref": i})
            for s in (a, b, c):
                same([s.recv_json()["ok"] for _ in range(1000)], [True] * 1000)


def test_binary_and_ids():
    with Topology() as t:
        c = t.clients()
        t.connect(c, "ann")
        same(t.command({"emit": "file", "to": "*", "args": ["a", {"_placeholder": True, "num": 0}]}, 0, b"\x00\xffbinary")["ok"], True)
        same(c.expect("ann", "file")["args"], ["a", {"$bin": "AP9iaW5hcnk="}])
        same(t.command({"emit": "file", "to": "*", "args": [{"_placeholder": True, "num": 1}]}, 0, b"x")["error"]["code"], "bad-placeholder")
        first = t.command({"emit": "once", "to": "user:ann", "id": "pay-1"})
        again = t.command({"emit": "once", "to": "user:ann", "id": "pay-1"}, router=1)
        same((again["epoch"], again["seq"], again.get("duplicate")), (first["epoch"], first["seq"], True))
        c.expect("ann", "once")
        t.command({"emit": "last", "to": "user:ann"})
        c.expect("ann", "last")
        same(c.got("ann", "once"), [])


def test_batches():
    """Many requests in one message: each by itself, answered by one list in their order; on the publish sockets too."""
    with Topology() as t:
        c = t.clients()
        t.connect(c, "ann"), t.connect(c, "bob", gateway=1)
        requests = [{"emit": "n", "to": "user:ann", "args": [i], "ref": i} for i in range(100)]
        requests[7:7] = [{"emit": "n", "to": "nowhere", "ref": "bad"}, 5, {"join": "vip", "to": "user:bob"}, {"online": ["ann"]}]
        answers = t.command(requests, 1)
        same([a.get("ref") for a in answers], [*range(7), "bad", None, None, None, *range(7, 100)])
        same([a["ok"] for a in answers], [True] * 7 + [False, False, True, True] + [True] * 93)
        same((answers[7]["error"]["field"], answers[9]["reached"], answers[10]["users"][0]["online"]), ("to", 1, True))
        same([c.expect("ann", "n")["args"][0] for _ in range(100)], list(range(100)))
        file = {"_placeholder": True, "num": 1}
        answers = t.command([{"emit": "file", "to": "user:ann", "args": [file]}, {"emit": "file", "to": "room:vip", "args": [{**file, "num": 0}, file]}], 0, b"a", b"b")
        same([a["ok"] for a in answers], [True, True])
        same((c.expect("ann", "file")["args"], c.expect("bob", "file")["args"]), ([{"$bin": "Yg=="}], [{"$bin": "YQ=="}, {"$bin": "Yg=="}]))
        c.answer("ann", "ask", "yes", {"$bin": "AQ=="})
        with t.socket(zmq.REQ, "command") as s:
            s.send_json([{"emit": "ask", "to": "user:ann", "ack": True}, {"emit": "n", "to": "*", "args": ["x"]}, {"disconnect": "user:bob"}])
            frames = s.recv_multipart()
            answers = json.loads(frames[0])
            same((answers[0]["attachments"], frames[1:]), (1, [b"\x01"]))
            same((answers[2]["reached"], answers[2]["gateways"]), (1, [{"id": "gateway-1", "reached": 1}]))
        with t.socket(zmq.PUSH, "publish_pull") as push:
            push.send_json([{"emit": "p", "to": "user:ann", "args": [1]}, {"disconnect": "*"}, {"emit": "p", "to": "user:ann", "args": [2]}])
        same([c.expect("ann", "p")["args"][0] for _ in range(2)], [1, 2])
        same(t.command([{}] * 1001)["error"]["code"], "too-many")
        same((t.command([])["ok"], t.command([[{"topology": True}]])[0]["ok"]), (False, False))


def test_what_pushpins_publishers_send():
    with Topology() as t:
        c = t.clients()
        t.connect(c, "ann")
        c.call("ann", "join-room", {"room": "x"})
        text = {"ws-message": {"content": "hé"}, "http-stream": {"content": "h\n"}}
        with t.socket(zmq.PUSH, "publish_pull") as push:
            push.send(b"J" + json.dumps({"channel": "x", "id": "1", "formats": text}).encode())
            push.send(b"J" + json.dumps({"channel": "x", "id": "1", "prev-id": "0", "formats": text}).encode())      # said twice
            push.send(b"J" + json.dumps({"channel": "x", "id": "2", "formats": {"ws-message": {"content-bin": "AQI="}}}).encode())
            push.send(b'J{"emit":"native","to":"room:x"}')
            push.send(b"35:7:channel,1:x,}")
            c.expect("ann", "native")
            same([l["args"] for l in c.got("ann", "message")], [["hé"], [{"$bin": "AQI="}]])
        with t.socket(zmq.PUB, "publish_sub", 1) as pub:
            def heard():
                pub.send_multipart([b"x", b"J" + json.dumps({"formats": {"ws-message": {"content": "sub"}}}).encode()])
                return [l for l in c.got("ann", "message") if l["args"] == ["sub"]]
            until(heard, "an item of the PUB socket")
        with t.socket(zmq.REQ, "command") as s:
            for item, field in (({"channel": 7, "formats": text}, "channel"), ({"channel": "x", "formats": {"http-stream": {}}}, "formats.ws-message")):
                s.send(b"J" + json.dumps(item).encode())
                same(json.loads(s.recv())["error"]["field"], field)
            s.send(b"J" + json.dumps({"channel": "x", "ref": 1, "formats": {"ws-message": {"action": "close"}}}).encode())
            same(json.loads(s.recv())["reached"], 1)
        same(c.expect("ann", "disconnect")["reason"], "io server disconnect")


def test_numbers_stay_numbers():
    with Topology() as t:
        c = t.clients()
        t.connect(c, "n", user=42)
        same(t.command({"emit": "x", "to": "user:42", "args": [1.10, 12345678901234567890], "reached": True})["reached"], 1)
        same(c.expect("n", "connected")["args"][0]["userId"], 42)
        same(t.command({"online": [42, "nobody"]})["users"][0]["user"], 42)


def test_administration():
    with Topology() as t:
        c = t.clients()
        ann, bob = t.connect(c, "ann"), t.connect(c, "bob", gateway=1)
        same(t.command({"join": ["vip", "news"], "to": ["user:ann", "user:bob"]}, router=1)["reached"], 2)
        same(t.command({"emit": "x", "to": "room:vip", "reached": True})["reached"], 2)
        rooms = {r["room"]: r["sockets"] for r in t.command({"rooms": ""})["rooms"]}
        same((rooms.get("vip"), rooms.get("news")), (2, 2))
        same(t.command({"leave": "vip", "to": "user:ann"})["reached"], 1)
        same(t.command({"emit": "x", "to": "room:vip", "reached": True})["reached"], 1)
        listed = t.command({"sockets": "*"})
        same((sorted(s["id"] for s in listed["sockets"]), listed["complete"]), (sorted([ann["sid"], bob["sid"]]), True))
        same([s["id"] for s in t.command({"sockets": "user:bob"})["sockets"]], [bob["sid"]])
        page = t.command({"sockets": "*", "limit": 1})
        rest = t.command({"sockets": "*", "limit": 1, "after": page["next"]})
        same(sorted([page["sockets"][0]["id"], rest["sockets"][0]["id"]]), sorted([ann["sid"], bob["sid"]]))
        same({u["user"]: u["sockets"] for u in t.command({"who": ""})["users"]}, {"ann": 1, "bob": 1})
        online = {u["user"]: u["online"] for u in t.command({"online": ["ann", "cat"]})["users"]}
        same((online["ann"], online.get("cat", False)), (True, False))
        health = t.command({"health": True})
        same((health["complete"], {d["id"] for d in health["daemons"]}), (True, {"router-0", "router-1", "gateway-0", "gateway-1", "presence-0", "auth-0"}))
        topology = t.command({"topology": True}, router=1)
        same(topology["owners"], ["router-0", "router-1"])
        same(t.command({"disconnect": "user:bob"})["reached"], 1)
        same(c.expect("bob", "disconnect")["reason"], "io server disconnect")
        same(t.command({"disconnect": "user:ann", "close": True})["reached"], 1)
        same(c.expect("ann", "disconnect")["reason"], "transport close")


def test_mistakes_are_answered():
    with Topology() as t:
        wrong = [
            (b"hello", "bad-json", ""), (b"[]", "bad-json", ""), (b"{}", "unknown-verb", ""), (b'{"emit":"x"}', "missing-field", "to"),
            (b'{"emit":7.5,"to":"*"}', "wrong-type", "emit"), (b'{"emit":"x","to":"bob"}', "wrong-type", "to"),
            (b'{"emit":"x","to":"*","args":{}}', "wrong-type", "args"), (b'{"emit":"x","to":"*","nope":1}', "unknown-field", "nope"),
            (b'{"sockets":"*","limit":-1}', "wrong-type", "limit"), (b'{"emit":"x","to":"*","nsp":"chat"}', "wrong-type", "nsp"),
        ]
        with t.socket(zmq.REQ, "command") as s:
            for text, code, field in wrong:
                s.send(text)
                error = json.loads(s.recv())["error"]
                same((error["code"], error["field"]), (code, field), text)
            s.send_multipart([b"{}"] * 80)
            same(json.loads(s.recv())["error"]["code"], "bad-frames")
        with t.socket(zmq.PUSH, "publish_pull") as push:
            push.send(b'{"disconnect":"*"}')
            push.send(b"\xff\xfe")
        refused = until(lambda: (lambda s: s if s.get("refused.publish.ERR_AUTH") and (s.get("refused.publish.ERR_SYNTAX") or s.get("refused.publish.ERR_UTF8")) else None)(t.stats()["router-0"]), "counted by reason")
        check(refused["refused.command.ERR_TYPE"] >= 5, "command's by reason too")


def test_an_asker_that_never_reads():
    """What waits for it has a limit in bytes; others are served; when it reads, it gets what waited, in order."""
    with Topology(router=1, gateway=1, extra="  command_queue_bytes: 1M\n") as t:
        with t.socket(zmq.DEALER, "command", rcvhwm=10) as s:
            sent = 0
            figures = {}
            while not (figures.get("replies.dropped") and figures["replies.waiting_bytes"]):      # the kernel takes some, too
                for sent in range(sent, sent + 2000):
                    s.send_json({"topology": True, "ref": sent})
                sent += 1
                figures = t.stats()["router-0"]
            check(figures["replies.waiting_bytes"] <= 1 << 20, figures["replies.waiting_bytes"])
            same(t.command({"emit": "x", "to": "*"})["ok"], True)
            refs = [s.recv_json()["ref"] for _ in range(400)]
            same(refs, list(range(400)))
            until(lambda: t.stats()["router-0"]["command.in"] > sent, "all were asked")
            again = 0
            while again != "last":      # whatever came before its answer was dropped or is read
                s.send_json({"topology": True, "ref": "last"})
                while again != "last" and s.poll(100):
                    again = s.recv_json()["ref"]
            until(lambda: t.stats()["router-0"]["replies.waiting_bytes"] == 0, "nothing waits")
            for _ in range(20000):
                s.send_json({"topology": True})
            until(lambda: t.stats()["router-0"]["replies.waiting_bytes"] > 0, "it stopped reading")
        until(lambda: t.stats()["router-0"]["replies.waiting_bytes"] == 0, "forgotten when it is gone")


def test_examples_of_the_docs():
    with Topology() as t:
        c = t.clients()
        t.connect(c, "n", user=42)
        c.call("n", "join-room", {"room": "lobby"})
        examples = ROOT / "docs" / "examples"
        ends = [t.endpoint(p) for p in ("command", "publish_pull", "publish_sub")]
        out = subprocess.run(["/usr/bin/python3", examples / "publish.py", *ends], capture_output=True, text=True, timeout=30, check=True).stdout
        check('"ok": true' in out and '"reached": 1' in out, out)
        for source in ("REQ", "PUSH", "PUB"):
            c.expect("n", "news", lambda l: l["args"] == [{"from": source}])
        env = {**os.environ, "NODE_PATH": str(CLIENT / "node_modules")}
        script = CLIENT / "example-publish.mjs"         # beside its node_modules: where an import looks
        script.write_text((examples / "publish.mjs").read_text())
        try:
            out = subprocess.run(["node", script, ends[0]], capture_output=True, text=True, timeout=30, check=True, env=env).stdout
        finally:
            script.unlink()
        check('"ok":true,"ref":1' in out, out)
        same(c.expect("n", "news")["args"][0]["data"], {"$bin": "AQID"})
        program = t.dir / "publish"
        subprocess.run(["cc", examples / "publish.c", "-o", program, "-lzmq"], check=True)
        out = subprocess.run([program, ends[0]], capture_output=True, text=True, timeout=30, check=True).stdout
        check('"ok":true,"ref":"c-1"' in out, out)
        same(c.expect("n", "news")["args"][0]["from"], "C")
        out = subprocess.run(["/usr/bin/python3", examples / "stats.py", t.endpoint("stats"), "20"], capture_output=True, text=True, timeout=30, check=True).stdout
        check("stats.gateway.gateway-0.counters" in out, out)
