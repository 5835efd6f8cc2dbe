#!/usr/bin/env python3
"""A worker for the workers' scenario: answers each event with 'seen' and its own arguments. counter.py ROUTER CAPACITY"""
import json, sys, zmq

s = zmq.Context().socket(zmq.DEALER)
s.connect(sys.argv[1])
s.send(json.dumps({"ready": "counter", "namespaces": ["/"], "events": ["count"], "capacity": int(sys.argv[2])}).encode())
while True:
    m = json.loads(s.recv())
    if "request" in m:
        s.send(json.dumps({"reply": m["request"], "replies": [{"event": "seen", "args": m["args"]}], "ack": m["args"]}).encode())
    elif "ping" in m:
        s.send(b'{"pong":1}')
    elif "welcome" in m:
        print("welcome", flush=True)
