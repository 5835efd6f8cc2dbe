"""Compression with real clients: permessage-deflate as Node's ws speaks it, polls and files as Node's http and Python's zlib read them."""
import base64, contextlib, gzip, http.client, json, os, socket, struct, zlib

from lib import Topology, check, same, until

LONG = {"text": "the same words again and again, " * 200}
ON = "permessage_deflate: true, max_message_bytes: 100000"
DEFLATE = {"perMessageDeflate": {"threshold": 1024}}
FAST = "service: {stats_ms: 50}\n"


def figure(t, gateway, name):
    return t.stats()[f"gateway-{gateway}"][name]


def test_broadcast_is_compressed_once():
    """Twenty clients of one gateway that agreed, two on polling, and one that didn't: one compression, the same text for all."""
    with Topology(extra=FAST, listener=ON) as t:
        c = t.clients()
        for i in range(20):
            t.connect(c, f"ann{i}", **DEFLATE)
        t.connect(c, "plain", perMessageDeflate=False)
        t.connect(c, "poll", transports=("polling",))
        everybody = [f"ann{i}" for i in range(20)] + ["plain", "poll"]
        for name in everybody:
            c.call(name, "join-room", {"room": "lobby"})
        before = t.stats()["gateway-0"]
        check(t.command({"emit": "news", "to": "room:lobby", "args": [LONG]})["ok"], "published")
        for name in everybody:
            same(c.expect(name, "news")["args"], [LONG], name)
        until(lambda: figure(t, 0, "frames.deflated") == before["frames.deflated"] + 1, "one message was compressed")
        check(figure(t, 0, "deflate.saved_bytes") - before["deflate.saved_bytes"] > 5000, "and got much smaller")


def test_events_both_ways():
    """Text and attachments, long and short, from clients that compress, through an upgrade as well."""
    with Topology(extra=FAST, listener=ON) as t:
        c = t.clients()
        t.connect(c, "ann", **DEFLATE)
        t.connect(c, "bob", transports=("polling", "websocket"), **DEFLATE)
        same(c.expect("bob", "upgrade")["transport"], "websocket")
        for name in ("ann", "bob"):
            c.call(name, "join-room", {"room": "lobby"})
        for who in ("ann", "bob"):
            for message in (LONG, "short", {"text": os.urandom(20_000).hex()}):
                same(c.call(who, "room-message", {"room": "lobby", "message": message}), [{"success": True}])
                for reader in ("ann", "bob"):
                    same(c.expect(reader, "room-message")["args"][0]["message"], message)
            for data in (b"x" * 50_000, os.urandom(50_000), b"short"):
                c.call(who, "share", {"room": "lobby", "name": "x", "data": {"$bin": base64.b64encode(data).decode()}})
                got = c.expect("bob" if who == "ann" else "ann", "share")["args"][0]["data"]["$bin"]
                check(base64.b64decode(got) == data, "attachments come back as they were")
        until(lambda: figure(t, 0, "frames.inflated") >= 8, "clients compressed, too")
        until(lambda: figure(t, 0, "frames.deflated") == 6, "and so did we, what gets smaller, once for both")


# ---- a client by hand

class Raw:
    def __init__(self, t, offer="permessage-deflate; client_max_window_bits", gateway=0, sid=None):
        self.s = socket.create_connection(("127.0.0.1", t.base + gateway), 30)
        self.read = self.s.makefile("rb")
        self.s.sendall(f"GET /socket.io/?EIO=4&transport=websocket{sid and f'&sid={sid}' or ''} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                       f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                       f"Sec-WebSocket-Extensions: {offer}\r\n\r\n".encode())
        self.status = int(self.read.readline().split()[1])
        self.fields = {}
        while (line := self.read.readline().decode().strip()):
            name, _, value = line.partition(":")
            self.fields[name.lower()] = value.strip()
        self.agreed = self.fields.get("sec-websocket-extensions")
        if self.status == 101 and not sid:
            check(self.frame()[1].startswith(b"0{"), "the open packet")

    def send(self, payload, first=0xc1):
        size = len(payload)
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack(">H", size) if size < 65536 else b"\xff" + struct.pack(">Q", size)
        self.s.sendall(bytes([first]) + length + bytes(4) + payload)

    def frame(self):
        first, size = self.read.read(2)
        if size > 125:
            size = int.from_bytes(self.read.read(2 if size == 126 else 8), "big")
        payload = self.read.read(size)
        if first & 0x40:
            z = zlib.decompressobj(-15)
            payload = z.decompress(payload + b"\0\0\xff\xff")
        return first, payload

    def closed(self):
        """The code of the close frame that comes next."""
        first, payload = self.frame()
        same(first, 0x88, "a close frame")
        self.s.close()
        return int.from_bytes(payload[:2], "big") if payload else None


def packed(data):
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (z.compress(data) + z.flush(zlib.Z_SYNC_FLUSH))[:-4]


def test_raw_client():
    with Topology(extra=FAST, listener=ON) as t:
        same(Raw(t).agreed, "permessage-deflate; server_no_context_takeover; client_no_context_takeover")
        same(Raw(t, "permessage-deflate; server_max_window_bits=10").agreed, None, "a window smaller than ours")
        same(Raw(t, "mux, permessage-deflate; x=1, permessage-deflate; server_max_window_bits=15").agreed.split("; ")[-1], "server_max_window_bits=15")
        same(Raw(t, "permessage-deflate; ;").status, 400, "no header of this grammar")

        bombs = {"a bomb": (packed(b"4" + b"x" * 50_000_000), 1009), "not DEFLATE": (b"\x07", 1007), "cut short": (packed(b"42" + os.urandom(500))[:-20], 1007),
                 "no text": (packed(b"4\xff\xfe"), 1007)}
        for what, (payload, code) in bombs.items():
            w = Raw(t)
            w.send(payload)
            same(w.closed(), code, what)
        before = t.pids()
        w = Raw(t)      # a bomb in fragments
        bomb = packed(b"4" + b"x" * 20_000_000)
        w.send(bomb[:100], 0x41)
        w.send(b"", 0x89)
        same(w.frame()[0], 0x8a, "pings are answered between fragments")
        w.send(bomb[100:], 0x80)
        same(w.closed(), 1009, "the same in fragments")
        for what, first in (("a compressed ping", 0xc9), ("a compressed close", 0xc8), ("a continuation with the bit", 0xc0), ("the second bit", 0xa1), ("the third", 0x91)):
            w = Raw(t)
            w.send(b"", first)
            same(w.closed(), 1002, what)
        w = Raw(t, "permessage-bzip2")
        w.send(packed(b"2"))
        same(w.closed(), 1002, "the bit without an agreement")

        w = Raw(t)
        w.send(packed(b'40{"token":"%s"}' % t.token("ann").encode()))
        while not (text := w.frame()[1]).startswith(b"40{"):
            pass
        text = json.dumps(["room-message", {"room": "x", "message": LONG}]).encode()
        w.send(packed(b'420["join-room",{"room":"x"}]'))
        data = packed(b"421" + text)
        for at in range(len(data)):     # in fragments of one byte
            w.send(data[at:at + 1], 0x41 if at == 0 else 0x80 if at == len(data) - 1 else 0x00)
        while True:
            first, payload = w.frame()
            if b'"room-message"' in payload:
                break
        check(first == 0xc1 and LONG["text"].encode() in payload, "it came back compressed")
        same(before, t.pids(), "and all live")


def test_upgrade_at_another_gateway():
    """The session's owner agrees on it, whichever door the WebSocket came to; what waited is compressed then."""
    with Topology(extra=FAST, listener=ON) as t:
        sid = json.loads(get(t, "/socket.io/?EIO=4&transport=polling")[1][1:])["sid"]
        post(t, sid, '40{"token":"%s"}' % t.token("ann"))
        while b"40{" not in get(t, f"/socket.io/?EIO=4&transport=polling&sid={sid}")[1]:
            pass
        post(t, sid, '42["join-room",{"room":"x"}]')
        w = Raw(t, gateway=1, sid=sid)
        check(w.agreed and w.agreed.startswith("permessage-deflate"), w.agreed)
        w.send(packed(b"2probe"))
        same(w.frame(), (0x81, b"3probe"))
        post(t, sid, "42" + json.dumps(["room-message", {"room": "x", "message": LONG}]))
        until(lambda: figure(t, 0, "queue.bytes") > 5000, "it waits for the upgrade")
        w.send(packed(b"5"))
        while True:
            first, payload = w.frame()
            if b'"room-message"' in payload:
                break
        same(first, 0xc1, "compressed")
        check(LONG["text"].encode() in payload, "and whole")


# ---- HTTP

def get(t, path, **fields):
    h = http.client.HTTPConnection("127.0.0.1", t.base, timeout=30)
    with contextlib.closing(h):
        h.request("GET", path, headers={"Accept-Encoding": "identity", **{k.replace("_", "-"): v for k, v in fields.items()}})
        answer = h.getresponse()
        body = answer.read()
        check(answer.status == 304 or int(answer.headers["Content-Length"]) == len(body), "its length")
        return answer, body


def post(t, sid, body):
    h = http.client.HTTPConnection("127.0.0.1", t.base, timeout=30)
    with contextlib.closing(h):
        h.request("POST", f"/socket.io/?EIO=4&transport=polling&sid={sid}", body)
        same(h.getresponse().read(), b"ok")


def test_polls_and_files():
    with Topology(extra=FAST) as t:
        sid = json.loads(get(t, "/socket.io/?EIO=4&transport=polling", Accept_Encoding="gzip")[1][1:])["sid"]
        poll = f"/socket.io/?EIO=4&transport=polling&sid={sid}"
        post(t, sid, '40{"token":"%s"}' % t.token("ann"))
        while b"40{" not in get(t, poll)[1]:
            pass
        post(t, sid, '42["join-room",{"room":"x"}]')
        for accept, coding, read in (("gzip", "gzip", gzip.decompress), ("br, deflate", "deflate", zlib.decompress), ("identity", None, bytes), ("gzip;q=0", None, bytes)):
            post(t, sid, "42" + json.dumps(["room-message", {"room": "x", "message": LONG}]))
            while True:
                answer, body = get(t, poll, Accept_Encoding=accept)
                short = len(body) < 1024 and answer.headers["Content-Encoding"] is None
                if not short or coding is None and LONG["text"].encode() in body:
                    break
            same(answer.headers["Content-Encoding"], coding, accept)
            check(LONG["text"].encode() in read(body), accept)
            check(coding is None or len(body) < 1500, f"{accept}: {len(body)} bytes")

        answer, plain = get(t, "/socket.io/socket.io.min.js")
        same((answer.headers["Content-Encoding"], answer.headers["Vary"]), (None, "Accept-Encoding"))
        answer, small = get(t, "/socket.io/socket.io.min.js", Accept_Encoding="gzip, deflate, br")
        same((answer.headers["Content-Encoding"], answer.headers["Vary"]), ("gzip", "Accept-Encoding"))
        check(gzip.decompress(small) == plain and len(small) < len(plain) / 2, f"{len(plain)} bytes as {len(small)}")
        same(get(t, "/socket.io/socket.io.min.js", Accept_Encoding="gzip", If_None_Match=answer.headers["ETag"])[0].status, 304)


def test_switched_off():
    with Topology(extra=FAST, listener="http_compression: false") as t:
        w = Raw(t)
        same((w.status, w.agreed), (101, None), "an offer is not answered")
        c = t.clients()
        t.connect(c, "ann", **DEFLATE)
        c.call("ann", "join-room", {"room": "lobby"})
        c.call("ann", "room-message", {"room": "lobby", "message": LONG})
        same(c.expect("ann", "room-message")["args"][0]["message"], LONG)
        same(get(t, "/socket.io/socket.io.min.js", Accept_Encoding="gzip")[0].headers["Content-Encoding"], None)
        figures = t.stats()["gateway-0"]
        same([figures[k] for k in ("frames.deflated", "frames.inflated", "answers.deflated")], [0, 0, 0])
