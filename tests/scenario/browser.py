"""The chat page in a real browser: Debian's Chromium on topology/local.yaml, two people on two gateways (tests/client/browser.mjs).

TEST_SHOTS=DIRECTORY leaves screenshots there, also of more people, dark and on a phone."""
import json, os, signal, subprocess

from lib import CLIENT, ROOT, Failed, Topology, kill, until

LOCAL = f"""
include: {ROOT}/topology/local.yaml
listeners:
  public: {{{{port: {{base}}, client_dir: {CLIENT}/node_modules/socket.io-client/dist}}}}
router:
  publish_pull: {{{{port: {{publish_pull}}}}}}
  publish_sub: {{{{port: {{publish_sub}}}}}}
  command: {{{{port: {{command}}}}}}
  stats: {{{{port: {{stats}}}}}}
service: {{{{restart_backoff_ms: 1s}}}}
"""
GUESTS = ["Cleo", "Dora", "Emil", "Fritz", "Gerda-Wilhelmina von und zu Hohenlangenburg-Breitenstein"]


def test_browser():
    shots = os.environ.get("TEST_SHOTS")
    with Topology(source=LOCAL) as t:
        page = lambda user, gateway, **claims: f"{t.url(gateway)}/#token={t.token(user, **claims)}"
        urls = {"ann": page("ann", 0), "bob": page("bob", 1), **{f"guest{i}": page(f"guest{i}", i % 2, username=name) for i, name in enumerate(GUESTS)}}
        browser = subprocess.Popen(["node", "browser.mjs", *([shots] if shots else [])], cwd=CLIENT, text=True, start_new_session=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        said = []
        try:
            tell = lambda what: (browser.stdin.write(json.dumps(what) + "\n"), browser.stdin.flush())
            tell(urls)
            for line in browser.stdout:
                what = json.loads(line)
                said.append(what)
                if "bad" in what:
                    raise Failed("the browser complains:\n" + "\n".join(what["bad"]))
                if "do" in what:
                    old = t.pids()["gateway-0"]
                    kill(old)
                    until(lambda: (d := t.daemon("gateway-0")) and d["pid"] != old and d["state"] == "ready", "gateway-0 is back")
                    tell({"again": True})
            if not said or "done" not in said[-1]:
                raise Failed(f"it held: {[s['good'] for s in said if 'good' in s]}, then:\n{browser.stderr.read()[-3000:]}")
        finally:        # Chromium's processes are in its session
            try:
                os.killpg(browser.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            browser.wait()
