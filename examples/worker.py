#!/usr/bin/env python3
"""A Causeway worker: a chat room and an echo. worker.py [NAMESPACE [ROUTER...]]: with several routers the next one when one goes."""
import itertools, json, signal, sys, time, zmq

NAMESPACE, ROUTERS = (sys.argv[1:] or ["/"])[0], sys.argv[2:] or ["tcp://127.0.0.1:5573"]


def handle(r, attachments):
    """What one event causes: a reply's fields (docs/WORKERS.md), and its attachments."""
    event, args, user = r["event"], r["args"], r["user"]
    if event == "connect":      # with connect_worker CONNECT waits for this
        return ({"refuse": {"message": "not today", "data": {"user": user}}} if user == "mallory" else {"joins": ["everybody"]}), []
    if event == "echo":
        return {"ack": args}, attachments
    if event == "say":
        room, text = args[0].get("room"), args[0].get("text")
        if not room or not text:
            return {"refuse": {"message": "say what, and where?"}}, []
        said = {"event": "said", "to": f"room:{room}", "args": [{"user": user, "text": text}]}
        return {"joins": [room], "emits": [said], "replies": [{"event": "told", "args": [room]}], "ack": [{"ok": True}]}, []
    return {}, []               # disconnect: nobody to tell


def serve(context, router):
    """Until the router leaves or falls silent; True: we are to stop, and all that we had is answered."""
    with context.socket(zmq.DEALER) as s:
        s.linger = 1000
        s.connect(router)
        say = lambda frame, *attachments: s.send_multipart([json.dumps(frame).encode(), *attachments])
        ready = {"ready": "example", "namespaces": [NAMESPACE], "events": ["connect", "disconnect", "echo", "say"], "capacity": 16}
        say(ready)
        beat, silence, heard, leaving = 1000, 5000, time.monotonic(), False
        while time.monotonic() - heard < silence / 1000:
            if STOP and not leaving:
                leaving = True
                say({"bye": True})
            if not s.poll(min(beat, 200)):
                if time.monotonic() - heard > beat / 1000:
                    say({"ping": True})
                continue
            frame, *attachments = s.recv_multipart()
            m, heard = json.loads(frame), time.monotonic()
            if "request" in m:
                reply, more = handle(m, attachments)
                say({"reply": m["request"], **reply}, *more)
            elif "welcome" in m:
                beat, silence = m["beat"], m["silence"]
                print("welcome", m["welcome"], flush=True)
            elif "ping" in m: say({"pong": m["ping"]})
            elif "again" in m: say(ready)
            elif "bye" in m: return leaving
    return leaving


STOP = []
signal.signal(signal.SIGTERM, lambda *_: STOP.append(True))
with zmq.Context() as context:
    any(serve(context, router) for router in itertools.cycle(ROUTERS))
