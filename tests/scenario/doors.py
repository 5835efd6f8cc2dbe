"""No sticky sessions: gateways share one port, and every request of a client may come to another of them."""
import array, json, os, socket, ssl, struct

from lib import Topology, check, kill, same, until, wire

TOLD = "service: {stats_ms: 100}\n"
QUICK = "bus: {beat_ms: 100ms, beat_timeout_ms: 1500ms}\n" + TOLD


def gauges(t):
    """Of all gateways together."""
    names = ("sessions.open", "sockets.open", "connections.open", "tunnels.open")
    found = [d for d in t.stats().values() if d["role"] == "gateway"]
    return {name: sum(d.get(name, 0) for d in found) for name in names}


def total(t, name):
    return sum(d.get(name, 0) for d in t.stats().values() if d["role"] == "gateway")


def passed(t, how, at_least):
    until(lambda: total(t, f"upgrades.{how}_in") >= at_least, f"many were {how}")
    until(lambda: total(t, f"upgrades.{how}_in") == total(t, f"upgrades.{how}_out"), f"as many were {how} in as out")
    same(total(t, "upgrades.handed_in" if how == "tunnelled" else "upgrades.tunnelled_in"), 0)


def climb(t, clients=60, events=40, pad=0, version=4):
    c = t.clients()
    c.do("climb", url=t.url(), events=events, pad=pad, version=version, tokens=[t.token(f"u{i}") for i in range(clients)])
    done = c.expect(None, "climbed", deadline=120)
    same(done["wrong"], [], "each got its own, once and in order")
    same(done["websocket"], clients, "all are on WebSocket")
    check(done["sent"] >= clients * events, "and sent what they had")
    until(lambda: not any(gauges(t).values()), "nothing is left of them")


def test_two_gateways():
    with Topology(step=0, gateway=2, extra=TOLD) as t:
        climb(t)
        passed(t, "handed", 10)


def test_four_gateways():
    with Topology(step=0, gateway=4, extra=TOLD) as t:
        climb(t)
        passed(t, "handed", 10)


def test_two_gateways_tls():
    with Topology(step=0, gateway=2, tls=True, extra=TOLD) as t:
        climb(t)
        passed(t, "tunnelled", 10)


def test_older_clients():
    for tls, how in ((False, "handed"), (True, "tunnelled")):
        with Topology(step=0, tls=tls, listener="allow_eio3: true", extra=TOLD) as t:
            for version in (2, 3):
                climb(t, clients=12, events=20, version=version)
            passed(t, how, 3)


def over_tcp(t, curve=True, tunnel_bytes=65536):
    """As if its gateways were on different hosts."""
    t.file.write_text(t.file.read_text() + f"bus: {{transport: tcp, port: {t.base + 150}, roles_port: {t.base + 160}, curve: {str(curve).lower()}, tunnel_bytes: {tunnel_bytes}}}\n")
    if curve:
        t.tool("keys", "init", t.file)
    return t


def test_two_hosts():
    with over_tcp(Topology(step=0, extra=TOLD)) as t:
        climb(t)
        passed(t, "tunnelled", 10)


def test_large_messages_through_a_narrow_tunnel():
    for tls in (False, True):
        with over_tcp(Topology(step=0, tls=tls, listener="queue_bytes: 8M", extra=TOLD), curve=False, tunnel_bytes=4096) as t:
            climb(t, clients=12, events=6, pad=300_000)
            passed(t, "tunnelled", 2)
            check(total(t, "tunnels.waited") > 10, "their doors did not read them now and then")


NAMES = [f"u{i}" for i in range(16)]


def crowd(t):
    """Clients that come back, all on WebSocket: with two gateways, each is owner of some and door of others."""
    c = t.clients()
    for name in NAMES:
        t.connect(c, name, transports=("polling", "websocket"), reconnection=True, reconnectionDelay=50, reconnectionDelayMax=300)
    for name in NAMES:
        c.expect(name, "upgrade")
    return c


def come_back(t, c):
    def settled(name):
        c.do("transport", id=name)
        return c.expect(name, "transport").get("transport") == "websocket"

    for name in NAMES:
        until(lambda: settled(name) and c.call(name, "ping-ack", {}, timeout=1000) == [None, "pong"], f"{name} is on WebSocket again")
    until(lambda: gauges(t)["sessions.open"] == len(NAMES), "as many sessions as clients")
    for name in NAMES:
        c.do("close", id=name)
    until(lambda: not any(gauges(t).values()), "nothing is left of them")


def dies(t):
    c = crowd(t)
    kill(t.pids()["gateway-0"])
    until(lambda: any(c.got(name, "disconnect") for name in NAMES), "some notice")
    until(lambda: (t.daemon("gateway-0") or {}).get("restarts") == 1, "it is started again")
    come_back(t, c)


def test_a_gateway_is_killed():
    with Topology(step=0, extra=QUICK) as t:
        dies(t)


def test_a_gateway_with_tunnels_is_killed():
    with Topology(step=0, tls=True, extra=QUICK) as t:
        dies(t)


def test_a_gateway_with_tunnels_leaves():
    with Topology(step=0, tls=True, extra=QUICK.replace("beat_ms", "drain_ms: 2s, beat_ms")) as t:
        c = crowd(t)
        t.tool("scale", "gateway=1")
        come_back(t, c)


# ---- a client by hand: its session is at gateway 0, its WebSockets come to gateway 1

class Raw:
    def __init__(self, t, gateway, path, head=""):
        self.s = socket.socket()
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        self.s.settimeout(30)
        self.s.connect(("127.0.0.1", t.base + gateway * t.step))
        if t.tls:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.s = context.wrap_socket(self.s)
        self.read = self.s.makefile("rb")
        self.s.sendall(f"GET /socket.io/?EIO=4&{path} HTTP/1.1\r\nHost: x\r\n{head}\r\n".encode())

    def answer(self):
        status, length = int(self.read.readline().split()[1]), 0
        while (line := self.read.readline().decode().strip()):
            if line.lower().startswith("content-length:"):
                length = int(line.split(":")[1])
        return status, self.read.read(length).decode()

    def close(self):
        self.read.close(), self.s.close()

    def send(self, text):
        length = bytes([0x80 | len(text)]) if len(text) < 126 else b"\xfe" + len(text).to_bytes(2, "big")
        self.s.sendall(b"\x81" + length + bytes(4) + text.encode())

    def frame(self):
        kind, size = self.read.read(2)
        return kind & 15, self.read.read(size).decode()


def session(t):
    status, body = Raw(t, 0, "transport=polling").answer()
    same(status, 200)
    return json.loads(body[1:])["sid"]


def probe(t, sid, gateway=1):
    return Raw(t, gateway, f"transport=websocket&sid={sid}", "Connection: Upgrade\r\nUpgrade: websocket\r\n"
               "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")


def thousand(t):
    """Somebody who has a session opens one WebSocket after the other for it at the wrong door: all but one are closed by
    its gateway (trap 23), and the door keeps nothing."""
    sid = session(t)
    first = probe(t, sid)
    same(first.answer()[0], 101)
    first.send("2probe")
    same(first.frame(), (1, "3probe"))
    for _ in range(10):
        others = [probe(t, sid) for _ in range(100)]
        for other in others:
            same(other.answer()[0], 101)
            same(other.frame(), (8, ""), "a close frame without a code")
            same(other.read.read(1), b"", "and the end")
            other.close()
    until(lambda: gauges(t)["connections.open"] <= 2, "both keep the first one at most")
    first.send("5")
    first.send("40" + json.dumps({"token": t.token("ann")}))
    check(first.frame()[1].startswith("40{"), "and that goes on")
    first.close()
    until(lambda: not any(gauges(t).values()), "nothing is left of them")


def test_a_thousand_upgrades():
    with Topology(extra=QUICK) as t:
        thousand(t)
        until(lambda: total(t, "upgrades.handed_in") + total(t, "upgrades.tunnelled_in") == 1001, "each was passed on")
        check(total(t, "upgrades.handed_in") > 100, "with their descriptors, but for moments of a full queue")


def test_a_thousand_tunnels():
    with over_tcp(Topology(extra=TOLD), curve=False) as t:
        thousand(t)
        until(lambda: total(t, "upgrades.tunnelled_in") == 1001, "each was passed on")


def test_garbage_is_handed_over():
    """By a process of the same user: nobody else can. It costs nothing that stays."""
    with Topology(extra=QUICK) as t:
        pid = t.pids()["gateway-0"]
        fds = lambda: len(os.listdir(f"/proc/{pid}/fd"))
        address = lambda listener: struct.pack("<H", listener) + wire.put("s", b"10.1.2.3") + wire.put("s", b"GET / HTTP/1.1\r\n")
        sid = session(t)
        before = fds()
        hand = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        hand.connect(f"{t.state}/gateway-0.hand")
        kinds = {"none": [], "a file": [os.open("/dev/null", os.O_RDONLY)], "UDP": [socket.socket(type=socket.SOCK_DGRAM)],
                 "a pair": list(socket.socketpair()), "unconnected": [socket.socket()], "listening": [socket.create_server(("127.0.0.1", 0))]}
        messages = [b"", b"x", address(0), address(99), b"\xff" * 1000, bytes(100_000)]
        sent = 0
        for kind in kinds.values():
            for message in messages:
                rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [k if isinstance(k, int) else k.fileno() for k in kind]))] if kind else []
                hand.sendmsg([message], rights)
                sent += 1
        until(lambda: total(t, "upgrades.handed_refused") + total(t, "upgrades.handed_in") == sent, "each is counted")
        until(lambda: fds() <= before, "all of them are closed")
        first = probe(t, sid)
        same(first.answer()[0], 101, "and it goes on")
        same(t.daemon("gateway-0")["restarts"], 0)


def test_a_slow_client_behind_a_tunnel():
    """Its owner closes it, as it does any other; whoever reads gets all, in order."""
    with over_tcp(Topology(step=0, extra=TOLD, listener="queue_bytes: 64k"), curve=False) as t:
        c = t.clients()
        readers = [f"r{i}" for i in range(6)]
        for name in readers:
            t.connect(c, name, transports=("polling", "websocket"), quiet=("room-message",))
            c.expect(name, "upgrade")
            c.call(name, "join-room", {"room": "flood"})
        slow = []
        while total(t, "upgrades.tunnelled_in") == 0 or len(slow) < 6:
            slow.append(probe(t, session(t)))
            same(slow[-1].answer()[0], 101)
            for text in ("2probe", "5", "40" + json.dumps({"token": t.token("slow")}), '42["join-room",{"room":"flood"}]'):
                slow[-1].send(text)
        until(lambda: gauges(t)["sockets.open"] == len(readers) + len(slow), "all are there")
        t.connect(c, "sender", quiet=("room-message",))
        c.do("flood", id="sender", event="room-message", args={"room": "flood", "pad": "x" * 500}, count=3000)
        c.expect("sender", "flooded", deadline=60)
        for name in readers:
            until(lambda: c.count(name, "room-message")[0] >= 3000, f"{name} has all")
            same(c.count(name, "room-message"), (3000, 0), f"{name}: complete, once, in order")
        until(lambda: total(t, "connections.slow") == len(slow), "those that do not read are closed")
        until(lambda: gauges(t)["sockets.open"] == len(readers) + 1, "and nothing of them stays")


def test_nobody_has_such_a_session():
    """Forged, over, or of a gateway that there never was: 400 before any 101, and nothing goes to another gateway."""
    with Topology(extra=QUICK) as t:
        sid = session(t)
        forged = sid[:-1] + ("A" if sid[-1] != "A" else "Q")
        for bad in (forged, "x", "A" * 20, sid + "A"):
            same(probe(t, bad).answer(), (400, "Session ID unknown"), bad)
        raw = Raw(t, 1, f"transport=polling&sid={sid}")     # and hangs up: its session is over
        until(lambda: total(t, "relays.in") == 1, "the poll is with its gateway")
        raw.close()
        until(lambda: gauges(t)["sessions.open"] == 0, "its session is over")
        same(probe(t, sid).answer(), (400, "Session ID unknown"), "its gateway says so")
        until(lambda: total(t, "upgrades.handed_out") == 1, "which alone was asked")
        same(total(t, "upgrades.tunnelled_out"), 0)
