"""Abuse of every kind at once, while people go on talking: they notice nothing, each piece is answered as the protocol
says and counted, and nothing of it stays. The bytes of each answer are in tests/transcript; here are real sockets."""
import collections, contextlib, json, queue, random, re, socket, statistics, threading, time

from garbage import UPGRADE, frame, post, read_frame, reset
from lib import Topology, check, same, until

LIMITS = "trusted_proxies: [127.0.0.1], max_connections_per_address: 20, max_sessions_per_address: 20, max_handshakes_per_address: 30, " \
         "handshake_window_ms: 1h, head_timeout_ms: 1s, body_timeout_ms: 3s, keep_alive_ms: 3s, upgrade_timeout_ms: 1s, " \
         "ping_interval_ms: 4s, ping_timeout_ms: 3s, connect_timeout_ms: 30s"
INPUT_BYTES = 4 << 20
NAMESPACES = 100


class Streets:
    """The doors of a topology, for people without good intentions: each comes by a proxy, and has an address of his own."""

    def __init__(self, t):
        self.t, self.next, self.lock = t, 0, threading.Lock()

    def address(self):
        with self.lock:
            self.next += 1
            return f"10.{self.next >> 16 & 255}.{self.next >> 8 & 255}.{self.next & 255}"

    def call(self, gateway=0, source=None):
        s = socket.socket()
        s.settimeout(20)
        if source:
            s.bind((source, 0))
        s.connect(("127.0.0.1", self.t.base + gateway))
        return s

    def ask(self, request, gateway=0, address=None):
        """The answer to one request: its status, head and body."""
        s = self.call(gateway)
        s.sendall(request.replace(b"Host: x\r\n", b"Host: x\r\nX-Forwarded-For: %s\r\n" % (address or self.address()).encode(), 1))
        found = answer(s)
        s.close()
        return found

    def session(self, gateway=0, address=None):
        status, _, body = self.ask(OPEN, gateway, address)
        same(status, 200, "a handshake")
        return json.loads(body[1:])["sid"].encode()

    def websocket(self, gateway=0, address=None):
        s = self.call(gateway)
        s.sendall(UPGRADE.replace(b"Host: x\r\n", b"Host: x\r\nX-Forwarded-For: %s\r\n" % (address or self.address()).encode(), 1))
        read = s.makefile("rb")
        status = int(read.readline().split()[1])
        while read.readline() not in (b"\r\n", b""):
            pass
        return s, read, status

    def client(self, gateway=0):
        """One who is connected, with a good token."""
        s, read, status = self.websocket(gateway)
        same(status, 101)
        read_frame(read)
        s.sendall(frame(b'40{"token":"%s"}' % self.t.token("mallory").encode()))
        check(read_frame(read).startswith(b"40{"), "connected")
        read_frame(read)
        return s, read


OPEN = b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n"


def answer(s):
    """Status, head and body; None where it hung up instead."""
    data = b""
    while b"\r\n\r\n" not in data:
        try:
            piece = s.recv(65536)
        except ConnectionResetError:
            piece = b""
        if not piece:
            return None, b"", b""
        data += piece
    head, body = data.split(b"\r\n\r\n", 1)
    length = int((re.search(rb"content-length: (\d+)", head.lower()) or [0, 0])[1])
    while len(body) < length:
        body += s.recv(65536)
    return int(head.split()[1]), head, body[:length]


def ended(s):
    """It was hung up on."""
    try:
        while s.recv(65536):
            pass
    except ConnectionResetError:
        pass
    s.close()
    return True


# ---- what they do; each in a thread of its own

def slow_heads(to):
    """A head that trickles has its time and no more; who says nothing is closed without a word."""
    held = [to.call(i % 2) for i in range(60)]
    silent = [to.call(i % 2) for i in range(60)]
    with contextlib.suppress(OSError):
        for byte in OPEN:
            for s in held:
                s.send(bytes([byte]))
            threading.Event().wait(0.1)     # this one is slow on purpose
    for s in held:
        same(answer(s)[0], 408, "a slow head")
        ended(s)
    for s in silent:
        same(answer(s)[0], None, "a silent connection")
        s.close()
    return {"connections.timeout": 60}


def slow_bodies(to):
    """A body that does not come ends its session."""
    held = []
    for i in range(30):
        sid = to.session(i % 2)
        s = to.call(i % 2)
        s.sendall(post(sid, b"x" * 100)[:-50])
        held.append((s, sid, i % 2))
    for s, sid, gateway in held:
        same(answer(s)[0], 408, "a slow body")
        ended(s)
        same(to.ask(OPEN.replace(b" HTTP", b"&sid=%s HTTP" % sid, 1), gateway)[0], 400, "and its session")
    return {"connections.timeout": 30}


def half_open(to):
    """Peers that are gone without a word: no pong, no GET. And one that was upgrading."""
    gone = [to.websocket(i % 2) for i in range(30)]
    for i in range(30):
        to.session(i % 2)
    sid = to.session()
    s = to.call()
    s.sendall(UPGRADE.replace(b"websocket HTTP", b"websocket&sid=%s HTTP" % sid, 1) + frame(b"2probe"))
    check(ended(s), "an upgrade that stops")
    for s, _, status in gone:
        same(status, 101)
        check(ended(s), "closed by the ping time-out")


SMUGGLED = b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: smuggled\r\n\r\n"
SHAPES = [b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
          b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
          b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", b"GET /a HTTP/1.1\r\nHost: x\r\nA: b\r\n folded\r\n\r\n", b"GET /a HTTP/1.1\nHost: x\n\n",
          b"GET /a HTTP/1.1\r\nHost: x\r\nA: b\nContent-Length: 99\r\n\r\n", b"GET /a HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n", b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n",
          b"GET /a HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", b"GET /a HTTP/1.1\r\n\r\n", b"GET /a\x20b HTTP/1.1\r\nHost: x\r\n\r\n", b"POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
          b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\nx", b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0x1\r\n\r\nx"]


def smuggling(to):
    """What one hop reads otherwise than the next is refused, and what stands behind it is never a request."""
    for shape in SHAPES:
        s = to.call()
        s.sendall(shape + SMUGGLED)
        same(answer(s)[0], 400, shape)
        same(answer(s)[0], None, "nothing behind it is answered")
        s.close()
    return {"refused.http.ERR_SYNTAX": len(SHAPES)}


def pipelining(to):
    """Many requests in one segment: as many answers, in their order."""
    s = to.call()
    s.sendall(b"".join(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % i for i in range(200)) + OPEN)
    found = b""
    while b'"sid"' not in found:
        found += s.recv(65536)
    same(found.count(b"HTTP/1.1 404"), 200, "pipelined")
    s.close()


def thousand(to):
    """A thousand connects and disconnects at once; half of them by RST, some in the middle of a handshake."""
    held = []
    for i in range(1000):
        s = to.call(i % 2)
        if i % 3 == 0:
            s.send(UPGRADE[:i % len(UPGRADE)])
        held.append(s)
    random.shuffle(held)
    for i, s in enumerate(held):
        (reset if i % 2 else socket.socket.close)(s)


NONSENSE = [b'42["x",' + b"[" * 200_000 + b"]" * 200_000 + b"]", b'42["x",' + b'{"a":' * 100_000, b"42[" + b"1" * 400_000, b'42["\xff"]', b'42["\xed\xa0\x80"]', b"42\x00[]", b"9", b"4" * 1000, b"",
            b'40/' + b"n" * 900_000, b"451-" * 1000]
ODD = [b'420["__proto__",{"__proto__":{"a":1},"constructor":1}]', b'420["%s"]' % (b"n" * 500_000), b'420["\\u0000","\\ud800"]', '420["\N{GRINNING FACE}"]'.encode(), b'420["x",%s1%s]' % (b"[" * 50, b"]" * 50),
       b'420["toString"]', b'420[""]', b'420["join-room",{"room":"__proto__"}]', b'420["room-message",{"room":"hall","message":{"__proto__":1}}]']


def nonsense(to):
    """Each costs its own connection; what is only odd costs nothing, and is acknowledged."""
    for text in NONSENSE:
        s, read = to.client(1)
        with contextlib.suppress(OSError):
            s.sendall(frame(text))
        ended(s)
        sid = to.session()
        same(to.ask(post(sid, text if text[:2] != b'40' else b"9"))[0] in (200, 400), True, "posted")
    s, read = to.client(1)
    for text in ODD:
        s.sendall(frame(text))
        while not (got := read_frame(read)).startswith(b"430["):
            check(got, f"{text[:60]} closed the connection")
    s.close()


def namespaces(to):
    """A hundred namespaces on one connection, each with an id of its own."""
    s, read = to.client()
    s.sendall(b"".join(frame(b"40/n%d," % i) for i in range(NAMESPACES)))
    found = {}
    while len(found) < NAMESPACES:
        name, _, body = read_frame(read).partition(b",")
        if name.startswith(b"40/n"):
            found[name] = json.loads(body)["sid"]
    same(len(set(found.values())), NAMESPACES, "ids")
    s.sendall(b"".join(frame(b'42/n%d,7["x"]' % i) for i in range(NAMESPACES)))
    acks = set()
    while len(acks) < NAMESPACES:
        text = read_frame(read)
        if text.startswith(b"43/n"):
            acks.add(text)
    s.close()


def one_address(to):
    """A crowd behind one address: as many sessions as it may have, as many handshakes, as many connections."""
    held = [to.websocket(address="198.51.100.1") for _ in range(20)]
    same([status for _, _, status in held], [101] * 20, "sessions of one address")
    for request in (OPEN, UPGRADE):
        status, head, _ = to.ask(request, address="198.51.100.1")
        same(status, 429, "one too many")
        check(re.search(rb"Retry-After: [1-9]", head), "and when to come back")
    same(to.ask(OPEN, address="198.51.100.2")[0], 200, "its neighbour")
    for s, _, _ in held:
        s.close()
    for _ in range(30):
        sid = to.session(address="2001:db8::1")
        same(to.ask(post(sid, b"1"))[0], 200)
    status, head, _ = to.ask(OPEN, address="2001:db8::2")
    same(status, 429, "one handshake too many, from the same network")
    check(int(re.search(rb"Retry-After: (\d+)", head)[1]) > 1, "and when to come back")
    held = [to.call(source="127.0.0.9") for _ in range(30)]
    held[0].sendall(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
    same(answer(held[0])[0], 404, "the first connection of an address")
    same([answer(s)[0] for s in held[20:]], [None] * 10, "more of them than it may have")
    for s in held:
        s.close()
    return {"handshakes.crowded": 2, "handshakes.hasty": 1, "connections.refused": 10}


def hoarders(to):
    """Bodies that are never finished, at a gateway that does not have their sessions: all together have one limit."""
    held, refused = [], 0
    for sid in [to.session(0) for _ in range(20)]:
        s = to.call(1)
        with contextlib.suppress(OSError):      # it may be refused while it still sends
            s.sendall(post(sid, b"x" * 950_000)[:-100])
        held.append((s, sid))
    same(to.ask(post(held[0][1], b"3"), 1)[0], 400, "a second POST of a session, also where that is elsewhere")
    most = to.t.stats()["gateway-1"]["input.bytes"]
    check(most <= INPUT_BYTES + (1 << 20), f"{most} bytes are kept")
    for s, _ in held:
        status = answer(s)[0]
        check(status in (503, 408, None), f"a hoarder is answered {status}")
        refused += status != 408
        s.close()
    check(refused >= 15, f"{refused} were refused")
    return {"refused.http.ERR_FULL": 15, "refused.eio.ERR_DUPLICATE": 1}


ABUSES = [slow_heads, slow_bodies, half_open, smuggling, pipelining, thousand, nonsense, namespaces, one_address, hoarders]


class Abuse:
    """Each kind in its thread. What they expect to be counted comes together in 'counted'."""

    def __init__(self, t):
        self.wrong, self.counted, self.threads = queue.Queue(), {}, []
        to = Streets(t)
        for fn in ABUSES:
            self.threads.append(threading.Thread(target=self.run, args=(fn, to), daemon=True))
        for thread in self.threads:
            thread.start()

    def run(self, fn, to):
        try:
            for name, n in (fn(to) or {}).items():
                self.counted[name] = self.counted.get(name, 0) + n
        except BaseException as e:
            self.wrong.put(f"{fn.__name__}: {type(e).__name__} {e}")

    @property
    def on(self):
        return any(thread.is_alive() for thread in self.threads) and self.wrong.empty()


def sums(t):
    """All counters of both gateways."""
    found = collections.Counter()
    for daemon in t.stats().values():
        if daemon["role"] == "gateway":
            found.update({name: n for name, n in daemon.items() if isinstance(n, int)})
    return found


def test_people_go_on_talking():
    spaces = "namespaces:\n" + "".join(f"  /n{i}: {{identity: none}}\n" for i in range(NAMESPACES))
    with Topology(extra=f"service: {{stats_ms: 100}}\ngateway: {{input_bytes: {INPUT_BYTES}}}\n{spaces}", listener=LIMITS) as t:
        c = t.clients()
        people = {"ann": (0, ("websocket",)), "bob": (1, ("websocket",)), "dan": (1, ("polling",))}
        for name, (gateway, transports) in people.items():
            t.connect(c, name, gateway=gateway, transports=transports, quiet=["*"])
            c.call(name, "join-room", {"room": "hall"})
        pids, before, sent, took = t.pids(), sums(t), 0, []
        abuse = Abuse(t)
        begun = time.monotonic()
        while abuse.on and time.monotonic() < begun + 100:
            for name in people:
                since = time.monotonic()
                same(c.call(name, "room-message", {"room": "hall", "message": {"n": sent}}), [{"success": True}], f"message {sent} of {name}")
                took.append(time.monotonic() - since)
            sent += 1
            threading.Event().wait(0.05)
        check(abuse.wrong.empty(), abuse.wrong.queue)
        check(not any(thread.is_alive() for thread in abuse.threads), "all of them have an end")

        for name in people:
            until(lambda: c.count(name, "room-message")[0] >= 3 * sent, f"{name} has all {3 * sent}")
            same(c.count(name, "room-message")[1], 0, f"{name}: once and in order")
        check(statistics.median(took) < 0.5 and max(took) < 5, f"an ack takes {statistics.median(took):.3f} s, at most {max(took):.3f}")
        same(t.pids(), pids, "nothing died")

        counted = lambda: {k: (sums(t)[k] - before[k], n) for k, n in abuse.counted.items()}
        until(lambda: all(got >= n for got, n in counted().values()), f"counted: {counted()}")
        gauges = ("connections.open", "sessions.open", "sockets.open", "input.bytes", "sessions.websocket", "sessions.polling")
        until(lambda: all(sums(t)[g] <= before[g] for g in gauges), "nothing of it stays", deadline=40)
        print(f"    {sent} messages of each, an ack took {statistics.median(took) * 1000:.0f} ms, at most {max(took) * 1000:.0f}; {time.monotonic() - begun:.0f} s")
