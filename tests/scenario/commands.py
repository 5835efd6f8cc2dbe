"""What backends ask and order on the command socket, over the whole cluster and through the death of parts of it."""
import os, signal

from lib import Topology, check, kill, same, until


def ids(answer):
    return [s["id"] for s in answer["sockets"]]


def test_sockets_filtered_and_paged():
    with Topology() as t:
        c = t.clients()
        for name, user, gateway, transport in (("a", 42, 0, "websocket"), ("b", 42, 1, "websocket"), ("c", "ann", 1, "polling")):
            t.connect(c, name, user=user, gateway=gateway, transports=(transport,))
        c.call("b", "join-room", {"room": "x"})
        all_of = t.command({"sockets": "*"})
        same((len(all_of["sockets"]), all_of["total"], all_of["complete"]), (3, 3, True))
        by_user = {str(s["user"]) + s["gateway"]: s for s in all_of["sockets"]}
        a, b, ann = by_user["42gateway-0"]["id"], by_user["42gateway-1"]["id"], by_user["anngateway-1"]["id"]
        same(set(all_of["sockets"][0]) >= {"id", "nsp", "user", "address", "agent", "transport", "gateway", "connectedAt", "rooms"}, True, all_of["sockets"][0])
        for filters, want in (
                ({"user": 42}, {a, b}), ({"user": "42"}, {a, b}), ({"user": "bob"}, set()), ({"room": "x"}, {b}), ({"gateway": "gateway-1"}, {b, ann}),
                ({"gateway": "gateway-1", "user": 42}, {b}), ({"address": "127.0.0.0/8"}, {a, b, ann}), ({"address": "10.0.0.1"}, set()),
                ({"nsp": "*"}, {a, b, ann}), ({"nsp": "/other"}, set()), ({"user": "ann", "room": "x"}, set())):
            for router in (0, 1):
                answer = t.command({"sockets": "*", **filters}, router)
                same((set(ids(answer)), answer["total"], answer["complete"]), (want, len(want), True), filters)
        same(set(ids(t.command({"sockets": ["user:ann", f"socket:{a}"]}))), {a, ann})
        same(t.command({"sockets": "*", "user": 42, "fields": ["user", "transport"]})["sockets"],
             [{"id": i, "user": 42, "transport": "websocket"} for i in sorted((a, b))])
        pages, page = [], t.command({"sockets": "*", "limit": 1})
        while True:
            same((len(page["sockets"]), page["total"]), (1, 3))
            pages += ids(page)
            if "next" not in page:
                break
            page = t.command({"sockets": "*", "limit": 1, "after": page["next"]}, len(pages) % 2)
        same(pages, sorted((a, b, ann)))
        missing = t.command({"sockets": "*", "gateway": "gateway-7"})
        same((missing["ok"], missing["complete"], missing["missing"]), (True, False, ["gateway-7"]))


def test_who_is_silent_is_named():
    with Topology(extra="  answer_ms: 300ms\n") as t:
        c = t.clients()
        t.connect(c, "a", user=1), t.connect(c, "b", user=1, gateway=1), t.connect(c, "c", user=2)
        pid = t.pids()["gateway-1"]
        kill(pid, signal.SIGSTOP)
        try:
            listed = t.command({"sockets": "*"})
            same((len(listed["sockets"]), listed["complete"], listed["missing"]), (2, False, ["gateway-1"]))
            gone = t.command({"disconnect": "user:1"})
            same((gone["gateways"], gone["reached"], gone["complete"], gone["missing"]), ([{"id": "gateway-0", "reached": 1}], 1, False, ["gateway-1"]))
        finally:
            kill(pid, signal.SIGCONT)
        same(c.expect("a", "disconnect")["reason"], "io server disconnect")
        same(c.expect("b", "disconnect")["reason"], "io server disconnect")     # what was sequenced reaches it when it goes on
        listed = until(lambda: (lambda l: l if l["complete"] else None)(t.command({"sockets": "*"})), "all answer again")
        same([s["user"] for s in listed["sockets"]], [2])
        device = t.command({"sockets": "user:2", "fields": ["id"]})["sockets"][0]["id"]
        same(t.command({"disconnect": f"socket:{device}"}, 1)["gateways"], [{"id": "gateway-0", "reached": 1}])


def test_an_id_is_known_after_its_router_died():
    """Publishes with ids, each said again at the router that is left: known, with the position of the first one."""
    with Topology(gateway=1) as t:
        c = t.clients()
        t.connect(c, "a", user=1)
        first = {}
        for i in range(20):
            c.call("a", "join-room", {"room": f"r{i}"})
            first[i] = t.command({"emit": "once", "to": f"room:r{i}", "args": [i], "id": f"pay-{i}"})
        t.tool("scale", "router=1")
        until(lambda: t.command({"topology": True})["owners"] == ["router-0"], "one owner")
        for i, was in first.items():
            again = t.command({"emit": "once", "to": f"room:r{i}", "args": [i], "id": f"pay-{i}"})
            same((again["epoch"], again["seq"], again.get("duplicate")), (was["epoch"], was["seq"], True), i)
        t.command({"emit": "end", "to": "*"})
        c.expect("a", "end")
        same(sorted(l["args"][0] for l in c.got("a", "once")), list(range(20)))


def test_an_id_is_known_after_a_kill():
    with Topology(gateway=1) as t:
        c = t.clients()
        t.connect(c, "a", user=1)
        first = {}
        for i in range(20):
            c.call("a", "join-room", {"room": f"r{i}"})
            first[i] = t.command({"emit": "once", "to": f"room:r{i}", "args": [i], "id": f"pay-{i}"})
        kill(t.pids()["router-1"])
        for i, was in first.items():
            again = t.command({"emit": "once", "to": f"room:r{i}", "args": [i], "id": f"pay-{i}"})
            same((again["ok"], again["epoch"], again["seq"], again.get("duplicate")), (True, was["epoch"], was["seq"], True), i)
        t.command({"emit": "end", "to": "*"})
        c.expect("a", "end")
        same(sorted(l["args"][0] for l in c.got("a", "once")), list(range(20)))
