"""Tokens that end while their clients are connected: a warning, another token in time, or the end."""
import time

from lib import ROOT, Topology, check, same, until

RULES = ROOT / "tests/scenario/expiry.yaml"


def topology(**counts):
    t = Topology(rules=RULES, **counts)
    t.env["CAUSEWAY_AUTH_LEEWAY_S"] = "0"
    return t


def connect(t, c, name, token, nsp="", gateway=0):
    c.do("connect", id=name, url=t.url(gateway) + nsp, quiet=[], opts={"transports": ["websocket"], "auth": {"token": token}, "reconnection": False})
    return c.expect(name, "connect")


def now():
    return time.time()


def test_warned_renewed_and_closed():
    with topology(gateway=1) as t:
        c = t.clients()
        end = int(now()) + 3
        connect(t, c, "stays", t.token(1, exp=end)), connect(t, c, "goes", t.token(2, exp=end)), connect(t, c, "told", t.token(3, exp=end), "/told")
        connect(t, c, "kept", t.token(4, exp=end), "/kept"), connect(t, c, "far", t.token(5))
        for name, event in (("stays", "token:expiring"), ("goes", "token:expiring"), ("told", "soon")):
            said = c.expect(name, event)["args"][0]
            same(said["expiresAt"], end * 1000)
            check(0 < said["remaining"] <= 3000, said)
        listed = {s["user"]: s["expiresAt"] for s in t.command({"sockets": "*"})["sockets"]}
        same((listed[1], listed[5] > (now() + 3000) * 1000), (end * 1000, True))

        same(c.call("stays", "whoami"), [{"id": 1}])
        later = int(now()) + 3600
        same(c.call("stays", "token:refresh", {"token": t.token(1, exp=later, level=7)}), [{"success": True, "expiresAt": later * 1000}])
        same(c.call("stays", "whoami"), [{"id": 1, "level": 7}])
        for token, message in ((t.token(1, exp=1), "expired"), (t.token(2, exp=later), "another user"), (t.token("1", exp=later), "another user"), ("x", None), ({"no": 1}, "missing token")):
            answer = c.call("stays", "token:refresh", token if isinstance(token, dict) else {"token": token})[0]
            same(answer["success"], False)
            check(message is None or message in answer["message"], answer)
        c.emit("stays", "token:refresh", t.token(1, exp=later + 1))         # the text itself, and no ack wanted
        same(c.expect("stays", "token:refresh")["args"], [{"success": True, "expiresAt": later * 1000 + 1000}])
        t.command({"revoke": "token:bad"})
        same(c.call("stays", "token:refresh", {"token": t.token(1, exp=later, jti="bad")}), [{"success": False, "message": "token revoked"}])
        same(c.call("told", "renew", t.token(3, exp=end)), [None, {"success": True, "expiresAt": end * 1000}])

        same(c.expect("goes", "disconnect")["reason"], "io server disconnect")
        same(c.expect("told", "error")["args"], [{"message": "token expired"}])
        same(c.expect("told", "disconnect")["reason"], "io server disconnect")
        check(now() >= end, "not before its time")
        same(c.call("stays", "join", {"room": "x"}), ["joined"])
        same((c.got("kept", "disconnect"), c.got("far", "token:expiring"), c.got("stays", "disconnect")), ([], [], []))
        connect(t, c, "again", t.token(2), "")
        stats = until(lambda: (lambda s: s if s["tokens.expired"] == 2 else None)(t.stats()["gateway-0"]), "counted")
        same((stats["tokens.warned"], stats["refreshes.refused"]), (3 + 1, 5))      # 'told' was warned of its second one too


def test_a_refresh_waits_for_auth():
    with topology(gateway=1) as t:
        c = t.clients()
        connect(t, c, "a", t.token(1, exp=int(now()) + 60))
        t.tool("scale", "auth=0")
        until(lambda: t.command({"topology": True})["daemons"] and not [d for d in t.command({"topology": True})["daemons"] if d["role"] == "auth"], "no auth is left")
        later = int(now()) + 3600
        c.do("emit", id="a", event="token:refresh", args=[{"token": t.token(1, exp=later)}], ack="first")
        same(c.call("a", "token:refresh", {"token": t.token(1)}), [{"success": False, "message": "a refresh is under way"}])
        same(c.call("a", "whoami"), [{"id": 1}])         # nothing waits behind it
        t.tool("scale", "auth=1")
        same(c.expect("a", "ack", lambda l: l["ack"] == "first")["args"], [{"success": True, "expiresAt": later * 1000}])
