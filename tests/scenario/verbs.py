"""Every verb of the command socket, with good and bad values of each of its fields, from Python and from Node.

The cases are made of the verbs' own table ('causeway config verbs --json'): a new verb is tried without anybody adding it
here; a new type has to say below what is good and what is bad of it."""
import base64, json, subprocess

import zmq

from lib import BUILD, CLIENT, Topology, check, same, until

LONG = "x" * 300
NO_TEXT = [7, True, None, [], {}]
NO_ADDRESS = ["", "lobby", "user:", "nobody:1", "user:" + "x" * 600, 7, True, None, {}]
NO_NAMESPACE = ["", "chat", "/a,b", "/a\\b", "/" + LONG, *NO_TEXT]

# type: values that are taken, values that are refused
TYPES = {
    "EVENT":     (["news", 7], ["", LONG, "connect", "disconnect", 7.5, -1, True, None, [], {}]),
    "NSP":       (["/", "/other"], [*NO_NAMESPACE, "*"]),
    "NSPS":      (["/", "*"], NO_NAMESPACE),
    "NSP_ANY":   (["/", "*"], NO_NAMESPACE),
    "ADDRESS":   (["room:nobody", "user:nobody"], [*NO_ADDRESS, []]),
    "ADDRESSES": (["room:nobody", ["user:nobody", "socket:x"]], [*NO_ADDRESS, [], ["lobby"], ["*", 7], ["*"] * 1001]),
    "ROOMS":     (["vip", ["a", "b"]], ["", "x" * 600, "a\0b", [], [""], [7], 7, True, None, {}]),
    "ARRAY":     ([[], [1, {"a": None}]], [{}, "x", 7, True, None]),
    "BOOL":      ([True, False], ["true", 1, None, [], {}]),
    "MS":        ([200], [0, -1, 1.5, 60001, 10 ** 30, "1s", True, None, [], {}]),
    "COUNT":     ([1, 1000], [0, -1, 1.5, 1001, "1", True, None, [], {}]),
    "TEXT":      (["x"], ["", LONG, *NO_TEXT]),
    "PREFIX":    (["", "x"], [LONG, *NO_TEXT]),
    "USER":      ([42, "ann"], ["", LONG, True, None, [], {}]),
    "USERS":     ([42, "ann", [1, "2"], []], ["", LONG, True, None, {}, [True], [[]], [1] * 1001]),
    "IDS":       ([42, "ann", [1, "2"], []], ["", LONG, True, None, {}, [True], [[]], [1] * 10001]),
    "DAEMON":    (["gateway-0"], ["", "gateway", "nobody-1", "gateway-99999999", *NO_TEXT]),
    "NETWORK":   (["127.0.0.1", "10.0.0.0/8", "::1"], ["", "here", "10.0.0.0/64", *NO_TEXT]),
    "FIELDS":    ([["id", "user"]], [[], ["nope"], [7], "id", 7, True, None, {}]),
    "REVOKED":   (["user:nobody", ["token:x", "user:y"]], ["", "nobody", "room:x", "user:", "token:", "**", [], ["x"], [7], 7, True, None, {}]),
    "SECONDS":   ([4102444800], [0, -1, 1.5, 10 ** 18, "1", True, None, [], {}]),
    "ANY":       ([True, None, 7, "x", [], {"a": 1}], ["x" * 2000]),
}
# What is good of a verb, but not to be done in the middle of a test; and what else a request needs to be taken.
SUBJECTS = {"drain": ["auth-77"]}
WITH = {"revoke": {"before": 1}}


def table():
    done = subprocess.run([BUILD / "causeway", "config", "verbs", "--json"], capture_output=True, text=True, check=True)
    verbs = json.loads(done.stdout)
    for v in verbs:
        for name in [v["subject"], *(f["type"] for f in v["fields"])]:
            check(name in TYPES, f"'{v['verb']}' has a field of type {name}: say in TYPES what is good and what is bad of it")
    return verbs


def minimal(verb):
    """The least that is a whole request."""
    request = {verb["verb"]: SUBJECTS.get(verb["verb"], TYPES[verb["subject"]][0])[0]}
    request.update({f["name"]: TYPES[f["type"]][0][0] for f in verb["fields"] if f["need"] == "REQUIRED"})
    return {**request, **WITH.get(verb["verb"], {})}


def cases(verbs):
    """(what, frames, error code or None: it is taken, field)"""
    def one(what, request, code=None, field="", *more):
        return what, [json.dumps(request).encode(), *more], code, field

    all_fields = sorted({f["name"] for v in verbs for f in v["fields"]})
    for v in verbs:
        name, least, own = v["verb"], minimal(v), {f["name"] for f in v["fields"]}
        yield one(f"{name}: least", {**least, "ref": name})
        for good in SUBJECTS.get(name, TYPES[v["subject"]][0]):
            yield one(f"{name}: {good!r}", {**least, name: good})
        for bad in TYPES[v["subject"]][1]:
            yield one(f"{name}: {bad!r}"[:80], {**least, name: bad}, "wrong-type", name)
        for f in v["fields"]:
            for good in TYPES[f["type"]][0]:
                yield one(f"{name}.{f['name']}: {good!r}", {**least, f["name"]: good})
            for bad in TYPES[f["type"]][1]:
                yield one(f"{name}.{f['name']}: {bad!r}"[:80], {**least, f["name"]: bad}, "wrong-type", f["name"])
            if f["need"] == "REQUIRED":
                without = {k: value for k, value in least.items() if k != f["name"]}
                yield one(f"{name} without {f['name']}", without, "missing-field", f["name"])
        for strange in ["nope", "", "é", "Emit", *(f for f in all_fields if f not in own)]:
            if strange not in least:
                yield one(f"{name} with {strange!r}", {**least, strange: 1}, "unknown-field", strange)
        other = next(w["verb"] for w in verbs if w["verb"] != name and w["verb"] not in least)
        yield one(f"{name} and {other}", {**least, other: True}, "two-verbs", other)
        yield one(f"{name} with a frame too many", least, "bad-frames", "args" if name == "emit" else name, b"surplus")
        headed = {k: value for k, value in least.items() if k != "to"}
        if "to" in own:
            yield f"{name} with its address in a frame", [b"room:nobody", json.dumps(headed).encode()], None, ""
            yield f"{name} with two addresses", [b"room:nobody", json.dumps({**headed, "to": "*"}).encode()], "two-addresses", "to"
        else:
            yield f"{name} with an address", [b"room:nobody", json.dumps(headed).encode()], "unknown-field", "to"
        yield f"{name} as J", [b"J" + json.dumps(least).encode()], None, ""
        yield f"{name} cut short", [json.dumps(least).encode()[:-1]], "bad-json", ""
        yield f"{name} in no UTF-8", [json.dumps(least).encode()[:-1] + b',"ref":"\xff"}'], "bad-json", ""
        yield one(f"{name} too large", {**least, "ref": "x" * (2 << 20)}, "too-large", "")
    for what, frames, code in (("nothing", [b""], "bad-json"), ("blank", [b" "], "bad-json"), ("a number", [b"7"], "bad-json"), ("no verb", [b"{}"], "unknown-verb"),
                               ("a strange verb", [b'{"shout":"x","to":"*"}'], "unknown-verb"), ("frames and frames", [b"{}"] * 70, "bad-frames"),
                               ("no address", [b"lobby", b'{"emit":"x"}'], "bad-address"), ("a tnetstring", [b"T4:true!"], "bad-json"),
                               ("deep", [b'{"emit":"x","to":"*","args":' + b"[" * 100 + b"]" * 100 + b"}"], "bad-json"),
                               ("an empty list", [b"[]"], "bad-json"), ("a long list", [b"[" + b"7," * 1001 + b"7]"], "too-many")):
        yield what, frames, code, "to" if code == "bad-address" else ""


def judge(what, answer, code, field):
    same("ok" in answer, True, what)
    error = answer.get("error") or {"code": None, "field": None}
    if code is None:
        check(answer["ok"] or error["code"] in ("unknown-daemon", "too-many"), f"{what}: {answer}")
    else:
        same((answer["ok"], error["code"], error["field"], bool(error["message"])), (False, code, field, True), what)


def through_python(t, all_cases, router):
    with t.socket(zmq.REQ, "command", router) as s:
        for what, frames, code, field in all_cases:
            s.send_multipart(frames)
            judge(f"REQ, {what}", json.loads(s.recv_multipart()[0]), code, field)


def through_node(t, all_cases, kind):
    lines = "".join(json.dumps({"frames": [base64.b64encode(f).decode() for f in frames]}) + "\n" for _, frames, _, _ in all_cases)
    done = subprocess.run(["node", "verbs.mjs", t.endpoint("command"), kind], cwd=CLIENT, input=lines, capture_output=True, text=True, timeout=120)
    answers = done.stdout.splitlines()
    same((done.returncode, len(answers)), (0, len(all_cases)), done.stderr[-500:])
    for (what, _, code, field), answer in zip(all_cases, answers):
        judge(f"Node {kind}, {what}", json.loads(answer), code, field)


def test_every_field_of_every_verb():
    with Topology() as t:
        c = t.clients()
        t.connect(c, "ann")
        verbs = table()
        all_cases = list(cases(verbs))
        check(len(all_cases) > 50 * len(verbs), len(all_cases))
        before = t.pids()
        for router in (0, 1):
            through_python(t, all_cases, router)
        # A DEALER that leaves out the empty frame: its first frame must be told from an envelope, so none that begins with neither.
        plain = [case for case in all_cases if case[1][0][:1] in (b"{", b"[", b"J")]
        through_node(t, plain, "DEALER")
        through_node(t, all_cases, "REQ")
        same(t.pids(), before, "none was fatal")
        check(t.command({"health": True})["complete"], "all are there")
        t.command({"emit": "end", "to": "user:ann"})
        c.expect("ann", "end")


def test_batches_of_bad_requests():
    """All of them in lists: each member has the answer that it has alone."""
    with Topology(router=1, gateway=1) as t:
        alone = [case for case in cases(table()) if case[2] and len(case[1]) == 1 and case[1][0][:1] == b"{" and case[2] not in ("bad-json", "too-large")]
        for at in range(0, len(alone), 200):
            part = alone[at:at + 200]
            with t.socket(zmq.REQ, "command") as s:
                s.send(b"[" + b",".join(frames[0] for _, frames, _, _ in part) + b"]")
                answers = s.recv_json()
            same(len(answers), len(part))
            for (what, _, code, field), answer in zip(part, answers):
                judge(f"in a list, {what}", answer, code, field)


def test_frames_over_the_limit_cost_their_connection():
    with Topology(router=1, gateway=1) as t:
        with t.socket(zmq.DEALER, "command", linger=0) as s:
            s.send(b'{"emit":"x","to":"*","args":["' + b"x" * (5 << 20) + b'"]}')
            same(s.poll(300), 0, "no answer")
        until(lambda: t.command({"topology": True})["ok"], "others are served")


def narrowed(**lists):
    """A topology whose command socket has these allow-lists."""
    t = Topology(router=1, gateway=1)
    words = ", ".join(f"{name}: {json.dumps(values)}" for name, values in lists.items())
    t.file.write_text(t.file.read_text().replace("  command: {port:", f"  command: {{{words}, port:"))
    return t


def denied(t, request):
    return t.command(request).get("error", {}).get("code") == "not-allowed"


def test_allow_lists_of_namespaces():
    """One that is not listed is refused, whatever the verb; a verb that names none needs all of them, if it does more than look at daemons."""
    with narrowed(namespaces=["/"]) as t:
        for v in table():
            nsp = next((f["type"] for f in v["fields"] if f["name"] == "nsp"), None)
            same(denied(t, minimal(v)), v["verb"] not in ("health", "topology") and nsp not in ("NSP", "NSPS"), v["verb"])
            if nsp:
                same((denied(t, {**minimal(v), "nsp": "/"}), denied(t, {**minimal(v), "nsp": "/other"})), (False, True), v["verb"])
            if nsp in ("NSPS", "NSP_ANY"):
                same(denied(t, {**minimal(v), "nsp": "*"}), True, v["verb"])


def test_allow_lists_of_verbs():
    with narrowed(verbs=["topology", "online"]) as t:
        for v in table():
            same(denied(t, minimal(v)), v["verb"] not in ("topology", "online"), v["verb"])
        answers = t.command([{"online": []}, {"emit": "x", "to": "*"}])
        same([a["ok"] for a in answers], [True, False])
