"""What people see of topology/local.yaml: the chat page in a real browser (Debian's Chromium, two people on two gateways,
tests/client/browser.mjs), and the same room in a terminal ('causeway listen').

TEST_SHOTS=DIRECTORY leaves screenshots there, also of more people, dark and on a phone."""
import os, subprocess, threading

from lib import BUILD, CLIENT, DEADLINE, ROOT, Browser, Failed, Topology, kill, same, until

LOCAL = f"""
include: {ROOT}/topology/local.yaml
listeners:
  public: {{{{port: {{base}}, client_dir: {CLIENT}/node_modules/socket.io-client/dist}}}}
router:
  publish_pull: {{{{port: {{publish_pull}}}}}}
  publish_sub: {{{{port: {{publish_sub}}}}}}
  command: {{{{port: {{command}}}}}}
  metrics: {{{{port: {{metrics}}}}}}
  feed: {{{{port: {{feed}}}}}}
  worker: {{{{port: {{worker}}}}}}
  stats: {{{{port: {{stats}}}}}}
service: {{{{restart_backoff_ms: 1s}}}}
"""
GUESTS = ["Cleo", "Dora", "Emil", "Fritz", "Gerda-Wilhelmina von und zu Hohenlangenburg-Breitenstein"]


def test_browser():
    shots = os.environ.get("TEST_SHOTS")
    with Topology(source=LOCAL) as t:
        page = lambda user, gateway, **claims: f"{t.url(gateway)}/#token={t.token(user, **claims)}"
        urls = {"ann": page("ann", 0), "bob": page("bob", 1), **{f"guest{i}": page(f"guest{i}", i % 2, username=name) for i, name in enumerate(GUESTS)}}
        said = []
        with Browser("browser.mjs", *([shots] if shots else [])) as browser:
            browser.tell(urls)
            for what in browser.lines():
                said.append(what)
                if "bad" in what:
                    raise Failed("the browser complains:\n" + "\n".join(what["bad"]))
                if "do" in what:
                    old = t.pids()["gateway-0"]
                    kill(old)
                    until(lambda: (d := t.daemon("gateway-0")) and d["pid"] != old and d["state"] == "ready", "gateway-0 is back")
                    browser.tell({"again": True})
            if not said or "done" not in said[-1]:
                raise Failed(f"it held: {[s['good'] for s in said if 'good' in s]}, then:\n{browser.complaint()}")


def test_terminal():
    with Topology(source=LOCAL) as t:
        c = t.clients()
        t.connect(c, "ann", gateway=1)
        same(c.call("ann", "join-room", {"room": "lobby"}), [{"success": True, "room": "lobby"}])
        carl = subprocess.Popen([BUILD / "causeway", "listen", t.url(0), "--token", t.token("carl")], env=t.env, text=True, bufsize=1,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        timer = threading.Timer(DEADLINE, carl.kill)
        timer.start()
        try:
            c.expect("ann", "user-joined", lambda l: l["args"][0]["userId"] == "carl")
            same(c.call("ann", "room-message", {"room": "lobby", "message": "hi \u2603"}), [{"success": True}])
            seen = []
            for line in carl.stdout:
                seen.append(line)
                if "hi \u2603" in line:
                    break
            else:
                raise Failed("the terminal did not show it: " + "".join(seen))
            carl.stdin.write("hello yourself\n")
            same(c.expect("ann", "room-message", lambda l: l["args"][0]["userId"] == "carl")["args"][0]["message"], "hello yourself")
        finally:
            timer.cancel()
            carl.kill()
            carl.wait()
