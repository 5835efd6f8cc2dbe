"""Who watches over a cluster: /metrics as Prometheus reads it, /livez, /readyz; and what a stranger says to that port."""
import http.client, re, socket

from lib import DEADLINE, Topology, check, same, until

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"(?:,(?!\})|(?=\})))*)\})? (\S+)')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"')
ENDINGS = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("",), "gauge": ("",)}


def parse(text):
    """As strict as promtool: {name: (type, {labels: value})}; a family is one piece, with HELP and TYPE before its samples."""
    families, current = {}, None
    check(text.endswith("\n"), "the last line ends")
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            name, _, help_text = line[7:].partition(" ")
            check(NAME.fullmatch(name) and help_text and name not in families, f"a new family: {line}")
            current = [name, None, {}]
            families[name] = current
        elif line.startswith("# TYPE "):
            name, kind = line[7:].split(" ")
            check(current and name == current[0] and current[1] is None and kind in ENDINGS, f"a type behind its help: {line}")
            current[1] = kind
        else:
            found = SAMPLE.fullmatch(line)
            check(found, f"a sample: {line!r}")
            name, labels, value = found[1], tuple(sorted(LABEL.findall(found[2] or ""))), float(found[3])
            check(current and any(name == current[0] + end for end in ENDINGS[current[1]]), f"a sample of its family {current and current[0]}: {line}")
            check((name, labels) not in current[2], f"once: {line}")
            check(len({k for k, _ in labels}) == len(labels), f"a label once: {line}")
            check(current[1] == "gauge" or value >= 0, f"not negative: {line}")
            current[2][name, labels] = value
    for name, kind, samples in families.values():
        check((kind == "counter") == name.endswith("_total"), f"counters, and they alone, end so: {name}")
        check(not re.search(r"_(ms|millis|percent|kb)(_|$)", name), f"base units: {name}")
        if kind == "histogram":
            check_histogram(name, samples)
    return {name: (kind, samples) for name, kind, samples in families.values()}


def check_histogram(name, samples):
    of = {}
    for (sample, labels), value in samples.items():
        rest = tuple(l for l in labels if l[0] != "le")
        of.setdefault(rest, {})[sample[len(name):], dict(labels).get("le")] = value
    for labels, parts in of.items():
        buckets = sorted((float(le), value) for (end, le), value in parts.items() if end == "_bucket")
        check(buckets and buckets[-1][0] == float("inf"), f"{name}: a bucket for all")
        check(all(a[1] <= b[1] for a, b in zip(buckets, buckets[1:])), f"{name}: buckets add up")
        same(buckets[-1][1], parts["_count", None], f"{name}: its count")
        check(("_sum", None) in parts, f"{name}: its sum")


def ask(t, path, router=0, method="GET"):
    c = http.client.HTTPConnection("127.0.0.1", t.ports["metrics"] + 10 * router, timeout=DEADLINE)
    try:
        c.request(method, path)
        answer = c.getresponse()
        return answer.status, answer.read().decode(), answer.headers
    finally:
        c.close()


def value(families, name, **labels):
    kind, samples = families[name]
    wanted = set(labels.items())
    return sum(v for (_, l), v in samples.items() if wanted <= set(l))


def test_metrics_of_the_cluster_from_any_router():
    with Topology(extra="service: {stats_ms: 100}\n") as t:
        c = t.clients()
        t.connect(c, "ann")
        t.connect(c, "bob", gateway=1)
        for name in ("ann", "bob"):
            c.call(name, "join-room", {"room": "lobby"})
        for router in (0, 1):
            def whole():
                status, text, headers = ask(t, "/metrics", router)
                same((status, headers["Content-Type"]), (200, "text/plain; version=0.0.4; charset=utf-8"))
                families = parse(text)
                return families if value(families, "causeway_gateway_sockets_open") == 2 and value(families, "causeway_presence_users_online") == 2 else None
            families = until(whole, "both clients are counted")
            same(value(families, "causeway_gateway_sockets_open", role="gateway", id="gateway-1"), 1)
            same(value(families, "causeway_cluster_daemons", state="ready"), 6)
            same(families["causeway_gateway_sockets_open"][0], "gauge")
            same(families["causeway_gateway_events_in_total"][0], "counter")
            check(value(families, "causeway_process_rss_bytes", id="auth-0") > 1 << 20, "its memory")
            check(value(families, "causeway_process_cpu_user_seconds_total", id="gateway-0") > 0, "its time")


def test_live_and_ready():
    with Topology(extra="bus: {beat_ms: 100, beat_timeout_ms: 600}\n") as t:
        same(ask(t, "/livez")[:2], (200, "ok\n"))
        same(ask(t, "/readyz")[0], 200)
        same(ask(t, "/readyz/gateway-1")[:2], (200, "ready\n"))
        same(ask(t, "/readyz/gateway-9")[0], 404)
        same((ask(t, "/")[0], ask(t, "/metrics", method="POST")[0], ask(t, "/livez", method="HEAD")[:2]), (404, 405, (200, "")))
        t.tool("scale", "auth=0")
        until(lambda: ask(t, "/readyz")[0] == 503, "no auth daemon: not ready")
        check("[-] auth: none is ready" in ask(t, "/readyz", router=1)[1], "and it says why")
        same(ask(t, "/livez")[0], 200)
        t.tool("scale", "auth=1")
        until(lambda: ask(t, "/readyz")[0] == 200, "ready again")


def test_strangers_at_the_door():
    with Topology(extra="service: {stats_ms: 100}\n") as t:
        port = t.ports["metrics"]
        rubbish = [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET / HTTP/9.9\r\n\r\n", b"\r\n\r\n\r\n\r\n", b"GET /metrics HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                   b"GET " + b"/" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /metrics HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 100 + b"\r\n",
                   b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", b"\x00" * 10000, b"DELETE /metrics HTTP/1.1\r\nHost: x\r\n\r\n"]
        for bytes_ in rubbish:
            with socket.create_connection(("127.0.0.1", port), DEADLINE) as s:
                s.sendall(bytes_)
                answer = b""
                try:
                    while more := s.recv(65536):
                        answer += more
                except ConnectionResetError:
                    pass
                check(not answer or re.match(rb"HTTP/1\.1 4\d\d |HTTP/1\.1 505 ", answer), f"refused and closed: {bytes_[:40]!r}: {answer[:60]!r}")
        # More at once than it has room for: those beyond are closed, and when the others go there is room again.
        held = [socket.create_connection(("127.0.0.1", port), DEADLINE) for _ in range(40)]
        closed = 0
        for s in held:
            s.settimeout(0.05)
            try:
                closed += s.recv(1) == b""
            except TimeoutError:
                pass
        same(closed, 8)
        for s in held:
            s.close()
        until(lambda: quiet(lambda: ask(t, "/livez")[0]) == 200, "room again")
        same(sum(d.get("probes.refused", 0) > 0 for d in t.stats().values()), 1)


def quiet(probe):
    try:
        return probe()
    except (OSError, http.client.HTTPException):
        return None
