"""What the clock says: real figures and who is online, once for the whole cluster."""
from datetime import datetime

from lib import Topology, check, same, until

RULES = """
namespaces:
  /:
    push:
      - {every: 300ms, event: system:status, args: [{cpu: "{system.cpu}", memory: "{system.memory}", activeConnections: "{system.connections}", timestamp: "{now.iso}"}]}
      - {every: 300ms, event: stats:online-users, args: [{total: "{online.total}", users: "{online.users}", timestamp: "{now.iso}"}]}
"""


def at_ms(iso):
    return round(datetime.fromisoformat(iso.replace("Z", "+00:00")).timestamp() * 1000)


def test_figures_and_who_is_online():
    with Topology(extra=RULES + "service: {stats_ms: 100}\n", presence=2) as t:
        c = t.clients()
        t.connect(c, "ann")
        t.connect(c, "bob", gateway=1)
        t.connect(c, "n", gateway=1, user=42)
        for name in ("ann", "bob"):
            status = c.expect(name, "system:status", lambda line: line["args"][0]["activeConnections"] == 3)["args"][0]
            check(0 <= status["cpu"] <= 100 and 0 < status["memory"] < 100, f"percentages: {status}")
            same(list(status), ["cpu", "memory", "activeConnections", "timestamp"])
            stats = c.expect(name, "stats:online-users", lambda line: line["args"][0]["total"] == 3)["args"][0]
            same(sorted(stats["users"], key=str), [42, "ann", "bob"])
        # Once, not once for each router, gateway or presence: two of them are 300 ms apart, as far as a busy machine lets them.
        times = [at_ms(c.expect("ann", "system:status")["args"][0]["timestamp"]) // 300 for _ in range(6)]
        same(len(set(times)), 6, f"each in its turn: {times}")
        c.do("close", id="bob")
        c.expect("ann", "stats:online-users", lambda line: line["args"][0]["total"] == 2)


def test_a_router_that_dies_is_followed_by_another():
    with Topology(extra=RULES + "bus: {beat_ms: 100, beat_timeout_ms: 600}\n") as t:
        c = t.clients()
        t.connect(c, "ann")
        c.expect("ann", "system:status")
        owners = t.command({"topology": True})["owners"]
        t.tool("scale", "router=1")
        until(lambda: t.command({"topology": True})["owners"] == ["router-0"], "one router is left")
        seen = c.count("ann", "system:status")[0]
        until(lambda: c.count("ann", "system:status")[0] > seen + 2, "the one that is left goes on")
        same(owners, ["router-0", "router-1"])


def test_a_reload_changes_what_is_told():
    with Topology(extra=RULES) as t:
        c = t.clients()
        t.connect(c, "ann")
        c.expect("ann", "system:status")
        text = t.file.read_text()
        t.file.write_text(text.replace("every: 300ms", "every: soon"))
        answer = t.command({"reload": True})
        same((answer["ok"], "every must be a time" in str(answer)), (False, True))
        c.expect("ann", "system:status")
        t.file.write_text(text.replace("system:status", "system:news"))
        same(t.command({"reload": True})["ok"], True)
        c.expect("ann", "system:news")
