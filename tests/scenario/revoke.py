"""Revoked tokens: their connections end everywhere, they are refused from then on, also after restarts and by who was away meanwhile."""
import time

import lib
from lib import ROOT, Topology, kill, same, until

def attempt(t, c, name, token, gateway=0, **opts):
    c.do("connect", id=name, url=t.url(gateway), quiet=[], opts={"transports": ["websocket"], "auth": {"token": token}, "reconnection": False, **opts})


def refused(t, c, name, token, gateway=0, **opts):
    attempt(t, c, name, token, gateway, **opts)
    same(c.expect(name, "connect_error")["message"], "token revoked")


def accepted(t, c, name, token, gateway=0):
    attempt(t, c, name, token, gateway)
    c.expect(name, "connect")


def listed(t, router, prefix=""):
    answer = t.command({"revoked": prefix}, router)
    same(answer["ok"], True)
    return [r["of"] for r in answer["revoked"]]


def settled(t, want, routers=(0, 1), gateways=2):
    """All routers and gateways have the same list."""
    def same_everywhere():
        stats = t.stats()
        return all(listed(t, r) == want for r in routers) and all(stats[f"gateway-{g}"]["revoked.tokens"] == stats["router-0"]["revoked.tokens"] for g in range(gateways))
    until(same_everywhere, "the same list everywhere")


def test_a_user_a_token_and_all():
    with Topology() as t:
        c = t.clients()
        old, later = t.token(42, jti="one"), t.token(42, jti="two", iat=int(time.time()) + 60)
        for name, gateway in (("phone", 0), ("desk", 1)):
            accepted(t, c, name, old, gateway)
        accepted(t, c, "new", later, 1)
        bob = t.token("bob", jti="bob-1")
        accepted(t, c, "bob", bob)
        answer = t.command({"revoke": "user:42", "ref": "r"}, 1)
        same({k: answer[k] for k in ("ok", "ref", "reached", "routers", "complete", "missing")}, {"ok": True, "ref": "r", "reached": 2, "routers": 2, "complete": True, "missing": []})
        same(sorted((g["id"], g["reached"]) for g in answer["gateways"]), [("gateway-0", 1), ("gateway-1", 1)])
        for name in ("phone", "desk"):
            same(c.expect(name, "disconnect")["reason"], "io server disconnect")
        for gateway in (0, 1):
            refused(t, c, f"again{gateway}", old, gateway)
        accepted(t, c, "later", later)              # issued after it
        same(t.command({"sockets": "user:42"})["total"], 2)

        same(t.command({"revoke": ["token:two", "token:none"], "expires": int(time.time()) + 100})["reached"], 2)
        for name in ("new", "later"):
            c.expect(name, "disconnect")
        refused(t, c, "two", later, 1)
        settled(t, ["token:none", "token:two", "user:42"])

        same(t.command({"unrevoke": "user:42"})["complete"], True)
        accepted(t, c, "back", old, 1)
        same(t.command({"revoke": "*", "before": int(time.time()) + 10}, 1)["reached"], 2)      # 'back' and bob
        same(c.expect("bob", "disconnect")["reason"], "io server disconnect")
        refused(t, c, "bob2", bob)
        settled(t, ["*", "token:none", "token:two"])
        page = t.command({"revoked": "", "limit": 2})
        same(([r["of"] for r in page["revoked"]], page["next"]), (["*", "token:none"], "token:none"))
        same([r["of"] for r in t.command({"revoked": "", "after": page["next"]}, 1)["revoked"]], ["token:two"])
        until(lambda: sum(t.stats()[f"gateway-{g}"]["sockets.revoked"] for g in (0, 1)) == 6, "counted")


def test_it_outlives_restarts():
    with Topology() as t:
        c = t.clients()
        token, jti = t.token("ann"), t.token("bob", jti="x")
        accepted(t, c, "bob", jti)
        same(t.command({"revoke": ["user:ann", "token:x"]})["complete"], True)
        c.expect("bob", "disconnect")
        for router in (0, 1):           # each has the other's copy, and its own file
            kill(t.pids()[f"router-{router}"])
            until(lambda: t.daemon(f"router-{router}") and t.daemon(f"router-{router}")["state"] == "ready" and len(t.command({"topology": True}, router)["owners"]) == 2, "it is back")
            settled(t, ["token:x", "user:ann"])
        t.tool("down")
        files = sorted(t.state.glob("router-*.revoked"))
        same([f.name for f in files], ["router-0.revoked", "router-1.revoked"])
        content = files[0].read_bytes()
        files[0].write_bytes(content[:-7])      # as if the machine had died while it was written
        files[1].unlink()
        t.tool("up", str(t.file), timeout=120)
        c = t.clients()
        until(lambda: t.stats()["router-1"]["revoked.tokens"] >= 1, "router 1 has caught up")
        want = listed(t, 0)
        same(len(want), 1, "the torn entry is lost with the machine, the others are not")
        settled(t, want)
        for gateway in (0, 1):
            refused(t, c, f"r{gateway}", token if want == ["user:ann"] else jti, gateway)


def test_who_was_away_does_not_come_back():
    """A router and a gateway that stand still meanwhile, and a client that has lost its connection."""
    with Topology(rules=ROOT / "tests/scenario/recovery.yaml", extra="  answer_ms: 300ms\n") as t:
        c = t.clients()
        token = t.token("ann")
        attempt(t, c, "ann", token, 0, reconnection=True, reconnectionDelay=300, reconnectionDelayMax=300)
        c.expect("ann", "connect")
        attempt(t, c, "desk", token, 1)
        c.expect("desk", "connect")
        pids = t.pids()
        for name in ("router-1", "gateway-1"):
            kill(pids[name], lib.signal.SIGSTOP)
        try:
            c.do("cut", id="ann")
            c.expect("ann", "disconnect")
            answer = t.command({"revoke": "user:ann"})
            same((answer["ok"], answer["complete"], sorted(answer["missing"])), (True, False, ["gateway-1", "router-1"]))
        finally:
            for name in ("router-1", "gateway-1"):
                kill(pids[name], lib.signal.SIGCONT)
        same(c.expect("ann", "connect_error")["message"], "token revoked")
        c.expect("desk", "disconnect")
        settled(t, ["user:ann"])


def test_bounds():
    with Topology(router=1, gateway=1, extra="  max_revoked_count: 3\n") as t:
        same(t.command({"revoke": ["user:1", "user:2"]})["ok"], True)
        same(t.command({"revoke": ["user:3", "user:4"]})["error"]["code"], "too-many")
        same(t.command({"revoke": "*"})["error"]["field"], "before")
        same(t.command({"revoke": "user:3", "expires": 5})["error"]["field"], "expires")
        same(listed(t, 0), ["user:1", "user:2"])
        short = int(time.time()) + 1
        same(t.command({"revoke": "user:3", "expires": short})["ok"], True)
        until(lambda: listed(t, 0) == ["user:1", "user:2"], "what is over is forgotten", deadline=40)
