"""A backend asks clients, and gets what they answer."""
import json, signal, subprocess, time

import zmq

from lib import ROOT, Topology, check, kill, same, until


def by_user(answer):
    return {a["user"]: a["args"] for a in answer["acks"]}


def told(answer):
    return answer["reached"], answer["answered"], answer["complete"], answer["missing"]


def nothing_waits(t):
    until(lambda: all(s["acks.waiting"] == 0 and s["acks.bytes"] == 0 for name, s in t.stats().items() if name.startswith("gateway")), "nothing waits at the gateways")


def test_everybody_answers():
    """On both gateways, both transports; text, nothing, many values and binary; whichever router is asked."""
    with Topology() as t:
        c = t.clients()
        answers = {"ann": ["yes", {"n": 1.5}], "bob": [], "cat": [{"$bin": "AAE="}, "and", [{"$bin": "/w=="}]]}
        sids = {name: t.connect(c, name, gateway=i % 2, transports=[["websocket"], ["polling"]][i % 2])["sid"] for i, name in enumerate(answers)}
        for name, args in answers.items():
            c.answer(name, "question", *args)
        for router in (0, 1):
            with t.socket(zmq.REQ, "command", router) as s:
                s.send_json({"emit": "question", "to": "*", "args": ["?"], "ack": True})
                first, *rest = s.recv_multipart()
            answer = json.loads(first)
            same(told(answer), (3, 3, True, []))
            same({a["user"]: a["socket"] for a in answer["acks"]}, sids)
            same(by_user(answer), {"ann": ["yes", {"n": 1.5}], "bob": [], "cat": [{"_placeholder": True, "num": 0}, "and", [{"_placeholder": True, "num": 1}]]})
            same(rest, [b"\x00\x01", b"\xff"])
        same(told(t.command({"emit": "question", "to": "room:empty", "ack": True})), (0, 0, True, []))
        nothing_waits(t)


def test_who_does_not_answer():
    with Topology() as t:
        c = t.clients()
        for i, name in enumerate(("ann", "bob", "cat", "dan")):
            t.connect(c, name, gateway=i % 2)
        c.answer("ann", "question", 1)
        begun = time.monotonic()
        answer = t.command({"emit": "question", "to": ["user:ann", "user:bob"], "ack": True, "timeout": 300})
        same((told(answer), by_user(answer)), ((2, 1, False, []), {"ann": [1]}))
        check(time.monotonic() - begun >= 0.3, "it waited")
        with t.socket(zmq.DEALER, "command") as s:      # cat goes: nobody waits for her until the time-out
            s.send_json({"emit": "question", "to": ["user:ann", "user:cat"], "ack": True, "timeout": 60000, "ref": 1})
            c.expect("cat", "question")
            c.do("close", id="cat")
            same((lambda a: (a["ref"], told(a)))(s.recv_json()), (1, (2, 1, False, [])))
            s.send_json({"emit": "question", "to": ["user:ann", "user:dan"], "ack": True, "timeout": 1500, "ref": 2})
            c.expect("dan", "question")                 # his gateway dies
            pid = next(d["pid"] for d in t.command({"topology": True})["daemons"] if d["id"] == "gateway-1")
            kill(pid, signal.SIGKILL)
            answer = s.recv_json()
            same((answer["ref"], answer["complete"], answer["missing"], by_user(answer)), (2, False, ["gateway-1"], {"ann": [1]}))
        nothing_waits(t)


def test_many_questions_at_once():
    """Each asked of one socket, answered in its own order; none is mixed up with another."""
    with Topology(router=2) as t:
        c = t.clients()
        for i in range(4):
            t.connect(c, f"u{i}", gateway=i % 2, quiet=["*"])
            c.answer(f"u{i}", "question", i)
        with t.socket(zmq.DEALER, "command", 0) as a, t.socket(zmq.DEALER, "command", 1) as b:
            for i in range(1000):
                for s in (a, b):
                    s.send_json({"emit": "question", "to": f"user:u{i % 4}", "args": [i], "ack": True, "timeout": 20000, "ref": i})
            for s in (a, b):
                answers = {x["ref"]: x for x in (s.recv_json() for _ in range(1000))}
                same({ref: by_user(x) for ref, x in answers.items()}, {i: {f"u{i % 4}": [i % 4]} for i in range(1000)})
        nothing_waits(t)


def test_publish_sockets_do_not_ask_and_the_tool_does():
    with Topology(router=1) as t:
        c = t.clients()
        t.connect(c, "n", user=42)
        c.call("n", "join-room", {"room": "lobby"})
        c.answer("n", "question", "tool")
        with t.socket(zmq.PUSH, "publish_pull") as push:
            push.send_json({"emit": "question", "to": "*", "ack": True})
        until(lambda: t.stats()["router-0"].get("refused.publish.ERR_STATE"), "refused and counted")
        answer = json.loads(t.tool("publish", "user:42", "question", "--ack", "--timeout", "3000").stdout)
        same((told(answer), by_user(answer)), ((1, 1, True, []), {42: ["tool"]}))
        same(t.tool("publish", "user:42", "question", "--timeout", "soon", ok=False).returncode, 100)
        out = subprocess.run(["/usr/bin/python3", ROOT / "docs/examples/ask.py", t.endpoint("command")], capture_output=True, text=True, timeout=30, check=True).stdout
        same(out, '42 answers ["tool"]\n1 of 1 have answered; 0 attachments\n')
