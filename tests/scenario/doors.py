"""No sticky sessions: gateways share one port, and every request of a client may come to another of them."""
from lib import Topology, check, same, until


def gauges(t):
    """Of all gateways together."""
    names = ("sessions.open", "sockets.open", "connections.open", "tunnels.open")
    found = [d for d in t.stats().values() if d["role"] == "gateway"]
    return {name: sum(d.get(name, 0) for d in found) for name in names}


def total(t, name):
    return sum(d.get(name, 0) for d in t.stats().values() if d["role"] == "gateway")


def passed(t, how, at_least):
    until(lambda: total(t, f"upgrades.{how}_in") >= at_least, f"many were {how}")
    until(lambda: total(t, f"upgrades.{how}_in") == total(t, f"upgrades.{how}_out"), f"as many were {how} in as out")
    same(total(t, "upgrades.handed_in" if how == "tunnelled" else "upgrades.tunnelled_in"), 0)


def climb(t, clients=60, events=40):
    c = t.clients()
    c.do("climb", url=t.url(), events=events, tokens=[t.token(f"u{i}") for i in range(clients)])
    done = c.expect(None, "climbed", deadline=120)
    same(done["wrong"], [], "each got its own, once and in order")
    same(done["websocket"], clients, "all are on WebSocket")
    check(done["sent"] >= clients * events, "and sent what they had")
    until(lambda: not any(gauges(t).values()), "nothing is left of them")


def test_two_gateways():
    with Topology(step=0, gateway=2) as t:
        climb(t)
        passed(t, "handed", 10)


def test_four_gateways():
    with Topology(step=0, gateway=4) as t:
        climb(t)
        passed(t, "handed", 10)


def test_two_gateways_tls():
    with Topology(step=0, gateway=2, tls=True) as t:
        climb(t)
        passed(t, "tunnelled", 10)
