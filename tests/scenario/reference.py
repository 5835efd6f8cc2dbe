"""The same bytes as the reference server's: each case of tests/reference/*.txt is played to a real socket.io server
and to a topology, and what both answer is compared, apart from ids and dates. Where we differ on purpose, the case
says what we do better ('differs: WHY'), and then it must differ.

A line of a case is one step; $sid stands for the session's id:
    open [QUERY]            a handshake on polling                  poll N          GETs until N packets have come
    post TEXT               a POST to the session                   hang            a GET that is left waiting;
    http METHOD PATH [| Field: value]... [|| BODY]                  answer          what it gets
    ws [QUERY] [| Field: value]...     a WebSocket                  wsid            one for the session: a probe
    send TEXT               a text frame                            bin HEX         a binary one
    raw HEX                 bytes as they are                       sync [N|end]    N frames, and what comes with them
    part                    the WebSocket is closed by us, without a word
    version 3               from here on we speak Engine.IO 3; payloads are written as in version 4
"""
import base64, difflib, json, os, re, socket, struct, subprocess, zlib

from lib import CLIENT, ROOT, Failed, Topology

PATH = "/socket.io/"
KEPT = ("content-type", "cache-control", "vary", "set-cookie", "location", "content-encoding", "connection",
        "sec-websocket-accept", "sec-websocket-protocol", "sec-websocket-extensions", "upgrade")     # and all of CORS
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


class Link:
    """A connection to either server, as bytes."""
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.bytes = b""

    def more(self):
        try:
            got = self.socket.recv(65536)
        except ConnectionResetError:
            got = b""
        self.bytes += got
        return bool(got)

    def take(self, n):
        while len(self.bytes) < n:
            if not self.more():
                return None
        head, self.bytes = self.bytes[:n], self.bytes[n:]
        return head

    def response(self, method="GET"):
        """Status, fields and body of one response; None where the peer hung up instead."""
        while b"\r\n\r\n" not in self.bytes:
            if not self.more():
                return None
        head, self.bytes = self.bytes.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        fields = sorted((name.lower(), value.strip()) for name, value in (line.split(":", 1) for line in lines[1:]))
        status = int(lines[0].split()[1])
        length = next((int(v) for k, v in fields if k == "content-length"), None)
        if status in (101, 204, 304) or method == "HEAD":
            body = b""
        elif ("transfer-encoding", "chunked") in fields:
            body = b""
            while (size := int(self.line() or b"0", 16)):
                body += self.take(size) or b""
                self.line()
            self.line()
        elif length is not None:
            body = self.take(length) or b""
        else:
            while self.more():
                pass
            body, self.bytes = self.bytes, b""
        return status, fields, body

    def line(self):
        while b"\r\n" not in self.bytes:
            if not self.more():
                return None
        line, self.bytes = self.bytes.split(b"\r\n", 1)
        return line


def frame(opcode, payload, mask=b"\x01\x02\x03\x04"):
    n = len(payload)
    head = bytes([0x80 | opcode]) + (bytes([0x80 | n]) if n < 126 else bytes([0xfe]) + struct.pack(">H", n) if n < 65536 else bytes([0xff]) + struct.pack(">Q", n))
    return head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


def version3(body):
    """The packets of an Engine.IO 3 payload, in either form; lengths are UTF-16 units."""
    if body[:1] in (b"\0", b"\1"):
        while body:
            end = body.index(0xff)
            length = int("".join(str(d) for d in body[1:end]))
            packet, kind, body = body[end + 1:end + 1 + length], body[0], body[end + 1 + length:]
            yield packet.decode() if kind == 0 else "binary " + packet.hex()
        return
    text = body.decode("utf-8", "replace")
    while text:
        length, _, rest = text.partition(":")
        units = rest.encode("utf-16-le")
        yield units[:2 * int(length)].decode("utf-16-le")
        text = units[2 * int(length):].decode("utf-16-le")


class Play:
    """A case played to one server: what it said, a line each."""
    def __init__(self, port):
        self.port, self.lines, self.names = port, [], {}
        self.version = 4
        self.sid = self.held = self.web = None
        self.links = []

    def link(self):
        self.links.append(Link(self.port))
        return self.links[-1]

    def name(self, text):
        """Ids and ports get names in the order of their appearance."""
        def new(match):
            return match[1] + self.names.setdefault(match[2], f"<id{len(self.names) + 1}>")
        text = re.sub(r'("(?:sid|pid)\\?":\\?")([\w-]{10,})', new, text)
        text = re.sub(r"(io=)([\w-]{20})", new, text)
        text = re.sub(r"()8[12]a3736964b4([0-9a-f]{40})(?:a3706964d40000)?", new, text)     # {sid, pid: undefined}, which is the same as {sid}
        text = re.sub(r"82(a76d657373616765[0-9a-f]*)a464617461d40000", r"81\1", text)      # {message, data: undefined}
        return text

    def say(self, text):
        self.lines.append(self.name(text))

    def packets(self, body):
        """Says them, returns how many."""
        texts = body.decode("utf-8", "replace").split("\x1e") if self.version == 4 else list(version3(body))
        for packet in texts:
            self.say("  " + (f"binary {base64.b64decode(packet[1:]).hex()}" if packet.startswith("b") and self.version == 4 else packet))
        return len(texts)

    def show(self, response):
        if response is None:
            self.say("hung up")
            return None
        status, fields, body = response
        self.say(str(status))
        for name, value in fields:
            if name in KEPT or name.startswith("access-control-"):
                self.say(f"  {name}: {value}")
        encoding = dict(fields).get("content-encoding")
        if encoding:
            body = zlib.decompress(body, 47)        # either's head is found out
        if status != 101 and body:
            self.say("  | " + body.decode("utf-8", "replace"))
        return response

    def request(self, method, path, fields=(), body=b"", link=None):
        link = link or self.link()
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n" + "".join(f"{f}\r\n" for f in fields)
        if body or method == "POST":
            head += f"Content-Length: {len(body)}\r\n" + ("" if any(f.lower().startswith("content-type") for f in fields) else "Content-Type: text/plain;charset=UTF-8\r\n")
        link.socket.sendall(head.encode("utf-8", "surrogateescape") + b"\r\n" + body)
        return link

    def session(self, transport="polling"):
        return f"{PATH}?EIO={self.version}&transport={transport}&sid={self.sid}"

    def do_open(self, rest):
        response = self.request("GET", f"{PATH}?EIO={self.version}&transport=polling{rest and '&' + rest}").response()
        self.show(response)
        self.sid = re.search(rb'"sid\\?":\\?"([\w-]+)', response[2])[1].decode()

    def do_post(self, rest):
        if self.version == 3:
            rest = "".join(f"{len(p.encode('utf-16-le')) // 2}:{p}" for p in rest.split("\x1e"))
        self.show(self.request("POST", self.session(), body=rest.encode()).response())

    def do_poll(self, rest):
        left = int(rest or 1)
        while left > 0:
            response = self.request("GET", self.session()).response()
            if response is None or response[0] != 200:
                self.show(response)
                return
            left -= self.packets(response[2])

    def do_hang(self, rest):
        self.held = self.request("GET", self.session())

    def do_answer(self, rest):
        self.show(self.held.response())

    def do_http(self, rest):
        rest, _, body = rest.partition(" || ")
        line, *fields = rest.split(" | ")
        method, path = line.split(" ", 1)
        self.show(self.request(method, path.replace("$sid", str(self.sid)), fields, body.encode("utf-8", "surrogateescape")).response(method))

    def websocket(self, path, fields):
        self.web = self.request("GET", path, ["Connection: Upgrade", "Upgrade: websocket", f"Sec-WebSocket-Key: {KEY}",
                                              *([] if any("version" in f.lower() for f in fields) else ["Sec-WebSocket-Version: 13"]), *fields])
        response = self.web.response()
        self.show(response)
        if response and response[0] != 101:
            self.web = None

    def do_ws(self, rest):
        query, *fields = f" {rest}".split(" | ")
        self.websocket(f"{PATH}?{query.strip() or f'EIO={self.version}&transport=websocket'}".replace("$sid", str(self.sid)), fields)

    def do_wsid(self, rest):
        self.websocket(self.session("websocket"), [])

    def write(self, data):
        try:
            self.web.socket.sendall(data)
        except OSError:
            self.say("can't write")

    def do_send(self, rest):
        self.write(frame(1, rest.encode("utf-8", "surrogatepass")))

    def do_bin(self, rest):
        self.write(frame(2, bytes.fromhex(rest)))

    def do_raw(self, rest):
        self.write(bytes.fromhex(rest))

    def do_version(self, rest):
        self.version = int(rest)

    def do_part(self, rest):
        self.web.socket.close()

    def do_sync(self, rest):
        """N frames at least, and what else comes until a few pings, one after the other, were answered; 'end': all until it is closed."""
        due, pings = 0 if rest in ("", "end") else int(rest), [os.urandom(4) for _ in range(0 if rest == "end" else 5)]
        seen = 0
        if pings and due == 0:
            self.write(frame(9, pings[0]))
        while head := self.web.take(2):
            n = head[1] & 127
            if n > 125:
                n = int.from_bytes(self.web.take(2 if n == 126 else 8) or b"\0", "big")
            payload = self.web.take(n) or b""
            opcode = head[0] & 15
            if opcode == 8:
                self.say(f"  close {int.from_bytes(payload[:2], 'big') if payload else ''}")
                self.web.socket.close()
                self.web.bytes = b""
                return
            if opcode == 10:
                if pings and payload == pings.pop(0):
                    if not pings:
                        return
                    self.write(frame(9, pings[0]))
                continue
            self.say("  " + (payload.decode("utf-8", "replace") if opcode == 1 else f"binary {payload.hex()}"))
            seen += 1
            if seen == due:
                self.write(frame(9, pings[0]))
        self.say("  gone")

    def run(self, steps):
        for step in steps:
            verb, _, rest = step.partition(" ")
            self.say("> " + step[:200])
            try:
                if verb in ("send", "bin", "raw", "sync") and not self.web:
                    self.say("no WebSocket")
                    continue
                getattr(self, "do_" + verb)(rest)
            except socket.timeout:
                self.say("nothing came")
        for link in self.links:
            link.socket.close()
        return self.lines


def cases(name):
    """(title, why we differ or None, steps); escapes are Python's, lines may be repeated: 'xN'."""
    title = None
    for line in (ROOT / "tests" / "reference" / f"{name}.txt").read_text().splitlines() + ["case "]:
        if line.startswith("case "):
            if title:
                yield title, differs, steps
            title, differs, steps = line[5:], None, []
        elif line.startswith("differs: "):
            differs = line[9:]
        elif line.strip() and not line.startswith("#"):
            steps.append(re.sub(r"\\(u[0-9a-f]{4}|x[0-9a-f]{2}|n|r|t|\\)", lambda m: m[0].encode().decode("unicode_escape"), line.strip()))
            steps[-1] = re.sub(r"\{(\w+)\*(\d+)\}", lambda m: m[1] * int(m[2]), steps[-1])


class Reference:
    def __init__(self, options):
        self.process = subprocess.Popen(["node", CLIENT / "reference.mjs", json.dumps(options)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def stop(self):
        self.process.stdin.close()
        self.process.wait(10)


TOPOLOGY = """
name: reference
instances: {{router: 1, gateway: 1, presence: 1, auth: 1}}
listeners:
  public: {{port: {base}, LISTENER}}
auth:
  keys: [{{kind: secret, file: '{{state}}/demo.secret', algorithms: [HS256]}}]
presence: {{redis: private}}
router:
  publish_pull: {{port: {publish_pull}}}
  publish_sub: {{port: {publish_sub}}}
  command: {{port: {command}}}
  metrics: {{port: {metrics}}}
  feed: {{port: {feed}}}
  worker: {{port: 0}}
  stats: {{port: {stats}}}
namespaces:
  /: &echo
    identity: none
    events:
      message: {{reply: {{event: message-back, args: ["{{args.0}}"]}}}}
      with-ack: {{ack: "{{args.0}}"}}
  /chat:
    identity: none
    events:
      message: {{reply: {{event: message-back, args: ["{{args.0}}"]}}}}
      with-ack: {{ack: "{{args.0}}"}}
  /closed: {{identity: jwt, token: [auth.token]}}
"""


def compare(name, options, listener):
    reference = Reference(options)
    wrong = []
    try:
        with Topology(source=TOPOLOGY.replace("LISTENER", listener).replace("&echo", "")) as t:
            for title, differs, steps in cases(name):
                theirs, ours = Play(reference.port).run(steps), Play(t.base).run(steps)
                if (theirs == ours) != (differs is None):
                    wrong.append(f"case {title}" + (f" - no longer differs: {differs}" if differs else ""))
                    wrong += difflib.unified_diff(theirs, ours, "the reference", "we", lineterm="", n=99)
    finally:
        reference.stop()
    if wrong:
        raise Failed("\n".join(line[:300] for line in wrong))


def test_http():
    compare("http", {"cors": {"origin": ["http://a.example"], "credentials": True, "methods": ["GET", "POST"]}}, "origins: ['http://a.example'], credentials: true")


def test_websocket():
    compare("websocket", {}, "upgrades: true")


def test_msgpack():
    compare("msgpack", {"parser": "socket.io-msgpack-parser"}, "parser: msgpack")


def test_version_3():
    compare("version3", {"allowEIO3": True}, "allow_eio3: true")


def test_version_3_off():
    compare("version3_off", {}, "upgrades: true")
