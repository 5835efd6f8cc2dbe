"""A backend follows what clients do: by topic, on any router's feed socket, from all gateways."""
import json

import zmq

from lib import DEADLINE, Failed, Topology, check, same, until


class Feed:
    """A subscriber. What comes is (topic, object, attachments)."""

    def __init__(self, t, router, *prefixes, **options):
        self.socket = t.socket(zmq.SUB, "feed", router, **options)
        for prefix in prefixes:
            self.socket.setsockopt(zmq.SUBSCRIBE, prefix.encode())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close(linger=0)

    def next(self, deadline=DEADLINE):
        if not self.socket.poll(deadline * 1000):
            raise Failed("the feed is silent")
        topic, text, *attachments = self.socket.recv_multipart()
        return topic.decode(), json.loads(text), attachments

    def expect(self, topic, match=lambda item: True):
        while True:
            got, item, attachments = self.next()
            if got == topic and match(item):
                return item, attachments

    def heard(self, driver, name):
        """Both gateways know what is wanted: an event of that client comes out here. Nothing that comes before counts."""
        while True:
            driver.emit(name, "probe")
            if self.socket.poll(100):
                return self.next()


def counter(t, role, name):
    return sum(d.get(name, 0) for d in t.stats().values() if d["role"] == role)


def test_a_client_from_its_first_to_its_last_day():
    with Topology() as t:
        c = t.clients()
        t.connect(c, "probe0", gateway=0)
        t.connect(c, "probe1", gateway=1)
        with Feed(t, 0, "") as all_, Feed(t, 1, "event./.join-room", "disconnect.", "event./.probe") as some:
            for feed in (all_, some):
                feed.heard(c, "probe0"), feed.heard(c, "probe1")
            sid = t.connect(c, "ann", gateway=1)["sid"]
            item, _ = all_.expect("connect./.ann")
            same((item["gateway"], item["socket"], item["user"], item["nsp"], item["transport"]), ("gateway-1", sid, "ann", "/", "websocket"))
            c.call("ann", "join-room", {"room": "lobby"}, "more")
            for feed in (all_, some):
                item, _ = feed.expect("event./.join-room")
                same((item["event"], item["args"], item["user"], item["socket"]), ("join-room", [{"room": "lobby"}, "more"], "ann", sid))
            same(all_.expect("join./.lobby")[0]["room"], "lobby")
            t.command({"leave": "lobby", "to": "user:ann"})
            same(all_.expect("leave./.lobby")[0]["socket"], sid)
            c.emit("ann", "file", {"$bin": "AP8="})
            item, attachments = all_.expect("event./.file")
            same((item["args"], attachments), ([{"_placeholder": True, "num": 0}], [b"\x00\xff"]))
            c.do("close", id="ann")
            for feed in (all_, some):
                item, _ = feed.expect("disconnect./.ann")
                same((item["reason"], item["user"], item["duration_ms"] >= 0), ("client namespace disconnect", "ann", True))


def test_nothing_is_told_while_nobody_listens():
    with Topology() as t:
        c = t.clients()
        t.connect(c, "ann", gateway=1)
        with Feed(t, 1, "event.") as feed:
            feed.heard(c, "ann")
        until(lambda: counter(t, "router", "feed.subscriptions") == 0, "the subscriber is gone")

        def quiet():
            before = counter(t, "gateway", "feed.out")
            for _ in range(5):
                c.call("ann", "join-room", {"room": "lobby"})
            return counter(t, "gateway", "feed.out") == before
        until(quiet, "gateways know that nobody listens")


def test_every_gap_is_seen():
    """The numbers of a kind and namespace of one gateway are without a gap."""
    with Topology(router=1, gateway=1) as t:
        c = t.clients()
        t.connect(c, "ann")
        with Feed(t, 0, "event./.") as feed:
            _, first, _ = feed.heard(c, "ann")
            for n in range(500):
                c.emit("ann", "n", n)
            numbers = []
            while len(numbers) < 500:
                topic, item, _ = feed.next()
                if topic == "event./.n":
                    numbers.append((item["seq"], item["args"][0]))
            same([b - a for (a, _), (b, _) in zip(numbers, numbers[1:])], [1] * 499)
            same([n for _, n in numbers], list(range(500)))


def test_a_gateway_that_comes_learns_what_is_wanted():
    with Topology(gateway=1) as t:
        c = t.clients()
        t.connect(c, "ann")
        with Feed(t, 0, "connect.") as feed:
            t.tool("scale", "gateway=2")
            t.connect(c, "bob", gateway=1)
            feed.expect("connect./.bob", lambda item: item["gateway"] == "gateway-1")


def test_a_subscriber_that_reads_nothing_harms_nobody():
    """It loses what does not fit, and sees by the numbers that it did; the clients notice nothing."""
    with Topology(extra="bus: {high_water_count: 10}\n") as t:
        c = t.clients()
        t.connect(c, "ann")
        with Feed(t, 0, "event./.", rcvhwm=10) as lazy:
            _, first, _ = lazy.heard(c, "ann")
            for round in range(20):
                for n in range(100):
                    c.emit("ann", "n", n, "x" * 20000)
                same(c.call("ann", "join-room", {"room": "lobby"}) != [], True)
            c.emit("ann", "end")
            numbers = [first["seq"]]

            def last():
                c.emit("ann", "end")
                while lazy.socket.poll(100):
                    topic, item, _ = lazy.next()
                    numbers.append(item["seq"])
                    if topic == "event./.end":
                        return True
            until(last, "what is new is heard")
            check(len(numbers) < numbers[-1] - numbers[0] + 1, f"a gap in {len(numbers)} of {numbers[-1] - numbers[0] + 1}")


def test_garbage_on_the_feed_socket():
    with Topology() as t:
        c = t.clients()
        t.connect(c, "ann")
        with t.socket(zmq.XSUB, "feed") as raw, Feed(t, 0, "event.") as feed:
            for said in ([b""], [b"\x02x"], [b"hello", b"world"], [b"\x01" + b"x" * 100000], [b"\x00never"], [b"\x01event." + b"y" * 5000], [b"\x01"], [b"\x00"]):
                raw.send_multipart(said)
            feed.heard(c, "ann")
            same(len(t.command({"health": True})["daemons"]), 6)
