#!/usr/bin/env python3
"""Ask clients a question from Python, and wait for what they answer."""
import json, sys, zmq

req = zmq.Context.instance().socket(zmq.REQ)
req.connect(sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5572")
req.send_json({"emit": "question", "to": ["room:lobby"], "args": ["ready?"], "ack": True, "timeout": 3000})
frames = req.recv_multipart()                           # the answer, then the clients' binary attachments
answer = json.loads(frames[0])
for ack in answer["acks"]:
    print(ack["user"], "answers", json.dumps(ack["args"]))
print(answer["answered"], "of", answer["reached"], "have answered;", len(frames) - 1, "attachments")
