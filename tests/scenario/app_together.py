"""All five applications side by side in one topology (topology/apps.yaml), each on its own address, with its own settings.

Three of them call their namespace "/", and user ids meet: nobody hears of, reaches or counts for another application."""
import json, urllib.request

import zmq

from lib import ROOT, Topology, check, free_ports, same, until

PORTS = {"chat": 0, "notifications": 10, "admin": 20, "music": 30, "game": 40}
PINGS = {"chat": (25000, 20000), "notifications": (25000, 60000), "admin": (25000, 60000), "music": (25000, 60000), "game": (25000, 10000)}


def topology():
    """The project's file as it is, on other ports. Both gateways share each listener's port."""
    source = "name: together\ninclude: " + str(ROOT / "topology/apps.yaml") + "\nlisteners:\n"
    source += "".join(f"  {name}: {{{{port: {{base}}}}}}\n".replace("{base}", f"PORT{offset}") for name, offset in PORTS.items())
    source += "router:\n" + "".join(f"  {plane}: {{{{port: {{{plane}}}}}}}\n" for plane in ("publish_pull", "publish_sub", "command", "worker", "feed", "stats", "metrics"))
    t = Topology(source=source)
    text = t.file.read_text()
    for offset in sorted(PORTS.values(), reverse=True):
        text = text.replace(f"PORT{offset}}}", f"{t.base + offset}}}")
    t.file.write_text(text)
    return t


def come(t, c, app, name, nsp="/", version=4, **opts):
    c.do("connect", id=name, url=f"http://127.0.0.1:{t.base + PORTS[app]}{nsp}", version=version, opts={"transports": ["websocket", "polling"], **opts})
    return c.expect(name, "connect")["sid"]


def everybody(t, c):
    """One user 'u1' in each application; the administration knows him as number 1."""
    come(t, c, "chat", "chat", auth={"token": t.token("u1")})
    come(t, c, "notifications", "load", auth={"token": "u1"})
    come(t, c, "notifications", "notify", "/notifications", query={"userId": "u1"})
    for nsp in ("admin", "web"):
        come(t, c, "admin", nsp, "/" + nsp, auth={"token": t.token("u1", id=1, username="u1", status=1, role="admin")})
    come(t, c, "music", "music", auth={"token": t.token("u1")}, retries=3, timeout=5000)
    come(t, c, "game", "game", "/game", version=2, query={"token": t.token("u1", openId="wx")}, transports=["websocket"])


SPACES = {"chat": "/", "load": "/notify", "notify": "/notify/notifications", "admin": "/nest/admin", "web": "/nest/web", "music": "/music", "game": "/avalon/game"}
USERS = {"chat": "user:u1", "load": "user:notify/u1", "notify": "user:notify/u1", "admin": "user:nest/1", "web": "user:nest/1", "music": "user:music/u1", "game": "user:avalon/u1"}


def test_five_applications():
    with topology() as t:
        check("good" in t.tool("config", "check", str(ROOT / "topology/apps.yaml")).stdout, "the file is clean")
        for app, ping in PINGS.items():
            with urllib.request.urlopen(f"http://127.0.0.1:{t.base + PORTS[app]}/socket.io/?EIO=4&transport=polling") as answer:
                said = json.loads(answer.read()[1:])
            same((said["pingInterval"], said["pingTimeout"]), ping, app)
        c = t.clients()
        everybody(t, c)

        push = t.socket(zmq.PUSH, "publish_pull", router=1)
        for name, nsp in SPACES.items():
            push.send_json({"emit": "news", "nsp": nsp, "to": "*", "args": [{"for": name}]})
            push.send_json({"emit": "yours", "nsp": nsp, "to": USERS[name], "args": [{"for": name}]})
        for name in SPACES:
            for event in ("news", "yours"):
                same(c.expect(name, event)["args"][0], {"for": name}, f"{event} of {name}")

        for name, event, room, said in (("chat", "join-room", {"room": "r"}, "joined-room"), ("admin", "room:join", {"roomId": "r"}, "room:joined"),
                                        ("music", "join-room", {"room": "r"}, "joined-room"), ("game", "room:join", {"roomId": "r"}, "room:joined")):
            c.emit(name, event, room)
            c.expect(name, said)
            same(t.command({"emit": "to r", "nsp": SPACES[name], "to": "room:r", "reached": True})["reached"], 1, f"room r of {name}")
            c.expect(name, "to r")
        come(t, c, "chat", "chat 2", auth={"token": t.token("u2")})
        c.call("chat 2", "private-message", {"targetUserId": "u1", "message": "in the chat"})
        c.expect("chat", "private-message")
        come(t, c, "music", "music 2", auth={"token": t.token("u2")})
        c.emit("music 2", "private-message", {"targetUserId": "u1", "message": "in the music"})
        same(c.expect("music", "private-message")["args"][0]["message"], "in the music")
        same([(name, l) for name in SPACES for event in ("news", "yours", "to r", "private-message") for l in c.got(name, event)], [], "each once, to its own")


def test_nobody_sees_another():
    """A client of one application's address asks for the namespaces of the others: none is there."""
    with topology() as t:
        c = t.clients()
        names = {"/notify", "/notify/notifications", "/notifications", "/nest/admin", "/admin", "/music", "/avalon/game", "/game"}
        own = {"chat": set(), "notifications": {"/notifications"}, "admin": {"/admin"}, "music": set(), "game": {"/game"}}
        token = t.token("u1", id=1, status=1, role="admin")
        for app in PORTS:
            for nsp in sorted(names - own[app]):
                c.do("connect", id=app + nsp, url=f"http://127.0.0.1:{t.base + PORTS[app]}{nsp}", opts={"transports": ["websocket"], "auth": {"token": token}, "query": {"userId": "u1"}})
        for app in PORTS:
            for nsp in sorted(names - own[app]):
                same(c.expect(app + nsp, "connect_error")["message"], "Invalid namespace", app + nsp)
