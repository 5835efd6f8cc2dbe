"""Every client that people have, on every transport, in one topology at once: versions 2, 3 and 4 of socket.io-client, version 4
with socket.io-msgpack-parser, and python-socketio. What is said to each is the same, word by word; the clients are as they were published."""
import base64, os, pathlib, threading

from lib import Topology, check, kill, same, until

TRANSPORTS = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": ["polling", "websocket"]}
PARSER = "socket.io-msgpack-parser"
MESSAGES = 1000         # whose order is looked at across an upgrade
TEXT = "Grüße, \u4f60\u597d, \u2603 \U0001F600 \u2028 \"\\\u0000\u001e end"


class Client:
    """One of the matrix. Its user has its name."""

    def __init__(self, t, driver, kind, version, transport, packed=False):
        self.t, self.driver, self.kind, self.version, self.transport, self.packed = t, driver, kind, version, transport, packed
        self.name = f"{kind}{version or ''}-{'packed-' * packed}{transport}"
        self.far = "/grüße" if kind == "js" else "/far"      # python-engineio posts as Latin-1 what is not JSON

    def options(self, token, **more):
        """Version 2 can carry a token only in the query."""
        who = {"query": {"token": token}} if self.version == 2 else {"auth": {"token": token}}
        return {"transports": TRANSPORTS[self.transport], **who, **more}

    def begin(self, name, nsp="", token=None, gateway=0, also={}, answers={}, **more):
        self.driver.do("connect", id=name, url=self.t.url(gateway, packed=self.packed) + nsp, version=self.version, also=also, answers=answers,
                       opts=self.options(token or self.t.token(self.name), **more), **({"parser": PARSER} if self.packed else {}))

    # ---- what is said

    def talk(self):
        d, me, chat, far = self.driver, self.name, self.name + "/chat", self.name + "/far"
        self.begin(me, also={chat: "/chat", far: self.far}, answers={"question": ["yes", {"$bin": "AQID"}, {"text": TEXT}]}, reconnection=True, reconnectionDelay=50, reconnectionDelayMax=500)
        first = d.expect(me, "connect")
        check(first["sid"], "an id of its own")
        for name, nsp in ((me, "/"), (chat, "/chat"), (far, self.far)):
            if name != me:
                check(d.expect(name, "connect")["sid"] != first["sid"], "another id in another namespace")
            same(d.expect(name, "welcome")["args"], [self.name, nsp], name)
        if self.transport == "upgrade":
            self.order(me)
        d.do("transport", id=me)
        same(d.expect(me, "transport")["transport"], "polling" if self.transport == "polling" else "websocket", "transport")
        self.values(me), self.values(chat), self.values(far)
        self.asked(me), self.asked(chat, nsp="/chat")
        self.rooms(me, chat)

    def order(self, me):
        """Numbered messages while the transport changes: all come, in their order."""
        d = self.driver
        d.do("flood", id=me, event="echo", count=MESSAGES, window=20)
        d.expect(me, "flooded")
        if self.kind != "js":       # whose threads may count the last one after its ack
            until(lambda: d.count(me, "echoed")[0] >= MESSAGES, f"{me} has all")
        same(d.count(me, "echoed"), (MESSAGES, 0 if self.kind == "js" else None), "numbered messages, disorder")
        if self.kind == "js":
            same(d.expect(me, "upgrade")["transport"], "websocket")
        with d.arrived:
            d.seen = [line for line in d.seen if (line.get("id"), line["event"]) != (me, "echoed")]

    def values(self, name):
        d = self.driver
        data = os.urandom(100_000)
        binary = {"$bin": base64.b64encode(data).decode()}
        for args in ([1, -1.5, True, None, [], {}, ""], [TEXT], [{"a": [{"b": binary}], "c": TEXT}, 2, binary], ["x" * 10_000], []):
            same(d.call(name, "echo", *args), args, "ack")
            same(d.expect(name, "echoed")["args"], args, "event")

    def asked(self, name, nsp="/"):
        """A backend asks for an ack and gets the client's values."""
        answer = self.t.command({"emit": "question", "nsp": nsp, "to": "user:" + self.name, "args": [TEXT], "ack": True, "timeout": 20000})
        same([(a["user"], a["args"]) for a in answer.get("acks", [answer])],
             [(self.name, ["yes", {"_placeholder": True, "num": 0}, {"text": TEXT}])], "a server's ack")
        same(self.driver.expect(name, "question")["args"], [TEXT])

    def rooms(self, me, chat):
        d, peer = self.driver, self.name + "-peer"
        self.begin(peer, gateway=1, token=self.t.token(peer))
        d.expect(peer, "connect")
        for who in (me, peer, chat):
            same(d.call(who, "join", {"room": me}), ["joined"])
        for who, other in ((me, peer), (peer, me)):
            same(d.call(who, "say", {"room": me, "message": TEXT}), [True])
            for hearer in (who, other):
                same(d.expect(hearer, "said")["args"], [who, TEXT])
        same(d.call(peer, "leave", {"room": me}), ["left"])
        same(d.call(me, "say", {"room": me, "message": 2}), [True])
        same(d.expect(me, "said")["args"], [me, 2])
        same(d.call(peer, "echo", 1), [1])
        same((d.got(peer, "said"), d.got(chat, "said")), ([], []), "who left, and the same room of another namespace, hear nothing")
        d.do("close", id=peer)
        same(d.expect(peer, "disconnect")["reason"], self.reason("io client disconnect"))

    def enter(self):
        same(self.driver.call(self.name, "join", {"room": "square"}), ["joined"])

    def meet(self):
        """What one says in the room of all, everybody hears: text and binary as they were."""
        message = {"n": [1, 2.5, -3], "text": TEXT, "data": {"$bin": base64.b64encode(self.name.encode() * 100).decode()}}
        same(self.driver.call(self.name, "say", {"room": "square", "message": message}), [True])

    def heard(self, names):
        said = dict(self.driver.expect(self.name, "said")["args"] for _ in names)
        same(sorted(said), sorted(names), self.name)
        for name, message in said.items():
            same(message, {"n": [1, 2.5, -3], "text": TEXT, "data": {"$bin": base64.b64encode(name.encode() * 100).decode()}}, f"{self.name} from {name}")

    def reason(self, text):
        return text if self.kind == "js" else None

    def return_(self):
        """Its gateway was killed: it comes back by itself, in all its namespaces."""
        d, me = self.driver, self.name
        reason = d.expect(me, "disconnect")["reason"]
        check(reason in (self.reason("transport close"), self.reason("transport error")), f"{me}: {reason}")
        for name in (me, me + "/chat", me + "/far"):
            d.expect(name, "connect")
            d.expect(name, "welcome")
            same(d.call(name, "echo", TEXT), [TEXT], "after the return")

    def leave(self):
        """Sent away by a backend it is told so and stays away; cut off it comes back. (python-socketio stays away from both.)"""
        d, me, chat = self.driver, self.name, self.name + "/chat"
        same(self.t.command({"disconnect": "user:" + me, "timeout": 5000})["ok"], True)
        same(d.expect(me, "disconnect")["reason"], self.reason("io server disconnect"))
        same(d.call(chat, "echo", 1), [1], "the connection stays for the other namespaces")
        if self.kind != "js":
            return
        same(self.t.command({"disconnect": "user:" + me, "nsp": "/chat", "close": True})["ok"], True)
        check(d.expect(chat, "disconnect")["reason"] in (self.reason("transport close"), self.reason("transport error")), chat)
        d.expect(chat, "connect")
        same(d.call(chat, "echo", 2), [2], "back again")
        same(d.got(me, "connect"), [])

    def refused(self):
        """A bad token, an unknown namespace, a token without the claims: CONNECT_ERROR, and no connect."""
        d, token = self.driver, self.t.token(self.name)
        for nsp, token, message in (("", token + "x", None), ("/nowhere", token, "Invalid namespace"), ("/strict", token, None)):
            name = self.name + " refused" + nsp
            self.begin(name, nsp=nsp, token=token)
            told = d.expect(name, "connect_error")["message"]
            check(told and message in (None, told), f"{name}: told {told!r}")
            same(d.got(name, "connect"), [])
            d.do("close", id=name)


def all_at_once(clients, what, *args):
    """what of every client, each in a thread of its own; the first failure is the test's."""
    failures = []

    def one(client):
        try:
            getattr(client, what)(*args)
        except Exception as e:
            failures.append(f"{client.name}: {what}: {e}")
    threads = [threading.Thread(target=one, args=(c,)) for c in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(not failures, "\n".join(failures))


def test_clients():
    with Topology(rules=pathlib.Path(__file__).with_suffix(".yaml"), packed=True, listener="allow_eio3: true") as t:
        js, py = t.clients(), t.clients(("/usr/bin/python3", "driver.py"))
        clients = [Client(t, js, "js", version, transport) for version in (2, 3, 4) for transport in TRANSPORTS]
        clients += [Client(t, js, "js", 4, transport, packed=True) for transport in TRANSPORTS]
        clients += [Client(t, py, "py", None, transport) for transport in TRANSPORTS]
        all_at_once(clients, "talk")
        all_at_once(clients, "enter")
        all_at_once(clients, "meet")
        all_at_once(clients, "heard", [c.name for c in clients])
        all_at_once(clients, "refused")
        kill(t.pids()["gateway-0"])
        all_at_once(clients, "return_")
        all_at_once(clients, "leave")


def test_the_wrong_parser():
    """Who speaks another form than the listener is cut off, as by the reference server; whoever is right is not disturbed."""
    with Topology(rules=pathlib.Path(__file__).with_suffix(".yaml"), packed=True, gateway=1) as t:
        js = t.clients()
        for packed in (False, True):
            opts = {"transports": ["websocket"], "auth": {"token": t.token("ann")}}
            js.do("connect", id=f"right{packed}", url=t.url(packed=packed), opts=opts, **({"parser": PARSER} if packed else {}))
            js.expect(f"right{packed}", "connect")
            js.do("connect", id=f"wrong{packed}", url=t.url(packed=packed), opts=opts, **({} if packed else {"parser": PARSER}))
            same(js.expect(f"wrong{packed}", "disconnect")["reason"], "transport close")
            same(js.call(f"right{packed}", "echo", 1), [1])
