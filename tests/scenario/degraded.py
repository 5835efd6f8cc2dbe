"""Somebody is missing: what goes on, what waits, who is named; and what is changed while all run: certificates, keys, rules."""
import pathlib, signal, ssl, tempfile

from lib import ROOT, Topology, check, kill, same, until

QUICK = "bus: {beat_ms: 100ms, beat_timeout_ms: 1500ms}\nservice: {stats_ms: 100}\n"


def people(t, c, **quiet):
    for name, gateway in (("ann", 0), ("bob", 1)):
        t.connect(c, name, gateway=gateway, **quiet)
        same(c.call(name, "join-room", {"room": "lobby"}), [{"success": True, "room": "lobby"}])


def talk(c, who, reader, text):
    same(c.call(who, "room-message", {"room": "lobby", "message": text}), [{"success": True}])
    c.expect(reader, "room-message", lambda l: l["args"][0]["message"] == text)


def health(t):
    return {d["id"]: d for d in t.command({"health": True, "timeout": 500})["daemons"]}


def degraded(t, names, why):
    def says():
        told = health(t)
        return all(n in told and told[n]["status"] == "degraded" and any(why in w for w in told[n]["why"]) for n in names)
    until(says, f"health of {names}: {why}")


def well(t):
    until(lambda: (lambda h: h["complete"] and all(d["status"] == "ok" for d in h["daemons"]))(t.command({"health": True})), "all is well")


def test_auth_hangs():
    with Topology(extra=QUICK) as t:
        c = t.clients()
        people(t, c)
        auth = t.pids()["auth-0"]
        kill(auth, signal.SIGSTOP)
        answer = t.command({"health": True, "timeout": 300})
        same((answer["complete"], answer["missing"]), (False, ["auth-0"]), "named at once")
        talk(c, "ann", "bob", "without auth")
        for gateway in (0, 1):
            c.do("connect", id=f"late{gateway}", url=t.url(gateway), opts={"transports": ["websocket"], "auth": {"token": t.token("late")}})
        degraded(t, ["gateway-0", "gateway-1"], "no auth daemon")
        talk(c, "bob", "ann", "still")
        same(c.got("late0", "connect") + c.got("late1", "connect") + c.got("late0", "connect_error") + c.got("late1", "connect_error"), [], "they wait")
        kill(auth, signal.SIGCONT)
        for gateway in (0, 1):
            c.expect(f"late{gateway}", "connect")
        well(t)
        same(t.daemon("auth-0")["restarts"], 0)


def test_no_auth_at_all():
    """Scaled to none, and to one again."""
    with Topology(extra=QUICK) as t:
        c = t.clients()
        people(t, c)
        t.tool("scale", "auth=0")
        c.do("connect", id="late", url=t.url(), opts={"transports": ["websocket"], "auth": {"token": t.token("late")}})
        degraded(t, ["gateway-0", "gateway-1"], "no auth daemon")
        talk(c, "ann", "bob", "without auth")
        t.tool("scale", "auth=1")
        c.expect("late", "connect")
        well(t)


def test_presence_hangs():
    with Topology(extra=QUICK + "namespaces: {/few: {max_connections_per_user: 1}}\n") as t:
        t.file.write_text(t.file.read_text().replace("presence: {redis: private}", "presence: {redis: private, wait_ms: 500ms}"))
        t.tool("down")
        t.tool("up", str(t.file), timeout=120)
        c = t.clients()
        people(t, c)
        presence = t.pids()["presence-0"]
        kill(presence, signal.SIGSTOP)
        answer = t.command({"who": "", "timeout": 300})
        same((answer["complete"], answer["missing"]), (False, ["presence-0"]), "named at once")
        for moment in ("asked in vain", "not in the roster"):
            talk(c, "ann", "bob", moment)
            name = moment.replace(" ", "-")
            t.connect(c, name, gateway=1)
            c.call(name, "join-room", {"room": "lobby"})
            talk(c, name, "ann", f"{name} is in")
            c.do("connect", id="few", url=t.url() + "/few", opts={"transports": ["websocket"], "auth": {"token": t.token("few")}})
            same(c.expect("few", "connect_error")["message"], "presence is not available", "where a limit stands nobody gets in")
            degraded(t, ["gateway-0", "gateway-1"], "no presence daemon")
        kill(presence, signal.SIGCONT)
        well(t)
        until(lambda: {u["user"] for u in t.command({"who": ""})["users"]} == {"ann", "bob", "asked-in-vain", "not-in-the-roster"}, "who came meanwhile is known")
        for name in ("asked-in-vain", "not-in-the-roster"):
            c.expect("ann", "user-online", lambda l: l["args"][0]["userId"] == name)
        c.do("connect", id="few1", url=t.url() + "/few", opts={"transports": ["websocket"], "auth": {"token": t.token("few")}})
        c.expect("few1", "connect")
        c.do("connect", id="few2", url=t.url(1) + "/few", opts={"transports": ["websocket"], "auth": {"token": t.token("few")}})
        check(c.expect("few2", "connect_error")["message"] != "presence is not available", "and the limit is counted over both gateways")


def test_gateway_hangs():
    """Its clients wait as long as it does and miss nothing; nobody else notices."""
    with Topology(extra=QUICK) as t:
        c = t.clients()
        people(t, c)
        t.connect(c, "cat")
        c.call("cat", "join-room", {"room": "lobby"})
        stopped = t.pids()["gateway-1"]
        kill(stopped, signal.SIGSTOP)
        answer = t.command({"sockets": "*", "timeout": 300})
        same((answer["complete"], answer["missing"], len(answer["sockets"])), (False, ["gateway-1"], 2))
        answer = t.command({"emit": "news", "to": "room:lobby", "reached": True, "timeout": 300})
        same((answer["ok"], answer["reached"], answer["complete"]), (True, 2, False))
        talk(c, "ann", "cat", "1")
        until(lambda: "gateway-1" not in health(t), "out of the roster")
        talk(c, "cat", "ann", "2")
        kill(stopped, signal.SIGCONT)
        for text in ("1", "2"):
            c.expect("bob", "room-message", lambda l: l["args"][0]["message"] == text)
        well(t)
        talk(c, "bob", "ann", "3")
        talk(c, "ann", "bob", "4")
        same(c.got("bob", "disconnect") + c.got("ann", "user-offline"), [])


def hang_up(pids, *names):
    for name in names:
        kill(pids[name], signal.SIGHUP)


def test_certificate_is_changed():
    with Topology(extra=QUICK, tls=True) as t:
        c = t.clients()
        pids = t.pids()
        people(t, c)
        shown = lambda gateway: ssl.get_server_certificate(("127.0.0.1", t.base + gateway))
        old = shown(0)
        t.certificate()
        new = ssl.PEM_cert_to_DER_cert((t.dir / "cert.pem").read_text())
        same(shown(1), old, "not before they are told")
        hang_up(pids, "gateway-0", "gateway-1")
        for gateway in (0, 1):
            until(lambda: ssl.PEM_cert_to_DER_cert(shown(gateway)) == new, "the new one")
        talk(c, "ann", "bob", "on the connections of before")
        trusting = t.clients()
        t.connect(trusting, "cat")
        (t.dir / "cert.pem").write_text("nonsense")
        hang_up(pids, "gateway-0")
        until(lambda: t.stats()["gateway-0"]["tls.refused"] > 0, "a bad one is refused")
        same(ssl.PEM_cert_to_DER_cert(shown(0)), new, "and the one before stays")
        same(c.got("ann", "disconnect") + c.got("bob", "disconnect"), [])


def test_rules_and_keys_are_changed():
    with tempfile.TemporaryDirectory(prefix="cw-rules-") as home:
        rules = pathlib.Path(home) / "app.yaml"
        text = (ROOT / "topology/apps/chat.yaml").read_text()
        rules.write_text(text)
        with Topology(extra=QUICK, rules=rules) as t:
            c = t.clients()
            pids = t.pids()
            people(t, c)
            same(c.call("ann", "ping-ack", {}), ["pong"])
            check("ack: pong" in text)
            rules.write_text(text.replace("ack: pong", "ack: {changed: true}"))
            hang_up(pids, "gateway-0", "gateway-1")
            for name in ("ann", "bob"):
                until(lambda: c.call(name, "ping-ack", {}) == [{"changed": True}], "the new rule, on the old connection")
            rules.write_text(text.replace("ack: pong", "ack: {"))
            hang_up(pids, "gateway-0")
            until(lambda: "topology refused" in (t.state / "log" / "gateway-0.log").read_text(), "a bad file is said")
            same(c.call("ann", "ping-ack", {}), [{"changed": True}], "and the rules of before stay")
            rules.write_text(text)

            secret = t.state / "demo.secret"
            before = t.token("cat")
            secret.write_text("another secret, just as long as the one\n")
            hang_up(pids, "auth-0")
            until(lambda: t.stats()["auth-0"]["keys.reloads"] > 0, "new keys")
            t.connect(c, "dan")
            c.do("connect", id="cat", url=t.url(), opts={"transports": ["websocket"], "auth": {"token": before}})
            c.expect("cat", "connect_error")
            secret.write_text("short")
            hang_up(pids, "auth-0")
            until(lambda: t.stats()["auth-0"]["keys.reloads_failed"] > 0, "a bad one is said")
            secret.write_text("another secret, just as long as the one\n")
            t.connect(c, "eve")
            talk(c, "ann", "bob", "nobody noticed")
            t.file.write_text("{")      # leaving stops it all the same
