"""The administration's back office (topology/apps/admin.yaml), driven as its own clients and services drive it.

 what the system needs                                                              | checked by
 -----------------------------------------------------------------------------------|---------------------------------------
 /admin and /web; token from auth.token or Bearer; status must be 1, /admin a role; | who_may_come
   refusals have the application's texts                                            |
 clients of Socket.IO 2 (allowEIO3); ping 25 s / 60 s; any origin, credentials      | version_2, settings
 connected {message,user}, user:online and user:offline {userId,username,timestamp} | come_and_go
 ping -> "pong"; private:message, message:sent; ids are numbers and stay numbers    | private_messages
 room:join, room:leave, room:message and what the others hear                       | rooms
 "*": no object -> error {message,receivedData,timestamp}                           | errors
 a handler's failure -> error {event,message,timestamp}; unknown faults: internal   | a_handlers_failure
 sendToUser, sendToAll, sendToRoom, disconnectUser on every gateway,                | services
   getUserConnections, isUserOnline, getOnlineUsers                                 |
 system:, user: (also to many at once), room:notification; data:update              | services
 batches                                                                            | services
 system:status with real figures, stats:online-users, every 30 s                    | figures (shortened)
 at most 5 connections per user and namespace                                       | five_connections
 10 per 60 s, user and event -> rate:limit:exceeded {event,limit,window,message}    | limits
 records in Redis; stale ones are swept                                             | records
"""
import json, urllib.request

from workers import Worker, known

from lib import ROOT, Topology, check, is_now, kill, same, until

OPTS = {"transports": ["websocket", "polling"]}


def user(t, number, name, status=1, role="admin", **claims):
    return t.token(name, id=number, username=name, status=status, role=role, **claims)


def come(t, c, name, number=None, nsp="/admin", gateway=0, **opts):
    number = number or sum(name.encode())
    c.do("connect", id=name, url=t.url(gateway) + nsp, opts={**OPTS, "auth": {"token": user(t, number, name)}, **opts})
    done = c.expect(name, "connect")
    same(c.expect(name, "connected")["args"], [{"message": "连接成功", "user": {"id": number, "username": name}}])
    return done["sid"]


def stamped(args, *fields):
    """One object of these fields and a timestamp of now, which is taken off."""
    same(len(args), 1)
    check(is_now(args[0].pop("timestamp")), "timestamp")
    return args[0]


def test_who_may_come():
    with Topology(app="admin", gateway=1, router=1) as t:
        c = t.clients()
        good = user(t, 7, "ann")
        rows = (("no token", "/admin", {}, "认证令牌缺失"), ("garbage", "/admin", {"auth": {"token": "x.y.z"}}, "认证失败"),
                ("expired", "/admin", {"auth": {"token": user(t, 7, "ann", exp=1000)}}, "认证失败"),
                ("blocked", "/admin", {"auth": {"token": user(t, 7, "ann", status=0)}}, "权限不足"),
                ("blocked", "/web", {"auth": {"token": user(t, 7, "ann", status=0)}}, "权限不足"),
                ("no role", "/admin", {"auth": {"token": user(t, 7, "ann", role="user")}}, "权限不足"),
                ("no role", "/web", {"auth": {"token": user(t, 7, "ann", role="user")}}, None),
                ("auth.token", "/admin", {"auth": {"token": good}}, None),
                ("bearer", "/admin", {"extraHeaders": {"Authorization": "Bearer " + good}}, None),
                ("auth.token first", "/admin", {"auth": {"token": "x"}, "extraHeaders": {"Authorization": "Bearer " + good}}, "认证失败"))
        for what, nsp, opts, refusal in rows:
            name = what + nsp
            c.do("connect", id=name, url=t.url() + nsp, opts={**OPTS, **opts})
            if refusal:
                same(c.expect(name, "connect_error")["message"], refusal, name)
            else:
                same(c.expect(name, "connected")["args"][0]["user"]["id"], 7, name)


def test_settings():
    with Topology(app="admin", gateway=1, router=1) as t:
        for version in (3, 4):
            request = urllib.request.Request(t.url() + f"/socket.io/?EIO={version}&transport=polling", headers={"Origin": "http://any.example"})
            with urllib.request.urlopen(request) as answer:
                text = answer.read().decode()
                said = json.loads(text[text.index("{"):text.rindex("}") + 1])
                same((said["pingInterval"], said["pingTimeout"], said["upgrades"]), (25000, 60000, ["websocket"]))
                same((answer.headers["Access-Control-Allow-Origin"], answer.headers["Access-Control-Allow-Credentials"]), ("http://any.example", "true"))
        check("origin '*'" in t.tool("config", "check", str(t.file)).stderr, "which is warned of")


def test_version_2():
    with Topology(app="admin") as t:
        c = t.clients()
        come(t, c, "new", 1)
        c.do("connect", id="old", version=2, url=t.url(1) + "/admin", opts={**OPTS, "extraHeaders": {"Authorization": "Bearer " + user(t, 2, "old")}})
        same(c.expect("old", "connected")["args"], [{"message": "连接成功", "user": {"id": 2, "username": "old"}}])
        same(stamped(c.expect("new", "user:online", lambda l: l["args"][0]["userId"] == 2)["args"]), {"userId": 2, "username": "old"})
        for name in ("old", "new"):
            c.emit(name, "room:join", {"roomId": "ops"})
            same(c.expect(name, "room:joined")["args"], [{"roomId": "ops"}])
        c.emit("old", "room:message", {"roomId": "ops", "message": "从旧版"})
        for name in ("old", "new"):
            same(stamped(c.expect(name, "room:message")["args"]), {"roomId": "ops", "fromUserId": 2, "fromUsername": "old", "message": "从旧版"})
        c.do("connect", id="bad", version=2, url=t.url(1) + "/admin", opts={**OPTS, "extraHeaders": {"Authorization": "Bearer x"}})
        same(c.expect("bad", "connect_error")["message"], "认证失败")


def test_come_and_go():
    with Topology(app="admin") as t:
        c = t.clients()
        come(t, c, "ann", 7)
        same(stamped(c.expect("ann", "user:online")["args"]), {"userId": 7, "username": "ann"})
        come(t, c, "bob", 8, gateway=1)
        come(t, c, "bob's tab", 8)
        for name in ("ann", "bob"):
            same(stamped(c.expect(name, "user:online", lambda l: l["args"][0]["userId"] == 8)["args"]), {"userId": 8, "username": "bob"})
        c.do("close", id="bob")
        c.do("close", id="bob's tab")
        same(stamped(c.expect("ann", "user:offline")["args"])["userId"], 8)
        come(t, c, "eve", 9)
        c.expect("ann", "user:online", lambda l: l["args"][0]["userId"] == 9)
        same(c.got("ann", "user:offline"), [], "one tab of two is nobody going")


def test_private_messages():
    with Topology(app="admin") as t:
        c = t.clients()
        come(t, c, "ann", 7)
        come(t, c, "bob", 8, gateway=1)
        come(t, c, "bob's tab", 8)
        same(c.call("ann", "ping"), ["pong"])
        c.emit("ann", "private:message", {"toUserId": 8, "message": "你好"})
        sent = c.expect("ann", "message:sent")["args"]
        check(isinstance(sent[0]["messageId"], int) and sent[0]["messageId"] > 1.7e12, "messageId is a time in ms")
        for name in ("bob", "bob's tab"):
            same(stamped(c.expect(name, "private:message")["args"]), {"fromUserId": 7, "fromUsername": "ann", "message": "你好"})
        same(c.got("ann", "private:message"), [])


def test_rooms():
    with Topology(app="admin") as t:
        c = t.clients()
        for gateway, (name, number) in enumerate((("ann", 7), ("bob", 8), ("eve", 9))):
            come(t, c, name, number, gateway=gateway % 2)
        for name in ("ann", "bob"):
            c.emit(name, "room:join", {"roomId": "user:9"})         # a room of that name, not eve
            same(c.expect(name, "room:joined")["args"], [{"roomId": "user:9"}])
        same(c.expect("ann", "room:user:joined")["args"], [{"userId": 8, "username": "bob"}])
        c.emit("bob", "room:message", {"roomId": "user:9", "message": {"text": "hi"}})
        for name in ("ann", "bob"):
            same(stamped(c.expect(name, "room:message")["args"]), {"roomId": "user:9", "fromUserId": 8, "fromUsername": "bob", "message": {"text": "hi"}})
        c.emit("bob", "room:leave", {"roomId": "user:9"})
        same(c.expect("bob", "room:left")["args"], [{"roomId": "user:9"}])
        same(c.expect("ann", "room:user:left")["args"], [{"userId": 8, "username": "bob"}])
        c.emit("ann", "room:message", {"roomId": "user:9", "message": 2})
        c.expect("ann", "room:message")
        same([c.got("bob", e) for e in ("room:user:joined", "room:message", "room:user:left")] + [c.got("eve", "room:message")], [[], [], [], []])


def test_errors():
    with Topology(app="admin", gateway=1, router=1) as t:
        c = t.clients()
        come(t, c, "ann", 7)
        for data in ("text", 42, True, None):
            c.emit("ann", "nobody:handles:this", data)
            same(stamped(c.expect("ann", "error")["args"]), {"message": "无效的消息格式", "receivedData": data})
        c.emit("ann", "nobody:handles:this")
        same(stamped(c.expect("ann", "error")["args"])["message"], "无效的消息格式")
        same([c.call("ann", "nobody:handles:that", data) for data in ({"an": "object"}, [1])], [[None], [None]])
        c.emit("ann", "private:message", {"toUserId": 8})
        check("message" in stamped(c.expect("ann", "error")["args"])["message"], "which field")
        same(c.got("ann", "error"), [])


def test_a_handlers_failure():
    """A worker that fails says what of; when none is there, or it is silent, nothing leaks."""
    t = Topology(app="admin", gateway=1, router=1)
    t.env["CAUSEWAY_GATEWAY_WORKER_MS"] = "500ms"
    with t:
        c = t.clients()
        come(t, c, "ann", 7)
        worker = Worker(t, namespaces=["/admin"], events=["test:error", "test:silence"])
        known(t, 1)
        c.emit("ann", "test:error", {})
        request = worker.request("test:error")
        same((request["user"], request["args"]), (7, [{}]))
        worker.answer(request, refuse={"message": "测试错误"})
        same(stamped(c.expect("ann", "error")["args"]), {"event": "test:error", "message": "测试错误"})
        c.emit("ann", "test:silence", {})
        same(stamped(c.expect("ann", "error")["args"]), {"message": "服务器内部错误"})
        worker.close()


def test_services():
    with Topology(app="admin") as t:
        c = t.clients()
        for name, number, nsp, gateway in (("ann", 7, "/admin", 0), ("bob", 8, "/admin", 1), ("bob's tab", 8, "/admin", 0), ("bob's web", 8, "/web", 1)):
            come(t, c, name, number, nsp, gateway)
        c.emit("bob", "room:join", {"roomId": "ops"})
        c.expect("bob", "room:joined")
        notice = {"title": "系统警告", "message": "磁盘", "type": "warning", "data": {"free": 1}, "timestamp": "2026-01-01T00:00:00.000Z"}
        everybody, both, tabs = ("ann", "bob", "bob's tab"), ("ann", "bob", "bob's tab"), ("bob", "bob's tab")
        batch = [({"emit": "system:notification", "to": "*", "args": [notice]}, everybody),
                 ({"emit": "user:notification", "to": "user:8", "args": [notice]}, tabs),
                 ({"emit": "user:notification", "to": ["user:7", "user:8"], "args": [{**notice, "n": 2}]}, both),
                 ({"emit": "room:notification", "to": "room:ops", "args": [{**notice, "roomId": "ops"}]}, ("bob",)),
                 ({"emit": "data:update", "to": ["user:7"], "args": [{"type": "orders", "data": [1, 2], "timestamp": notice["timestamp"]}]}, ("ann",)),
                 ({"emit": "data:update", "to": "*", "args": [{"type": "orders", "data": None, "timestamp": notice["timestamp"]}]}, everybody)]
        requests = [{**request, "nsp": "/admin", "reached": True} for request, _ in batch]
        answers = t.command(requests)                               # a batch: one message, nothing waits for a timer
        same([(a["ok"], a["reached"]) for a in answers], [(True, len(names)) for _, names in batch])
        for request, names in batch:
            for name in names:
                same(c.expect(name, request["emit"], lambda l: l["args"] == request["args"])["args"], request["args"])
        same([l for l in c.seen if l.get("id") == "bob's web" and l["event"].endswith("notification")], [], "/web is not /admin")

        same(sorted(s["user"] for s in t.command({"sockets": "user:8", "nsp": "/admin"})["sockets"]), [8, 8])
        same([(u["user"], u["online"]) for u in t.command({"online": [7, 8, 99], "nsp": "/admin"})["users"]], [(7, True), (8, True), (99, False)])
        same([u["user"] for u in t.command({"who": "", "nsp": "/admin"})["users"]], [7, 8])
        gone = t.command({"disconnect": "user:8", "nsp": "/admin"})
        same(gone["ok"], True)
        for name in tabs:
            same(c.expect(name, "disconnect")["reason"], "io server disconnect")
        until(lambda: [u["user"] for u in t.command({"who": "", "nsp": "/admin"})["users"]] == [7], "gone on every gateway")
        same(c.got("bob's web", "disconnect"), [])


def test_figures():
    """As its file has them, but for the time: there 30 s."""
    t = Topology(app="admin", extra="service: {stats_ms: 100ms}\n")
    rules = ROOT / "topology/apps/admin.yaml"
    (t.dir / "admin.yaml").write_text(rules.read_text().replace("every: 30s", "every: 300ms"))
    t.file.write_text(t.file.read_text().replace(str(rules), str(t.dir / "admin.yaml")))
    with t:
        c = t.clients()
        come(t, c, "ann", 7)
        come(t, c, "ann's tab", 7, gateway=1)
        come(t, c, "bob", 8, nsp="/web", gateway=1)
        status = stamped(c.expect("ann", "system:status", lambda l: l["args"][0]["activeConnections"] == 3)["args"])
        check(0 <= status["cpu"] <= 100 and 0 < status["memory"] < 100, status)
        for name, users in (("ann", [7]), ("bob", [8])):        # each namespace has its own
            same(stamped(c.expect(name, "stats:online-users", lambda l: l["args"][0]["users"] == users)["args"]), {"total": 1, "users": users})


def test_five_connections():
    with Topology(app="admin") as t:
        c = t.clients()
        for i in range(5):
            come(t, c, f"tab {i}", 7, gateway=i % 2)
        c.do("connect", id="tab 6", url=t.url(1) + "/admin", opts={**OPTS, "auth": {"token": user(t, 7, "ann")}})
        same(c.expect("tab 6", "connect_error")["message"], "连接数超限")
        come(t, c, "in the other namespace", 7, nsp="/web")
        c.do("close", id="tab 0")
        until(lambda: len(t.command({"sockets": "user:7", "nsp": "/admin"})["sockets"]) == 4, "one is gone")
        come(t, c, "tab 7", 7)


def test_records():
    t = Topology(app="admin")
    t.env["CAUSEWAY_PRESENCE_LEASE_MS"] = "1s"
    with t:
        c = t.clients()
        ann = come(t, c, "ann", 7)
        tab = come(t, c, "ann's tab", 7, gateway=1)
        connections = lambda: set(t.redis("smembers", "socket:connections:admin:7"))
        until(lambda: connections() == {ann, tab}, "both in the set")
        same(json.loads(t.redis("get", "socket:user:" + ann)[0]), {"userId": 7, "namespace": "admin"})
        check(0 < int(t.redis("ttl", "socket:connections:admin:7")[0]) <= 86400, "which expires")
        c.do("close", id="ann's tab")
        until(lambda: connections() == {ann} and t.redis("exists", "socket:user:" + tab) == ["0"], "one left")
        kill(t.pids()["gateway-0"])
        until(lambda: not connections(), "what a dead gateway leaves is swept")


def test_limits():
    with Topology(app="admin") as t:
        c = t.clients()
        come(t, c, "ann", 7)
        come(t, c, "ann's tab", 7, gateway=1)
        come(t, c, "bob", 8)
        for i in range(10):
            same(c.call("ann's tab" if i % 2 else "ann", "ping"), ["pong"])
        for name in ("ann", "ann's tab"):
            same(c.call(name, "ping"), [None])
            same(c.expect(name, "rate:limit:exceeded")["args"], [{"event": "ping", "limit": 10, "window": 60, "message": "请求过于频繁，请稍后再试"}])
        same(c.call("bob", "ping"), ["pong"])
        c.emit("ann", "room:join", {"roomId": "ops"})
        c.expect("ann", "room:joined")                              # of each event
        until(lambda: t.redis("keys", "rate:limit:7:ping"), "the seed's own counter")
        check(0 < int(t.redis("ttl", "rate:limit:7:ping")[0]) <= 60, "which expires")
