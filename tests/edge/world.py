"""One gateway with a router and a presence beside it, started by hand, and clients made of sockets.

Nothing here waits for time to pass: daemons say "ready" on a descriptor, sockets have deadlines, counters
are looked at until they are there.
"""
import base64, json, os, pathlib, resource, shutil, signal, socket, ssl, struct, subprocess, sys, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "scenario"))
import zmq
from lib import BUILD, DEADLINE, Failed, check, free_ports, same, until

GATEWAY = pathlib.Path(os.environ.get("EDGE_GATEWAY", BUILD / "causeway-gateway"))
BIG = 3_000_000

TOPOLOGY = """
name: edge
bus: {{drain_ms: {drain}}}
service: {{stats_ms: 100}}
instances: {{router: 1, gateway: 2, presence: 1, auth: 0}}
listeners:
  plain: {{port: {plain}, serve_client: false, queue_bytes: 16M, files: [{{path: /big, file: big.bin, type: application/octet-stream}}]}}
  second: {{port: {plain}, path: /other/, serve_client: false}}
  secure: {{port: {secure}, serve_client: false, queue_bytes: 16M, tls: {{certificate: cert.pem, key: key.pem}},
           files: [{{path: /big, file: big.bin, type: application/octet-stream}}]}}
  six: {{address: "::1", port: {six}, serve_client: false}}
presence: {{redis: none}}
router:
  publish_pull: {{port: {pull}}}
  publish_sub: {{port: {sub}}}
  command: {{port: {command}}}
  metrics: {{port: {metrics}}}
  feed: {{port: {feed}}}
  worker: {{port: 0}}
  stats: {{port: {stats}}}
namespaces:
  /:
    identity: none
    events: {{greet: {{ack: {greeting}}}}}
"""


def make_certificate(directory, name, key=("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")):
    subprocess.run(["openssl", "req", "-x509", "-newkey", *key, "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext",
                    "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", directory / "key.pem", "-out", directory / "cert.pem"],
                   check=True, capture_output=True)


class World:
    def __init__(self, fds=None, prefix=(), drain="4s"):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="cw-edge-"))
        self.state = self.dir / "s"
        self.state.mkdir(0o700)
        base = free_ports(10)
        names = ("plain", "secure", "six", "pull", "sub", "command", "feed", "stats", "metrics")
        self.port = {name: base + i for i, name in enumerate(names)}
        self.fds, self.prefix, self.drain = fds, prefix, drain
        self.processes, self.sockets = {}, []
        self.write("hello")
        self.big = os.urandom(BIG)
        (self.dir / "big.bin").write_bytes(self.big)
        make_certificate(self.dir, "first", ("rsa:2048",))
        self.first = (self.dir / "cert.pem").read_text()

    def write(self, greeting):
        (self.dir / "t.yaml").write_text(TOPOLOGY.format(**self.port, greeting=greeting, drain=self.drain))

    def start(self, role, program, prefix=(), before=None, number=0):
        ready, theirs = os.pipe()
        log = open(self.dir / f"{role}.log", "w")     # of a second gateway: "gateway-1"
        mine = {k: v for k, v in os.environ.items() if not k.startswith("CAUSEWAY_")}      # they set configuration keys
        environment = {**mine, "ASAN_OPTIONS": "detect_leaks=1:exitcode=99", "UBSAN_OPTIONS": "print_stacktrace=1"}
        process = subprocess.Popen([*prefix, program, "--config", "t.yaml", "--state", self.state, "--number", str(number), "--ready-fd", str(theirs)],
                                   cwd=self.dir, pass_fds=[theirs], stderr=log, stdout=log, env=environment, preexec_fn=before)
        os.close(theirs)
        self.processes[role] = process
        with os.fdopen(ready) as pipe:
            check(pipe.readline() == "ready\n", f"{role} does not get ready:\n{self.log(role)}")
        return process

    def limit(self):
        resource.setrlimit(resource.RLIMIT_NOFILE, (self.fds, self.fds))

    def __enter__(self):
        try:
            for role in ("router", "presence"):
                self.start(role, BUILD / f"causeway-{role}")
            self.gateway = self.start("gateway", GATEWAY, self.prefix, self.limit if self.fds else None)
        except BaseException:
            self.end()
            raise
        return self

    def end(self):
        for process in self.processes.values():
            process.kill()
            process.wait()
        for s in self.sockets:
            s.close()

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.stop()
        finally:
            self.end()
        if kind is None:
            shutil.rmtree(self.dir, ignore_errors=True)

    def stop(self):
        """SIGTERM: exit 0, and nothing for the sanitizers to say."""
        self.gateway.send_signal(signal.SIGTERM)
        try:
            code = self.gateway.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            raise Failed(f"the gateway does not stop:\n{self.log('gateway')}")
        same(code, 0, f"exit of the gateway; its log:\n{self.log('gateway')}")

    def log(self, role):
        return (self.dir / f"{role}.log").read_text(errors="replace")

    def cpu(self):
        """Seconds of CPU that the gateway has used."""
        fields = pathlib.Path(f"/proc/{self.gateway.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stats(self, kind="counters", number=0):
        context = zmq.Context.instance()
        with context.socket(zmq.SUB) as s:
            s.linger, s.rcvtimeo = 0, int(DEADLINE * 1000)
            s.connect(f"tcp://127.0.0.1:{self.port['stats']}")
            s.subscribe(f"stats.gateway.gateway-{number}.{kind}".encode())
            s.recv_multipart()                      # the last one, from before this question
            return json.loads(s.recv_multipart()[1])

    def count(self, name, at_least, deadline=DEADLINE):
        return until(lambda: self.stats().get(name, 0) >= at_least and self.stats()[name], f"{name} >= {at_least}", deadline)

    # ---- clients

    def tcp(self, port="plain", receive_buffer=None):
        s = socket.socket(socket.AF_INET6 if port == "six" else socket.AF_INET)
        self.sockets.append(s)
        if receive_buffer:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        s.settimeout(DEADLINE)
        s.connect(("::1" if port == "six" else "127.0.0.1", self.port[port]))
        return s

    def tls(self, receive_buffer=None, trust=None, alpn=None):
        context = ssl.create_default_context(cadata=trust or self.first)
        if alpn:
            context.set_alpn_protocols(alpn)
        s = context.wrap_socket(self.tcp("secure", receive_buffer), server_hostname="localhost")
        self.sockets.append(s)
        return s

    def connect(self, secure, **options):
        return self.tls(**options) if secure else self.tcp(**options)


def read_head(s):
    data = b""
    while b"\r\n\r\n" not in data:
        piece = s.recv(1)
        check(piece, f"closed within a head: {data!r}")
        data += piece
    lines = data.decode().split("\r\n")
    return int(lines[0].split()[1]), {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:] if line)}


def read_exactly(s, n, piece=65536):
    data = bytearray()
    while len(data) < n:
        more = s.recv(min(piece, n - len(data)))
        check(more, f"closed after {len(data)} of {n} bytes")
        data += more
    return bytes(data)


def get(s, path, head="", **reading):
    s.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n".encode())
    status, fields = read_head(s)
    return status, read_exactly(s, int(fields.get("content-length", 0)), **reading)


def read_all(s):
    """Until the other side ends it, one way or another."""
    data = b""
    try:
        while piece := s.recv(65536):
            data += piece
    except (ConnectionError, ssl.SSLError):
        pass
    return data


class WebSocket:
    def __init__(self, s, path="/socket.io/?EIO=4&transport=websocket"):
        self.s = s
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                  f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n\r\n".encode())
        same(read_head(s)[0], 101, "upgrade")
        kind, text = self.read()
        check(kind == 1 and text.startswith(b"0{"), f"no open packet: {text!r}")

    def send(self, text, kind=1):
        text = text.encode() if isinstance(text, str) else text
        check(len(text) < 126, "short frames only")
        mask = os.urandom(4)
        self.s.sendall(bytes([0x80 | kind, 0x80 | len(text)]) + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(text)))

    def read(self):
        kind, size = read_exactly(self.s, 2)
        if size == 126:
            size, = struct.unpack(">H", read_exactly(self.s, 2))
        return kind & 15, read_exactly(self.s, size)

    def join(self):
        self.send("40")
        kind, text = self.read()
        check(text.startswith(b"40{"), f"not connected: {text!r}")

    def call(self, event):
        self.send(f'420["{event}"]')
        return self.read()[1].decode()
