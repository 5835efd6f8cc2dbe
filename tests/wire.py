#!/usr/bin/python3
"""The wire between daemons once more, from docs/WIRE.md: a second implementation
that the C one is checked against. tests/wire.py BUS-ECHO speaks to that program
(tests/bus/echo.c) first as a gateway, then as a router and a presence."""
import signal, struct, subprocess, sys, tempfile, time
import zmq

HEADER = struct.Struct("<HBBIQQQQQ")            # magic version oldest messages epoch peer first received confirmed
DATAGRAM, SKIP, AGAIN, SAY = 0x80, 0, 1, 2
ROUTER, GATEWAY, PRESENCE, AUTH = 1, 2, 3, 4
MEMBER_FIELDS = "role:B number:H epoch:Q state:B endpoint:s version:I pid:I load:Q public:s"
MESSAGES = {                                    # type: name, fields; s: str, l: strs
    4: ("BEAT", "member:s view:Q positions:s"),
    5: ("ROSTER", "view:Q phase:B settled:Q owners:l members:l before:l"),
    6: ("BYE", "id:s"),
    7: ("STATS", "id:s kind:s json:s"),
    13: ("EMIT", "number:Q origin:s origin_epoch:Q ref:Q publish_id:s body:s"),
    14: ("EMITTED", "ref:Q error:B epoch:Q seq:Q gateways:I reached:I complete:B duplicate:B missing:l acks:l"),
}
TYPE = {name: type_ for type_, (name, _) in MESSAGES.items()}
DATAGRAMS = {"BEAT", "BYE", "STATS"}


def put(kind, value):
    if kind == "s":
        return struct.pack("<I", len(value)) + value
    if kind == "l":
        return put("s", b"".join(put("s", v) for v in value))
    return struct.pack("<" + kind, value)


def take(kind, data):                           # missing trailing fields are zero
    if kind in "sl":
        if not data:
            return (b"" if kind == "s" else []), data
        size, = struct.unpack_from("<I", data)
        text, rest = data[4:4 + size], data[4 + size:]
        assert len(text) == size
        return (text if kind == "s" else list(walk(text))), rest
    size = struct.calcsize("<" + kind)
    return (struct.unpack_from("<" + kind, data)[0], data[size:]) if data else (0, data)


def walk(strs):
    while strs:
        text, strs = take("s", strs)
        yield text


def encode_fields(fields, values):
    return b"".join(put(k, values.get(n, [] if k == "l" else b"" if k == "s" else 0))
                    for n, k in (f.split(":") for f in fields.split()))


def decode_fields(fields, data):
    values = {}
    for name, kind in (f.split(":") for f in fields.split()):
        values[name], data = take(kind, data)
    return values


def message(name, **values):
    type_ = TYPE[name] | (DATAGRAM if name in DATAGRAMS else 0)
    body = bytes([type_]) + encode_fields(MESSAGES[TYPE[name]][1], values)
    return struct.pack("<I", len(body)) + body


def frame(messages, epoch, peer=0, first=0, received=0, confirmed=0):
    return HEADER.pack(0x5743, 1, 1, len(messages), epoch, peer, first, received, confirmed) + b"".join(messages)


class Frame:
    def __init__(self, data):
        magic, version, oldest, count, self.epoch, self.peer, self.first, self.received, self.confirmed = HEADER.unpack_from(data)
        assert (magic, version, oldest) == (0x5743, 1, 1), data[:4]
        self.messages, rest = [], data[HEADER.size:]
        while rest:
            body, rest = take("s", rest)
            if body[0] & ~DATAGRAM == 0:        # the link's own
                self.messages.append(("AGAIN" if body[1] == AGAIN else "SAY") if body[0] else "SKIP")
                continue
            name, fields = MESSAGES[body[0] & ~DATAGRAM]
            assert bool(body[0] & DATAGRAM) == (name in DATAGRAMS)
            self.messages.append((name, decode_fields(fields, body[1:])))
        assert len(self.messages) == count

    def all(self, name):
        return [m[1] for m in self.messages if isinstance(m, tuple) and m[0] == name]


def beat(role, number, epoch, endpoint=b""):
    member = encode_fields(MEMBER_FIELDS, dict(role=role, number=number, epoch=epoch, state=1, endpoint=endpoint, version=1))
    return message("BEAT", member=member), member


def until(socket, wanted, routed=False):
    """The first frame that 'wanted' likes; others are read over."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if socket.poll(200):
            got = Frame(socket.recv_multipart()[-1])
            if wanted(got):
                return got
    raise AssertionError("no such frame in 10 s")


def start(program, role, folder):
    process = subprocess.Popen([program, role, "0", folder], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    return process


def as_gateway(program, folder, context):
    router = start(program, "router", folder)
    socket = context.socket(zmq.DEALER)
    socket.setsockopt(zmq.ROUTING_ID, b"gateway-0.python")
    socket.connect(f"ipc://{folder}/router-0.bus")
    mine = 7 << 8
    socket.send(frame([beat(GATEWAY, 0, mine)[0]], mine))
    hello = until(socket, lambda f: f.peer == mine and f.all("BEAT"))
    member = decode_fields(MEMBER_FIELDS, hello.all("BEAT")[0]["member"])
    assert (member["role"], member["number"], member["version"]) == (ROUTER, 0, 1), member
    assert member["endpoint"] == f"ipc://{folder}/router-0.bus".encode() and member["pid"] == router.pid
    assert member["epoch"] == hello.epoch & ~0xff
    theirs = hello.epoch

    def emits(numbers):
        return [message("EMIT", number=n, body=b"x" * n) for n in numbers]

    def refs(f):
        return [m["ref"] for m in f.all("EMITTED")]
    first = emits([1, 2, 3])
    socket.send(frame(first, mine, theirs, 1))
    answer = until(socket, lambda f: refs(f))
    assert refs(answer) == [1, 2, 3] and answer.first == 1 and answer.received == answer.confirmed == 3
    again = until(socket, lambda f: refs(f))                    # we did not confirm: sent again
    assert refs(again) == [1, 2, 3] and again.first == 1
    socket.send(frame(first, mine, theirs, 1, 3, 3))            # twice the same: taken once
    socket.send(frame(emits([6]), mine, theirs, 6, 3, 3))       # a hole: asked for
    hole = until(socket, lambda f: "AGAIN" in f.messages)
    assert hole.received == 3 and not refs(hole)
    socket.send(frame(emits([4, 5, 6]), mine, theirs, 4, 3, 3))
    answer = until(socket, lambda f: refs(f))
    assert refs(answer) == [4, 5, 6] and answer.first == 4 and answer.received == 6
    life = 9 << 8                                               # a new life: numbers begin anew, the unconfirmed comes
    socket.send(frame([], life))
    reborn = until(socket, lambda f: f.peer == life and refs(f))
    assert refs(reborn) == [4, 5, 6] and reborn.first == 1 and reborn.received == 0
    socket.send(frame(emits([7]), mine, theirs, 7, 3, 3))       # the old life is dead
    socket.send(frame(emits([7]), life, theirs, 1, 3, 3))
    answer = until(socket, lambda f: refs(f))
    assert refs(answer) == [7] and answer.first == 4 and answer.received == 1
    router.send_signal(signal.SIGTERM)
    assert until(socket, lambda f: f.all("BYE")).all("BYE")[0]["id"] == b"router-0"
    assert router.wait() == 0           # and 1 to 7 came in order


def as_router(program, folder, context):
    sockets = {}
    for name in ("router-0", "presence-0"):
        sockets[name] = context.socket(zmq.ROUTER)
        sockets[name].bind(f"ipc://{folder}/{name}.bus")
    gateway = start(program, "gateway", folder)
    socket, mine = sockets["router-0"], 11 << 8
    route, data = socket.recv_multipart()
    assert route.startswith(b"gateway-0."), route
    theirs = Frame(data).epoch
    hello, me = beat(ROUTER, 0, mine)
    presence = beat(PRESENCE, 0, 12 << 8, f"ipc://{folder}/presence-0.bus".encode())[1]
    roster = message("ROSTER", view=100, phase=1, settled=100, owners=[b"0"], members=[me, presence])
    socket.send_multipart([route, frame([hello, roster], mine, theirs, 1)])
    taken = until(socket, lambda f: f.all("BEAT") and f.all("BEAT")[0]["view"] == 100)
    assert taken.received == 1
    met = until(sockets["presence-0"], lambda f: f.all("BEAT"))  # it connected to whom the roster named
    assert decode_fields(MEMBER_FIELDS, met.all("BEAT")[0]["member"])["role"] == GATEWAY
    gateway.send_signal(signal.SIGTERM)
    assert until(socket, lambda f: f.all("BYE")) and gateway.wait() == 0


if __name__ == "__main__":
    context = zmq.Context()
    context.linger = 0
    for part in (as_gateway, as_router):
        with tempfile.TemporaryDirectory(prefix="causeway-wire-") as folder:
            part(sys.argv[1], folder, context)
        print("wire:", part.__name__, "ok")
    context.destroy()
