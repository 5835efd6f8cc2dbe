"""What scenarios share: a topology of real daemons, real clients, and waiting for what should come.

A scenario is a file tests/scenario/NAME.py with functions test_*(t), run by tests/run. It waits for
readiness and for events, never for time to pass; a deadline only ends what would hang.
"""
import base64, calendar, hashlib, hmac, itertools, json, os, pathlib, re, shutil, signal, socket, subprocess, sys, tempfile, threading, time

import zmq

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
import wire         # the daemons' own format, for who does as if he were one
BUILD = pathlib.Path(os.environ.get("TEST_BUILD", ROOT / "build" / "asan"))
RELEASE = pathlib.Path(os.environ.get("TEST_RELEASE", ROOT / "build"))      # as it is shipped: where memory or time is measured
CLIENT = ROOT / "tests" / "client"
DEADLINE = float(os.environ.get("TEST_DEADLINE", "30"))


class Failed(Exception):
    pass


ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z").fullmatch


def is_now(text):
    """A time as Date.toISOString writes it, of this minute."""
    return bool(ISO(text)) and abs(calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) - time.time()) < 60


def check(condition, what="check"):
    if not condition:
        raise Failed(what)


def same(got, want, what=""):
    if got != want:
        raise Failed(f"{what}: got {got!r}, want {want!r}")


def until(probe, what, deadline=DEADLINE, every=0.02):
    """The first true value of probe(); a file or a counter has no event to wait for."""
    end = time.monotonic() + deadline
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > end:
            raise Failed(f"not within {deadline:g} s: {what}")
        threading.Event().wait(every)


def environment(**more):
    """For our programs: sanitizers that speak up, and no CAUSEWAY_ variable but those given, since they set configuration keys."""
    mine = {k: v for k, v in os.environ.items() if not k.startswith("CAUSEWAY_")}
    return {**mine, "ASAN_OPTIONS": "detect_leaks=1:exitcode=99", "UBSAN_OPTIONS": "print_stacktrace=1", **more}


def free_ports(count):
    """A stretch of ports that nobody listens on. Runs side by side begin to look at different ones."""
    stretches = range(20000, 32000 - count, count)
    first = os.getpid() * 37 % len(stretches)
    for base in (*stretches[first:], *stretches[:first]):
        held = []
        try:
            for port in range(base, base + count):
                s = socket.socket()
                held.append(s)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)     # connections that were closed a minute ago are nobody
                s.bind(("127.0.0.1", port))
            return base
        except OSError:
            continue
        finally:
            for s in held:
                s.close()
    raise Failed("no free ports")


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Topology:
    """A running topology: its file, its state directory and its command line tool.

    tls: its listener speaks TLS. secure: another one does, 50 ports further on. packed: one more, 70 ports on, is for socket.io-msgpack-parser.
    listener: more keys of each, as {...} has them.
    step: of the gateways' ports; 0: they share one.
    app: an application of topology/apps/, with the listener of its name as its file has it, but for the port.
    build: whose programs."""

    def __init__(self, name="scenario", extra="", tls=False, secure=False, packed=False, listener="", step=1, source=None, rules=ROOT / "topology/apps/chat.yaml", app=None, build=BUILD, **counts):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="cw-"))
        self.state = self.dir / "s"
        self.base = free_ports(400)
        counts = {"router": 2, "gateway": 2, "presence": 1, "auth": 1, **counts}
        self.tls, self.step, self.build = tls, step, build
        self.secure = secure or tls
        if self.secure:
            self.certificate()
        ports = {"publish_pull": 100, "publish_sub": 101, "command": 102, "worker": 103, "feed": 104, "stats": 105, "metrics": 106}
        self.ports = {plane: self.base + offset for plane, offset in ports.items()}
        instances = "".join(f"  {role}: {n}\n" for role, n in counts.items())
        planes = "".join(f"  {plane}: {{port: {port}}}\n" for plane, port in self.ports.items())
        certificate = f", tls: {{certificate: {self.dir}/cert.pem, key: {self.dir}/key.pem}}"
        keys = f"address: 127.0.0.1, port_step: {step}, client_dir: {CLIENT}/node_modules/socket.io-client/dist{listener and ', ' + listener}"
        if app:
            rules = ROOT / f"topology/apps/{app}.yaml"
        else:
            keys += ", origins: ['*']"
        listeners = f"  {app or 'public'}: {{port: {self.base}, {keys}{certificate if tls else ''}}}\n"
        if secure:
            listeners += f"  secure: {{port: {self.base + 50}, {keys}{certificate}}}\n"
        if packed:
            listeners += f"  packed: {{port: {self.base + 70}, {keys.replace('allow_eio3: true', 'allow_eio3: false')}, parser: msgpack}}\n"
        self.file = self.dir / "topology.yaml"
        self.file.write_text(source.format(base=self.base, dir=self.dir, **self.ports) if source else
            f"name: {name}\ninclude: {rules}\ninstances:\n{instances}"
            f"listeners:\n{listeners}"
            f"auth:\n  keys:\n    - {{kind: secret, file: '{{state}}/demo.secret', algorithms: [HS256]}}\n"
            f"presence: {{redis: private}}\nrouter:\n{planes}{extra}")
        self.env = environment()
        self.context = zmq.Context()
        self.drivers = []

    def certificate(self):
        """Makes one, or a new one."""
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                        "-keyout", self.dir / "key.pem", "-out", self.dir / "cert.pem"], check=True, capture_output=True)

    def tool(self, *words, ok=True, timeout=60, stdin=None):
        done = subprocess.run([self.build / "causeway", *words, "--state", str(self.state)], capture_output=True, text=True, env=self.env, timeout=timeout, input=stdin)
        if ok and done.returncode != 0:
            raise Failed(f"causeway {' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}{self.logs()}")
        return done

    def __enter__(self):
        try:
            self.tool("up", str(self.file), timeout=120)
        except BaseException:
            self.tool("down", ok=False)
            raise
        return self

    def __exit__(self, kind, *_):
        for driver in self.drivers:
            driver.stop()
        self.context.destroy(linger=0)
        done = self.tool("down", ok=False, timeout=120)
        logs = self.logs()
        if kind is None:
            check(done.returncode == 0, f"down: exit {done.returncode}\n{done.stdout}{done.stderr}\n{logs}")
            check("ERROR: AddressSanitizer" not in logs and "runtime error" not in logs and "LeakSanitizer" not in logs, "a sanitizer spoke:\n" + logs)
        if kind and os.environ.get("TEST_KEEP"):
            print(f"logs in {self.state}/log")
        else:
            shutil.rmtree(self.dir, ignore_errors=True)

    def logs(self, lines=25):
        """What the daemons said last; sanitizers first, since who keeps a log of a failure may cut its end."""
        spoke, text = "", ""
        for log in sorted(self.state.glob("log/*.log")):
            content = log.read_text(errors="replace")
            found = re.search(r"^(==\d+==|.*runtime error:)", content, re.M)
            if found:
                spoke += f"--- {log.name}, a sanitizer\n{content[found.start():][:6000]}\n"
            text += f"--- {log.name}\n" + "\n".join(content.splitlines()[-lines:]) + "\n"
        return spoke + text

    def status(self):
        done = self.tool("status", "--json", ok=False)
        value = json.loads(done.stdout)
        return value if isinstance(value, list) else value["daemons"]

    def daemon(self, name):
        return next((d for d in self.status() if d["id"] == name), None)

    def pids(self):
        return {d["id"]: d["pid"] for d in self.status()}

    def url(self, gateway=0, secure=False, packed=False):
        gateway = gateway * self.step + 70 * packed
        return f"https://localhost:{self.base + 50 * secure + gateway}" if self.tls or secure else f"http://127.0.0.1:{self.base + gateway}"

    def endpoint(self, plane, router=0):
        return f"tcp://127.0.0.1:{self.ports[plane] + 10 * router}"

    def token(self, user, **claims):
        secret = (self.state / "demo.secret").read_bytes().rstrip(b"\n")
        head = b64(b'{"alg":"HS256","typ":"JWT"}')
        now = int(time.time())
        body = b64(json.dumps({"sub": user, "username": user.capitalize() if isinstance(user, str) else str(user), "iat": now, "exp": now + 3600, **claims}).encode())
        return f"{head}.{body}." + b64(hmac.new(secret, f"{head}.{body}".encode(), hashlib.sha256).digest())

    # ---- ZeroMQ

    def socket(self, kind, plane, router=0, **options):
        s = self.context.socket(kind)
        s.linger = 1000
        s.rcvtimeo = int(DEADLINE * 1000)
        for option, value in options.items():
            setattr(s, option, value)
        s.connect(self.endpoint(plane, router))
        return s

    def command(self, request, router=0, *attachments):
        with self.socket(zmq.REQ, "command", router) as s:
            s.send_multipart([json.dumps(request).encode(), *attachments])
            return json.loads(s.recv())

    def redis(self, *words):
        """What its private Redis answers, line by line."""
        done = subprocess.run(["redis-cli", "-s", self.state / "redis.sock", *map(str, words)], capture_output=True, text=True, timeout=DEADLINE)
        return done.stdout.splitlines() if done.stdout.strip() else []

    def stats(self, router=0, wanted="counters"):
        """The last counters of every daemon, as a late subscriber gets them at once; 'listeners' and 'ports': of gateways."""
        ids = {d["id"] for d in self.command({"topology": True}, router)["daemons"] if wanted == "counters" or d["role"] == "gateway"}
        found = {}
        with self.socket(zmq.SUB, "stats", router) as s:
            s.subscribe(b"stats.")
            until_time = time.monotonic() + DEADLINE
            while ids - set(found):
                topic, value = s.recv_multipart()
                _, _, name, kind = topic.decode().split(".")
                if kind == wanted:
                    found[name] = json.loads(value)
                check(time.monotonic() < until_time, f"no stats of {ids - set(found)}")
        return found

    # ---- clients

    def clients(self, words=("node", "driver.mjs"), **env):
        trust = {"NODE_EXTRA_CA_CERTS": str(self.dir / "cert.pem")} if self.secure else {}
        driver = Driver({**os.environ, **trust, **env}, words)
        self.drivers.append(driver)
        return driver

    def connect(self, driver, name, gateway=0, transports=("websocket",), user=None, quiet=(), secure=False, **opts):
        driver.do("connect", id=name, url=self.url(gateway, secure), quiet=list(quiet),
                  opts={"transports": list(transports), "auth": {"token": self.token(user or name)}, **opts})
        return driver.expect(name, "connect")


class Driver:
    """A Node process with socket.io-client sockets in it (tests/client/driver.mjs), or a Python one with python-socketio's
    (driver.py). Several threads may use one."""

    def __init__(self, env, words=("node", "driver.mjs")):
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env, cwd=CLIENT)
        self.saying = threading.Lock()
        self.seen, self.arrived = [], threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()
        self.expect(None, "ready")

    def _read(self):
        for line in self.process.stdout:
            with self.arrived:
                self.seen.append(json.loads(line))
                self.arrived.notify_all()

    def do(self, what, **fields):
        with self.saying:
            self.process.stdin.write(json.dumps({"do": what, **fields}) + "\n")
            self.process.stdin.flush()

    def expect(self, name, event, match=lambda line: True, deadline=DEADLINE):
        """The first line of that client and event (not yet taken) that matches; it is taken."""
        end = time.monotonic() + deadline
        with self.arrived:
            while True:
                for i, line in enumerate(self.seen):
                    if line.get("id") == name and line["event"] == event and match(line):
                        return self.seen.pop(i)
                left = end - time.monotonic()
                if left <= 0 or not self.arrived.wait(left):
                    raise Failed(f"{name}: no '{event}' within {deadline:g} s; seen: {json.dumps(self.seen)[:2000]}")

    def got(self, name, event):
        with self.arrived:
            return [line for line in self.seen if line.get("id") == name and line["event"] == event]

    def emit(self, name, event, *args):
        self.do("emit", id=name, event=event, args=list(args))

    acks = itertools.count(1)

    def call(self, name, event, *args, **fields):
        ack = next(Driver.acks)
        self.do("emit", id=name, event=event, args=list(args), ack=ack, **fields)
        return self.expect(name, "ack", lambda line: line["ack"] == ack)["args"]

    def answer(self, name, event, *args):
        """From here on that client acknowledges that event so."""
        ref = next(Driver.acks)
        self.do("answer", id=name, event=event, args=list(args), ref=ref)
        self.expect(name, "will answer", lambda line: line["ref"] == ref)

    def count(self, name, event):
        ref = next(Driver.acks)
        self.do("count", id=name, of=event, ref=ref)
        line = self.expect(name, "counted", lambda line: line["ref"] == ref)
        return line["count"], line["disorder"]

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()


class Browser:
    """A Node process that drives Chromium (tests/client/browser.mjs, bundles.mjs): JSON line by line, both ways. With it go
    Chromium's own processes, which are in its session."""

    def __init__(self, *words):
        self.process = subprocess.Popen(["node", *words], cwd=CLIENT, text=True, start_new_session=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()

    def tell(self, what):
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()

    def lines(self):
        return map(json.loads, self.process.stdout)

    def complaint(self):
        return self.process.stderr.read()[-3000:]


def kill(pid, sig=signal.SIGKILL):
    os.kill(pid, sig)
