#!/usr/bin/env python3
"""Publish into Causeway from Python: REQ is answered, PUSH and PUB (here an XPUB) are not."""
import json, sys, zmq

command, pull, sub = (sys.argv[1:] + ["tcp://127.0.0.1:5572", "tcp://127.0.0.1:5570", "tcp://127.0.0.1:5571"][len(sys.argv) - 1:])[:3]
req, push, pub = (zmq.Context.instance().socket(kind) for kind in (zmq.REQ, zmq.PUSH, zmq.XPUB))
req.connect(command), push.connect(pull), pub.connect(sub)
req.send_json({"emit": "news", "to": ["room:lobby"], "args": [{"from": "REQ"}], "reached": True})
print("REQ:", json.dumps(req.recv_json()))              # {"ok": true, "epoch": ..., "seq": ..., "reached": ...}
push.send_json({"emit": "news", "to": "*", "args": [{"from": "PUSH"}]})
pub.recv()      # b"\x01": the router has subscribed. A PUB drops what is sent before that; an XPUB is a PUB that tells.
pub.send_multipart([b"room:lobby", json.dumps({"emit": "news", "args": [{"from": "PUB"}]}).encode()])
