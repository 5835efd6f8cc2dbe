"""The clients' browser bundles in Chromium, from a page of another origin: versions 2, 3 and 4, on every transport that they
have, with bytes as bytes and as base64, and by script elements (tests/client/bundles.mjs)."""
import pathlib

from lib import Browser, Topology, check, same

HERE = pathlib.Path(__file__).parent
USED = {"polling": "polling", "websocket": "websocket", "upgrade": "websocket", "polling without bytes": "polling",
        "websocket without bytes": "websocket", "script elements": "polling by script"}


def test_bundles():
    with Topology(rules=HERE / "clients.yaml", listener="allow_eio3: true, credentials: true") as t:
        with Browser("bundles.mjs") as browser:
            browser.tell({"url": t.url(0), "token": t.token("ann")})
            said = list(browser.lines())
            check(said and said[-1].get("done"), f"it said {said}, then:\n{browser.complaint()}")
        bad = [line["bad"] for line in said if "bad" in line]
        check(not bad, "\n".join(bad))
        same({line["good"]: line["used"] for line in said if "good" in line},
             {f"{version}: {way}": used for version in (2, 3, 4) for way, used in USED.items() if version < 4 or "script" not in used}, "transports")
