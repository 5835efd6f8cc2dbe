"""Garbage at every port, by hand and by the minute: nothing falls over, nobody else notices, every piece is counted by its reason.

GARBAGE_SECONDS (60): how long it rains. GARBAGE_SEED: the run of a failure once more."""
import collections, contextlib, json, os, random, re, socket, ssl, struct, subprocess, threading, time

import zmq

from lib import BUILD, Failed, Topology, check, environment, same, until, wire

SECONDS = float(os.environ.get("GARBAGE_SECONDS", "60"))
SEED = int(os.environ.get("GARBAGE_SEED") or int.from_bytes(os.urandom(4), "big"))
PLANES = ("publish_pull", "publish_sub", "command", "worker", "stats")
UPGRADE = b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" \
          b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
OPEN = b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n"


def post(sid, body, head=b""):
    return b"POST /socket.io/?EIO=4&transport=polling&sid=%s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n%s" % (sid, head, len(body), body)


def frame(payload, kind=1, first=None, mask=b"\x12\x34\x56\x78"):
    """A client's WebSocket frame."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack(">H", size) if size < 65536 else b"\xff" + struct.pack(">Q", size)
    key = mask * (size // 4 + 1)
    return bytes([0x80 | kind if first is None else first]) + length + mask + bytes(a ^ b for a, b in zip(payload, key))


# ---- ZMTP by hand

def greeting(mechanism=b"NULL", version=b"\x03\x00"):
    return b"\xff" + bytes(8) + b"\x7f" + version + mechanism.ljust(20, b"\0") + bytes(32)


def command(body):
    return (b"\x04" + bytes([len(body)]) if len(body) < 256 else b"\x06" + struct.pack(">Q", len(body))) + body


def ready(kind):
    put = lambda name, value: bytes([len(name)]) + name + struct.pack(">I", len(value)) + value
    return command(b"\x05READY" + put(b"Socket-Type", kind) + put(b"Identity", b""))


def ping(context=b""):
    return command(b"\x04PING" + b"\0\x0a" + context)


OPPOSITE = {"publish_pull": b"PUSH", "publish_sub": b"PUB", "command": b"DEALER", "worker": b"DEALER", "stats": b"SUB", "bus": b"DEALER"}


class Sockets:
    """Where the pieces go: every door of a topology, as raw sockets and as ZeroMQ's own."""

    def __init__(self, t):
        self.t, self.context = t, ssl.create_default_context()
        self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE

    def tcp(self, port, timeout=5):
        return socket.create_connection(("127.0.0.1", port), timeout)

    def http(self, secure=False, gateway=0, timeout=5):
        s = self.tcp(self.t.base + 50 * secure + gateway, timeout)
        return self.context.wrap_socket(s) if secure else s

    def plane(self, name, router=0):
        return self.tcp(self.t.ports[name] + 10 * router) if name != "bus" else self.bus(f"router-{router}")

    def bus(self, daemon):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(5)
        s.connect(f"{self.t.state}/{daemon}.bus")
        return s

    def websocket(self, secure=False, gateway=0):
        s = self.http(secure, gateway)
        s.sendall(UPGRADE)
        read = s.makefile("rb")
        while read.readline() not in (b"\r\n", b""):
            pass
        read_frame(read)
        return s, read

    def client(self, user, secure=False, gateway=0):
        """A Socket.IO client, connected with a good token."""
        s, read = self.websocket(secure, gateway)
        s.sendall(frame(b'40{"token":"%s"}' % self.t.token(user).encode()))
        while (text := read_frame(read))[:2] != b"40":
            if not text:
                raise OSError("refused")
        return s, read

    def session(self, secure=False, gateway=0):
        s = self.http(secure, gateway)
        s.sendall(OPEN)
        return s, json.loads(read_body(s)[1:])["sid"].encode()

    def dealer(self, daemon, identity):
        s = self.t.context.socket(zmq.DEALER)
        s.linger, s.sndtimeo, s.routing_id = 100, 500, identity
        s.connect(f"ipc://{self.t.state}/{daemon}.bus")
        return s


def read_frame(read):
    head = read.read(2)
    if len(head) < 2:
        return b""
    size = head[1] & 127
    if size > 125:
        size = int.from_bytes(read.read(2 if size == 126 else 8), "big")
    return read.read(size)


def read_body(s):
    read = s.makefile("rb")
    length = 0
    while (line := read.readline()) not in (b"\r\n", b""):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    return read.read(length)


def drain(s):
    """What it answers, until it has enough of us."""
    with contextlib.suppress(OSError):
        while s.recv(65536):
            pass
    s.close()


def reset(s):
    """Hangs up with RST."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


# ---- each piece is counted, exactly once

def total(figures, prefix):
    return sum(v for k, v in figures.items() if k.startswith(prefix) and isinstance(v, int))


def counted(t, daemon, prefix, rows, send):
    """Sends each row; as many pieces are counted below prefix, by their reasons."""
    before = t.stats()[daemon]
    for row in rows:
        send(row)
    want = total(before, prefix) + len(rows)
    reasons = lambda now: {k: v - before.get(k, 0) for k, v in now.items() if k.startswith(prefix) and v != before.get(k, 0)}
    end = time.monotonic() + 10
    while total(now := t.stats()[daemon], prefix) < want:
        check(time.monotonic() < end, f"{prefix}: {reasons(now)} for {len(rows)} pieces")
    same(total(now, prefix), want, f"{prefix}: {reasons(now)}")
    check(any(k.startswith(prefix) for k in reasons(now)), "by reason")


HTTP = [b"hello\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/3.0\r\n\r\n", b"\x00\x01\x02\r\n\r\n", b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 20000 + b"\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 200 + b"\r\n",
        post(b"x", b"", b"Content-Length: 5\r\n"), b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n",
        b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"]
FRAMES = [b"\x81\x02hi", b"\xc1\x80abcd", b"\x83\x80abcd", b"\x80\x80abcd", b"\x09\x80abcd", b"\x89\xfe\xff\xff", b"\x81\xff\x7f" + b"\xff" * 11,
          frame(b"4\xff\xfe"), frame(b"\x03", 8), frame(struct.pack(">H", 1005), 8)]
PACKETS = [b"9", b"", b"0{}", b"5", b"x", b"\xc3\xa9"]
SOCKET_PACKETS = [b"49", b"47", b"42", b"42[", b"42{}", b"42[]", b"42[{}]", b'42["x"', b"42" + b"[" * 300, b"4", b'42/,', b'4551-["x"]', b'451-["x",{"_placeholder":true,"num":1}]',
                  b"43[]", b'40/nowhere,{"a"']
PUBLISHES = [[b""], [b"{"], [b"\xff\xfe"], [b"[]"], [b"{}"], [b'{"emit":"x"}'], [b'{"sockets":"*"}'], [b'{"emit":{},"to":"*"}'], [b'{"emit":"x","to":"nobody"}'], [b"null"],
             [b'{"emit":"x","to":"*"}', b"an attachment"] + [b"too many"] * 20, [b"x"] * 50, [b""] * 3, [b'{"emit":"x","to":"*","args":' + b"[" * 500 + b"]" * 500 + b"}"]]
BUS_FRAMES = [[b""], [b"x"], [b"\0" * 48], [b"a" * 47], [os.urandom(300)], [b"one", b"two"], [wire.HEADER.pack(0x5743, 9, 9, 0, 256, 0, 0, 0, 0)],
              [wire.frame([b"\xff\xff\xff\xff\x04"], 1 << 8)], [wire.HEADER.pack(0x5743, 1, 1, 7, 256, 0, 0, 0, 0)]]


def one_each(t):
    """A client of each kind says one thing that is wrong, per row."""
    to = Sockets(t)

    def http(secure):
        def send(row):
            s = to.http(secure)
            s.sendall(row)
            drain(s)
        return send

    def websocket(row):
        s, _ = to.websocket(gateway=1)
        s.sendall(row)
        drain(s)

    def engine(row):
        websocket(frame(row))

    def socket_io(row):
        s, _ = to.client("mallory", gateway=1)
        s.sendall(frame(row))
        drain(s)
    counted(t, "gateway-0", "refused.http.", HTTP, http(False))
    counted(t, "gateway-0", "refused.http.", HTTP, http(True))
    counted(t, "gateway-1", "refused.ws.", FRAMES, websocket)
    counted(t, "gateway-1", "refused.eio.", PACKETS, engine)
    counted(t, "gateway-1", "refused.sio.", SOCKET_PACKETS, socket_io)
    counted(t, "gateway-1", "refused.rules.", [b'42["join-room",{"room":7}]', b'42["join-room"]', b'420["room-message",{"room":"x"}]'], socket_io)


def test_each_piece_is_counted():
    with Topology(extra="service: {stats_ms: 50}\n", secure=True, listener="connect_timeout_ms: 5s") as t:
        to = Sockets(t)
        one_each(t)

        with t.socket(zmq.PUSH, "publish_pull") as push, t.socket(zmq.DEALER, "command", 1) as dealer:
            counted(t, "router-0", "refused.publish.", PUBLISHES, push.send_multipart)
            counted(t, "router-1", "refused.command.", [[b"", *row] for row in PUBLISHES if row != [b'{"sockets":"*"}']] + [[b'{"emit":"y"}']], dealer.send_multipart)
        for daemon, identity in (("router-0", b"gateway-77.x"), ("presence-0", b"gateway-77.x"), ("auth-0", b"gateway-77.x"), ("gateway-0", b"gateway-77.x")):
            with to.dealer(daemon, identity) as s:
                counted(t, daemon, "bus.refused.", BUS_FRAMES, s.send_multipart)
        for identity in (b"nonsense", b"router-9999.x", b"-0.", b"presence-0", b"\xff" * 200, b"router-0.x"):
            with to.dealer("auth-0", identity) as s:
                counted(t, "auth-0", "bus.refused.", [1], lambda _: s.send(wire.frame([], 1 << 8)))

        # Handshakes, by port. The hello that never comes costs its time-out, so that is left to the rain.
        hellos = [b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"WHAT".ljust(52, b"\0"), greeting(b"PLAIN"), greeting(b"CURVE"), greeting() + command(b"\x05WHAT?"),
                  greeting() + b"\x00\x05hello"]
        for plane in PLANES:
            def hello(row):
                s = to.plane(plane)
                s.sendall(row)
                drain(s)
            counted(t, "router-0", f"handshakes.failed_{plane}", hellos, hello)
        for daemon in ("router-1", "presence-0", "auth-0", "gateway-1"):
            def hello(row):
                s = to.bus(daemon)
                s.sendall(row)
                drain(s)
            counted(t, daemon, "bus.handshakes_failed", hellos, hello)
        before = sum(t.stats(wanted="ports")["gateway-0"][str(t.base + 50)]["failed"].values())
        tls = [OPEN, os.urandom(500), bytes.fromhex("1603010005010000010000"), b"\x15\x03\x01\x00\x02\x02\x28"]
        counted(t, "gateway-0", "tls.failed", tls, lambda row: (lambda s: (s.sendall(row), drain(s)))(to.tcp(t.base + 50)))
        until(lambda: sum(t.stats(wanted="ports")["gateway-0"][str(t.base + 50)]["failed"].values()) == before + len(tls), "the port counts its own")


# ---- the rain

class Rain:
    """Pieces of every kind, from threads, until the time is over; what a thread cannot send is no matter."""

    def __init__(self, t, seconds):
        self.to, self.t, self.end = Sockets(t), t, time.monotonic() + seconds
        self.sent, self.wrong, self.threads = collections.Counter(), [], []
        self.lock = threading.Lock()

    @property
    def on(self):
        return time.monotonic() < self.end

    def start(self, name, fn, *args):
        """fn(random, *args) again and again, in a thread of its own."""
        def run():
            r = random.Random(f"{SEED} {name} {args}")
            while self.on:
                try:
                    fn(r, *args)
                    with self.lock:
                        self.sent[name] += 1
                except (OSError, EOFError, zmq.ZMQError, ValueError, IndexError, KeyError):
                    with self.lock:
                        self.sent[name + ", cut off"] += 1     # it hung up on us, as it may
                except BaseException as e:
                    self.wrong.append((name, e))
                    raise
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        self.threads.append(thread)

    def wait(self):
        for thread in self.threads:
            thread.join(max(0, self.end - time.monotonic()) + 30)
            check(not thread.is_alive(), "a thread of the rain hangs")
        check(not self.wrong, str(self.wrong))


def mutate(r, data):
    """The bytes with some of them changed, gone, doubled or cut."""
    data = bytearray(data)
    for _ in range(r.choice((1, 1, 2, 5, 20))):
        if not data:
            break
        at, much = r.randrange(len(data)), r.choice((1, 1, 2, 8, 60))
        way = r.randrange(6)
        if way == 0:
            data[at] ^= 1 << r.randrange(8)
        elif way == 1:
            data[at] = r.choice(b'\x00\xff\x7f\x80"{}[],:\\\r\n 09-')
        elif way == 2:
            del data[at:at + much]
        elif way == 3:
            data[at:at] = data[at:at + much] * r.choice((1, 3))
        elif way == 4:
            data[at:at] = r.randbytes(much)
        else:
            del data[at + 1:]
    return bytes(data)


REQUESTS = [OPEN, UPGRADE, post(b"no-such-session", b"4hello"), b"OPTIONS /socket.io/ HTTP/1.1\r\nHost: x\r\nOrigin: http://a\r\nAccess-Control-Request-Method: POST\r\n\r\n",
            b"GET /socket.io/socket.io.js HTTP/1.1\r\nHost: x\r\nIf-None-Match: \"x\"\r\n\r\n", OPEN + OPEN + OPEN,
            b"GET /socket.io/?EIO=3&transport=polling&b64=1&t=%41%zz HTTP/1.0\r\n\r\n",
            b"POST /socket.io/?EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAA HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"]
CALLS = [b'42["join-room",{"room":"mire"}]', b'420["room-message",{"room":"mire","message":{"a":[1,2.5e10,null,"\\u2603"]}}]', b'42["leave-room",{"room":"mire"}]',
         b'4212["private-message",{"targetUserId":"mallory","message":"x"}]', b'41', b'40/nowhere,{}', b'431[1]', b'42["typing",{"room":"mire"}]', b'2', b'3', b'6', b'1',
         b'452-["share",{"room":"mire","name":"x","data":[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]}]', b'bAQIDBA==', b'42["ping-ack",{}]', b'42["join-room",{"room":7}]']


def http(r, rain, secure):
    """One connection of an HTTP kind."""
    s = rain.to.http(secure, r.randrange(2))
    way = r.randrange(5)
    if way == 0:
        s.sendall(r.randbytes(r.choice((1, 10, 1000, 70000))))
    elif way < 4:
        s.sendall(mutate(r, r.choice(REQUESTS)))
    else:
        s.sendall(r.choice(REQUESTS)[:r.randrange(1, 60)])
    end(r, s)


def end(r, s):
    way = r.randrange(4)
    if way == 0:
        reset(s)
    elif way == 1:
        s.shutdown(socket.SHUT_WR)
        s.settimeout(0.5)
        drain(s)
    elif way == 2:
        s.settimeout(0.05)
        drain(s)
    else:
        s.close()


def frames(r, rain, secure):
    s, _ = rain.to.websocket(secure, r.randrange(2))
    for _ in range(r.choice((1, 3, 30))):
        whole = frame(r.choice((b"2probe", b"40{}", b"x" * r.choice((0, 125, 126, 70000)), r.randbytes(50))), r.choice((0, 1, 1, 2, 8, 9, 10, 5)))
        s.sendall(r.choice((whole, mutate(r, whole), r.randbytes(20), frame(b"part", first=r.choice((0, 1, 2))))))
    end(r, s)


def packets(r, rain, secure):
    """Good frames, bad packets of Engine.IO and, with a good token, of Socket.IO."""
    s, _ = rain.to.client("mallory", secure, r.randrange(2)) if r.randrange(3) else rain.to.websocket(secure, r.randrange(2))
    for _ in range(r.choice((1, 5, 50))):
        text = r.choice(CALLS + PACKETS + SOCKET_PACKETS)
        s.sendall(frame(text if r.randrange(3) == 0 else mutate(r, text), r.choice((1, 1, 1, 2))))
    end(r, s)


def polls(r, rain, secure):
    s, sid = rain.to.session(secure, r.randrange(2))
    body = b"\x1e".join(mutate(r, r.choice(CALLS + PACKETS)) for _ in range(r.choice((0, 1, 3, 200))))
    if r.randrange(2):
        s.sendall(post(sid, b'40{"token":"%s"}' % rain.t.token("mallory").encode()))
        read_body(s)
    s.sendall(r.choice((post(sid, body), mutate(r, post(sid, body)), post(sid, body)[:-1], post(mutate(r, sid), body), OPEN.replace(b"polling", b"polling&sid=" + sid) * 2,
                        UPGRADE.replace(b"websocket ", b"websocket&sid=" + sid + b" ") + frame(mutate(r, b"2probe")) + frame(mutate(r, b"5")))))
    end(r, s)


def slow(r, rain, secure):
    """A head, or a hello of TLS, by the byte: many at once, until they are hung up on."""
    held = []
    for i in range(40):
        held.append(rain.to.tcp(rain.t.base + 50 * secure + i % 2))
    data = r.choice((UPGRADE, post(b"x", b"y" * 500), b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + r.randbytes(500)))
    for byte in data:
        for s in held:
            with contextlib.suppress(OSError):
                s.send(bytes([byte]))
        if not rain.on or threading.Event().wait(0.2):      # this one is slow on purpose
            break
    for s in held:
        end(r, s)


def crowd(r, rain, secure):
    """500 connects at once, and all gone at once."""
    held = []
    for i in range(500):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex(("127.0.0.1", rain.t.base + 50 * secure + i % 2))
        held.append(s)
    threading.Event().wait(r.random())
    for s in held:
        (reset if r.randrange(2) else socket.socket.close)(s)
    threading.Event().wait(3)       # others want to be let in between


def zmtp(r, rain, door, router):
    """A ZeroMQ door from below: bytes, half a hello, a hello and then anything, floods of PINGs and then nobody."""
    s = rain.to.plane(door, router)
    way = r.randrange(6)
    hello = greeting() + ready(OPPOSITE[door])
    if way == 0:
        s.sendall(r.randbytes(r.choice((1, 9, 64, 5000))))
    elif way == 1:
        s.sendall(mutate(r, greeting(r.choice((b"NULL", b"PLAIN", b"CURVE")), r.choice((b"\3\0", b"\3\1", b"\2\0", b"\1\0", b"\xff\xff")))) + r.randbytes(r.randrange(100)))
    elif way == 2:
        s.sendall(mutate(r, hello))
    elif way == 3:
        s.sendall(hello + ping(r.randbytes(16)) * r.choice((1, 100, 3000)))
        reset(s)
        return
    else:
        s.sendall(hello)
        s.sendall(r.choice((r.randbytes(500), b"\x02\xff\xff\xff\xff\xff\xff\xff\xff", command(r.randbytes(9)), b"\x01\x01x" * 2000, b"\x01\x01x", b"\x00\x00" * 2000,
                            b"\x02" + struct.pack(">Q", 5 << 20) + b"x" * 1000, ping() + ping(r.randbytes(40)), command(b"\x09SUBSCRIBEx"), command(b"\x05ERROR\x03abc"))))
    end(r, s)


REQUEST_BASES = [b'{"emit":"noise","to":"room:mire","args":[1,{"a":"b"}],"except":["user:x"],"ref":7}', b'{"sockets":"user:mallory","limit":5}', b'{"rooms":"mi","after":"x"}', b'{"who":""}',
                 b'{"online":["ann",1,null]}', b'{"health":true}', b'{"topology":true,"timeout":50}', b'{"emit":"noise","to":["user:mallory","socket:x"],"id":"a","reached":true,"timeout":20}']


WORKER_BASES = [b'{"ready":"mire","namespaces":["/mire"],"events":["*","noise"],"capacity":3}', b'{"reply":"1.2","ack":[1],"emits":[{"event":"noise","to":"room:mire","args":[{"_placeholder":true,"num":0}]}]}',
                b'{"reply":"1.3","refuse":{"message":"no","data":7},"joins":["mire"]}', b'{"ping":1}', b'{"pong":1}', b'{"bye":true}']


def parts(r, rain, door):
    """ZeroMQ's own sockets, in good order: what they say is not."""
    kind = {"publish_pull": zmq.PUSH, "publish_sub": zmq.PUB, "command": zmq.DEALER, "worker": zmq.DEALER, "stats": zmq.XSUB}[door]
    s = rain.t.context.socket(kind)
    s.linger, s.sndtimeo = 200, 500
    if door in ("command", "worker"):
        s.routing_id = r.choice((b"router-0", b"gateway-0.x", r.randbytes(200), b"a"))
    try:
        s.connect(rain.t.endpoint(door, r.randrange(2)))
        if door in ("stats", "publish_sub"):
            s.poll(50, zmq.POLLIN)                          # a PUB drops until it is connected
        for _ in range(r.choice((5, 50))):
            text = r.choice(WORKER_BASES if door == "worker" else REQUEST_BASES)
            message = r.choice(([text], [mutate(r, text)], [mutate(r, text)], [b"", mutate(r, text)], [r.randbytes(r.choice((0, 1, 300)))], [b""] * r.randrange(1, 40),
                                [b"room:mire", mutate(r, text)], [mutate(r, text)] + [r.randbytes(5)] * r.randrange(40), [b"\x01" + r.randbytes(r.choice((0, 9, 400)))], [b"\x00"], [b"\x02"]))
            s.send_multipart(message)
        if r.randrange(20) == 0:
            s.send(b"x" * (5 << 20))                        # over max_frame_bytes: ZeroMQ hangs up on it
    finally:
        s.close()


MESSAGES = [wire.message("EMIT", number=1, body=b"x" * 30), wire.message("EMITTED", ref=5, missing=[b"a", b"b"]), wire.message("STATS", id=b"gateway-77", kind=b"counters", json=b"{}"),
            wire.message("BYE", id=b"gateway-77"), wire.message("ROSTER", view=1 << 62, phase=1, owners=[b"7"], members=[])]


def bus(r, rain):
    """The daemons' own sockets. Who is one of them by name says only what is no frame: by ipc alone, nobody could tell it from the daemon."""
    daemon = r.choice(("router-0", "router-1", "gateway-0", "gateway-1", "presence-0", "auth-0"))
    if r.randrange(3) == 0:
        s = rain.to.bus(daemon)
        s.sendall(r.choice((r.randbytes(500), greeting() + ready(b"DEALER") + ping() * r.choice((1, 3000)), mutate(r, greeting() + ready(b"DEALER")),
                            greeting() + ready(b"DEALER") + b"\x00\x05abcde" * 50)))
        end(r, s)
        return
    known = r.randrange(2)
    s = rain.to.dealer(daemon, r.choice((b"gateway-0.x", b"router-1", b"presence-0.1", b"auth-0.9", b"nonsense", r.randbytes(30))) if known else
                       r.choice((b"gateway-77.x", b"gateway-93.1")))
    try:
        for i in range(r.choice((3, 30))):
            if known:
                s.send_multipart(r.choice(([b""], [r.randbytes(47)], [b"", b""], [b"x"] * 5, [b"\0" * 300])))
            else:
                good = wire.frame(r.choices(MESSAGES, k=r.randrange(4)), 3 << 8, r.choice((0, 1 << 60)), i, i, i)
                s.send_multipart([r.choice((good, mutate(r, good), mutate(r, good)))])
    finally:
        s.close()


# ---- impostors: a daemon's name, a good frame, any message of the wire with any values

ROW = re.compile(r"^\| (?:`0x(..)`)? *\| \*\*(\w+)\*\* \| \w+ \| (.*) \| [^|]* \|$", re.M)
WORDS = (b"", b"/", b"/chat", b"room:lobby", b"/\0room:lobby", b"/\0*", b"*", b"user:ann", b"gateway-0", b"router-1", b"router-0", b"42", b'"ann"', b"{}", b'["x",{"_placeholder":true,"num":9}]',
         b"sockets", b"who", b"health", b"0", b"1", b"7 18446744073709551615 1", b"-1", b"\xff\xfe", b"x" * 300, b"ipc:///nowhere", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b'{"limit":1e9}')


def whole_wire():
    """Every message and record of the wire, from the table that documents it: name -> (type, fields of wire.py)."""
    short = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q", "str": "s", "strs": "l"}
    table = subprocess.run([BUILD / "causeway", "config", "wire"], capture_output=True, text=True, check=True, env=environment()).stdout
    return {name: (int(number, 16) if number else 0, [short[f.split()[0]] for f in fields.split("<br>")]) for number, name, fields in ROW.findall(table)}


def any_value(r, kind, records, depth=0):
    if kind == "l":
        return [any_value(r, "s", records, depth + 1) for _ in range(r.choice((0, 1, 1, 3, 40)))]
    if kind == "s":
        return any_fields(r, r.choice(records), records, depth + 1) if r.randrange(3) == 0 and depth < 3 else r.choice(WORDS)
    return r.choice((0, 1, 2, 3, r.randrange(10), r.getrandbits(8 * struct.calcsize(kind)), (1 << 8 * struct.calcsize(kind)) - 1))


def any_fields(r, kinds, records, depth=0):
    return b"".join(wire.put(k, any_value(r, k, records, depth)) for k in (kinds if r.randrange(8) else kinds[:r.randrange(len(kinds) + 1)]))


def impostor(r, rain, messages):
    """Whom it replaces may be lost: without keys a name is all there is. But nobody falls over."""
    s = rain.to.dealer(r.choice(("router-0", "router-1", "gateway-0", "gateway-1", "presence-0", "auth-0")),
                       r.choice((b"gateway-0.x", b"gateway-1.x", b"router-0.x", b"router-1.x", b"router-2.x", b"presence-0.x", b"presence-1.x", b"auth-0.x", b"gateway-5.x")))
    records = [fields for number, fields in messages.values() if not number]
    kinds = [m for m in messages.values() if m[0]]
    epoch, first = (1 << 62) + (r.getrandbits(40) << 8), 1
    try:
        for _ in range(r.choice((1, 10, 100))):
            bodies = [bytes([number]) + any_fields(r, fields, records) for number, fields in r.choices(kinds, k=r.choice((1, 1, 5)))]
            good = wire.frame([struct.pack("<I", len(b)) + b for b in bodies], epoch, first=first, received=r.choice((0, 1, 1 << 40)))
            s.send(good if r.randrange(4) else mutate(r, good))
            first += sum(1 for b in bodies if b[0] < 0x80)
    finally:
        s.close()


def test_impostors():
    seconds = min(SECONDS, 10)
    with Topology(extra="service: {stats_ms: 100}\nbus: {drain_ms: 300ms, beat_timeout_ms: 1s}\n") as t:
        c = t.clients()
        for name, gateway in (("ann", 0), ("bob", 1)):
            t.connect(c, name, gateway=gateway, quiet=["*"])
            c.call(name, "join-room", {"room": "lobby"})
        pids, messages = t.pids(), whole_wire()
        check(len(messages) > 25, f"the table of the wire is read: {list(messages)}")
        rain = Rain(t, seconds)
        for i in range(3):
            rain.start(f"impostor {i}", impostor, rain, messages)
        rain.wait()
        same(t.pids(), pids, f"nothing died (seed {SEED})\n{t.logs()}")
        print("   ", dict(rain.sent))


def test_it_rains():
    with Topology(extra="service: {stats_ms: 100}\n", secure=True,
                  listener="ping_interval_ms: 3s, ping_timeout_ms: 5s, connect_timeout_ms: 5s, head_timeout_ms: 3s, body_timeout_ms: 3s, upgrade_timeout_ms: 3s, keep_alive_ms: 3s") as t:
        c = t.clients()
        room = "dry-" + os.urandom(8).hex()
        people = (("ann", 0, False), ("bob", 1, True))
        for name, gateway, secure in people:
            t.connect(c, name, gateway=gateway, secure=secure, quiet=["*"])
            same(c.call(name, "join-room", {"room": room})[0]["success"], True)
        pids, before = t.pids(), t.stats()
        rest = {name: before[name]["bus.peers_up"] for name in before}

        rain = Rain(t, SECONDS)
        for secure in (False, True):
            for fn in (http, frames, packets, polls, slow, crowd):
                rain.start(fn.__name__ + " tls" * secure, fn, rain, secure)
        for plane in PLANES:
            rain.start("zmtp " + plane, zmtp, rain, plane, 0)
            rain.start("parts " + plane, parts, rain, plane)
        for router in (0, 1):
            rain.start("zmtp bus", zmtp, rain, "bus", router)
        rain.start("bus", bus, rain)
        sent = 0
        try:
            while rain.on:
                for name, _, _ in people:
                    same(c.call(name, "room-message", {"room": room, "message": {"n": sent}}), [{"success": True}], f"message {sent} of {name}")
                sent += 1
                threading.Event().wait(0.1)         # at intervals, while it lasts
            rain.wait()
            same(t.pids(), pids, f"nothing died\n{t.logs()}")
            for name, _, _ in people:
                until(lambda: c.count(name, "room-message")[0] >= 2 * sent, f"{name} has all {2 * sent}")
                same(c.count(name, "room-message"), (2 * sent, 0), f"{name}: complete, once, in order")

            now, ports = t.stats(), t.stats(wanted="ports")
            grown = lambda daemon, prefix: total(now[daemon], prefix) - total(before[daemon], prefix)
            for gateway in ("gateway-0", "gateway-1"):
                for layer in ("http", "ws", "eio", "sio"):
                    check(grown(gateway, f"refused.{layer}.") > 0, f"{gateway}: refused.{layer}")
                failed = [p["failed"] for p in ports[gateway].values() if p["tls"]][0]
                check(sum(failed.values()) > 0, f"{gateway}: failed handshakes of its TLS port")
            for name in ("refused.publish.", "refused.command."):
                check(grown("router-0", name) > 100, name)
            for plane in PLANES:
                check(grown("router-0", f"handshakes.failed_{plane}") > 0, f"failed handshakes: {plane}")
            for daemon in before:
                check(grown(daemon, "bus.refused.") > 0 and grown(daemon, "bus.handshakes_failed") > 0, f"{daemon}: bus")

            def settled():
                s = t.stats()
                odd = [(d, k, s[d][k], want) for d, k, want in
                       [(g, k, 1) for g in ("gateway-0", "gateway-1") for k in ("sessions.open", "connections.open", "sockets.open")] +
                       [("presence-0", "sessions.open", 2), ("presence-0", "users.online", 2)] +
                       [(r, k, 0) for r in ("router-0", "router-1") for k in ("sender.waiting", "answers.open")] +
                       [(d, "bus.peers_up", rest[d]) for d in rest] if s[d][k] != want]
                settled.odd = odd
                return not odd
            try:
                until(settled, "gauges are back", deadline=40)
            except Failed as e:
                raise Failed(f"{e}: {settled.odd}")
            for name, gateway, secure in (("eve", 1, False), ("dan", 0, True)):
                t.connect(c, name, gateway=gateway, secure=secure)
                same(c.call(name, "private-message", {"targetUserId": "ann", "message": "dry again"}), [{"success": True}])
        except Exception as e:
            raise Failed(f"seed {SEED}, {dict(rain.sent)}: {type(e).__name__} {e}")
        print("   ", ", ".join(f"{n} {k}" for k, n in sorted(rain.sent.items())), f"; {sent} messages of each client")
