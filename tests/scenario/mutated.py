"""Topology files that somebody damaged: said where and what, never a crash, and nothing is started."""
import concurrent.futures, os, pathlib, random, re, shutil, subprocess, tempfile

from lib import BUILD, ROOT, check, environment, same

COUNT = 300
SEED = int(os.environ.get("MUTATED_SEED") or int.from_bytes(os.urandom(4), "big"))
PLACE = re.compile(r"^\S+:\d+:\d+: \S", re.M)


def causeway(directory, *words):
    return subprocess.run([BUILD / "causeway", *words, "--state", directory / "s"], capture_output=True, env=environment(), timeout=60)


def mutate(r, data):
    lines = data.split(b"\n")
    for _ in range(r.choice((1, 1, 1, 2, 5))):
        at, way = r.randrange(len(lines)), r.randrange(9)
        if way == 0:
            del lines[at:at + r.choice((1, 1, 4))]
        elif way == 1:
            lines[at:at] = lines[at:at + r.choice((1, 6))]
        elif way == 2 and b":" in lines[at]:
            lines[at] = lines[at].split(b":")[0] + b": " + r.choice((b"-1", b"99999999999999999999", b"1e9", b"{}", b"[]", b"[[[[", b"*a", b"&a [*a]", b"!!binary x", b"\"", b"'", b"\\x", b"|", b"null",
                                                                      b"yes", b"{a: {b: {c: {}}}}", b"", b"{state}", b"../../../../etc/passwd", b"/dev/zero", b"a" * 5000, b"\xe2\x98\x83", b"\xff"))
        elif way == 3:
            lines[at] = b" " * r.randrange(9) + lines[at].lstrip()
        elif way == 4:
            lines[at] = lines[at].replace(r.choice((b":", b"-", b"{", b"}", b",", b"\"")), r.choice((b"", b"\t", b"::", b"?")), 1)
        elif way == 5:
            lines = lines[:at + 1]
        elif way == 6:
            lines[at:at] = [r.choice((b"---", b"...", b"%YAML 9", b"<<: *x", b"? a", b"include: t.yaml", b"include: [t.yaml, apps/chat.yaml]", b"\t", b"{", b"name: x", b"- 1"))]
        elif lines[at]:
            line = bytearray(lines[at])
            for _ in range(r.choice((1, 3))):
                line[r.randrange(len(line))] = r.randrange(256)
            lines[at] = bytes(line)
        if not lines:
            lines = [b""]
    return b"\n".join(lines)


def test_mutated_topologies():
    with tempfile.TemporaryDirectory(prefix="cw-mutated-") as name:
        home = pathlib.Path(name)
        files = {n: (ROOT / "topology" / n).read_bytes().replace(b"../gateway/www", str(ROOT / "gateway/www").encode()) for n in ("local.yaml", "cluster.yaml", "apps/chat.yaml")}

        def one(i):
            r = random.Random(f"{SEED} {i}")
            there = home / str(i)
            (there / "apps").mkdir(parents=True)
            victim = r.choice(list(files))
            for n, data in files.items():
                (there / n).write_bytes(mutate(r, data) if n == victim else data)
            done = causeway(there, "config", "check", there / r.choice(("local.yaml", "cluster.yaml")))
            text = (done.stdout + done.stderr).decode(errors="replace")
            what = f"MUTATED_SEED={SEED}, number {i}, {victim}: exit {done.returncode}\n{text[-3000:]}"
            check(done.returncode in (0, 100) and "Sanitizer" not in text and "runtime error" not in text, what)
            if done.returncode:
                check(PLACE.search(text), "an error names file, line and column: " + what)
                check(text.isprintable() or not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text), "no control characters come out: " + what)
            check(not (there / "s").exists(), "nothing is made by looking: " + what)
            shutil.rmtree(there)
            return done.returncode

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            codes = list(pool.map(one, range(COUNT)))
        check(codes.count(100) > COUNT / 4 and codes.count(0) > COUNT / 50, f"some are bad, some are not: {codes.count(100)} of {COUNT} are")


GOOD = "listeners: {{public: {{}}}}\n"
MISTAKES = [        # the file, where it says what
    ("include: nowhere.yaml\n", "1:1: include: {dir}/nowhere.yaml: No such file or directory"),
    ("include: t.yaml\n" + GOOD, "t.yaml:1:1: include: "),
    (GOOD + "lisners: {{}}\n", "2:1: lisners: there is no such key; did you mean 'listeners'?"),
    (GOOD + "router:\n  histry_bytes: 1M\n", "3:3: router.histry_bytes: there is no such key; did you mean 'history_bytes'?"),
    (GOOD + "router:\n  history_bytes: lots\n", "3:3: router.history_bytes: 'lots' is not allowed here; it must be a size (65536, 64k, 1M, 1MiB) from 0 to 4294967295"),
    (GOOD + "bus: {{transport: smoke}}\n", "2:7: bus.transport: 'smoke' is not allowed here"),
    (GOOD + "instances: {{router: 0}}\n", "2:13: instances.router: '0' is not allowed here; it must be a whole number from 1 to 64"),
    (GOOD + "bus: {{transport: tcp, address: 0.0.0.0}}\n", "2:23: bus.address: 0.0.0.0 is not loopback: 'curve: true' is needed"),
    (GOOD + "router:\n  command: {{address: 192.0.2.1}}\n", "3:13: router.command.address: 192.0.2.1 is not loopback: 'keys' (CURVE public keys that may connect) are needed"),
    (GOOD + "auth:\n  keys:\n    - {{kind: secret, file: nowhere.secret, algorithms: [HS256]}}\n", "4:22: auth.keys.0.file: {dir}/nowhere.secret: No such file or directory"),
    ("listeners: {{public: {{tls: {{certificate: nowhere.pem, key: nowhere.pem}}}}}}\n", "listeners.public.tls.certificate: {dir}/nowhere.pem: No such file or directory"),
    (GOOD + "a: [1, 2\n", "3:1: "),
    (GOOD + "name: \"\\x00\"\n", "2:7: a text may not hold a NUL character"),
    (GOOD + "namespaces:\n  /:\n    identity: none\n    events: {{x: {{emit: {{to: bob, event: y}}}}}}\n", "5:25: namespaces./.events.x.emit.to: 'bob' is no address"),
]


def test_mistakes_are_named():
    with tempfile.TemporaryDirectory(prefix="cw-mistake-") as name:
        home = pathlib.Path(name)
        for text, want in MISTAKES:
            (home / "t.yaml").write_text(text.format(dir=home))
            for command in (("config", "check"), ("up",)):
                done = causeway(home, *command, home / "t.yaml")
                said = done.stderr.decode()
                same(done.returncode, 100, f"{command} {text}: {said}")
                check(want.format(dir=home) in said and PLACE.search(said), f"{command}\n{text}\nsaid {said}\nwant {want.format(dir=home)}")
                check(not (home / "s").exists(), f"{command} started something: {text}")
        (home / "t.yaml").write_text(GOOD.format() + "presence: {redis: none}\n")
        done = subprocess.run([BUILD / "causeway", "config", "check", home / "t.yaml"], capture_output=True, text=True,
                              env=environment(CAUSEWAY_ROUTER_HISTRY_BYTES="1M", CAUSEWAY_INSTANCES_ROUTER="many"))
        same(done.returncode, 100, done.stderr)
        check("did you mean CAUSEWAY_ROUTER_HISTORY_BYTES?" in done.stderr and "CAUSEWAY_INSTANCES_ROUTER: instances.router: 'many' is not allowed here" in done.stderr, done.stderr)
