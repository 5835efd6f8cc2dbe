#!/usr/bin/python3
"""driver - python-socketio's clients, told what to do by a test over a pipe: the same lines in and out as driver.mjs.

What it does of them: connect (url, opts: auth, query, transports, reconnection; also; answers), emit, flood, close, transport, count."""
import base64, json, sys, threading, urllib.parse

import engineio.payload, socketio

engineio.payload.Payload.max_decode_packets = 1000      # more than 16 packets in one poll's answer end a session: who is in busy rooms sets it
said = threading.Lock()
clients = {}


def say(**line):
    with said:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


def pack(v):
    if isinstance(v, (bytes, bytearray)):
        return {"$bin": base64.b64encode(v).decode()}
    if isinstance(v, (list, tuple)):
        return [pack(x) for x in v]
    return {k: pack(x) for k, x in v.items()} if isinstance(v, dict) else v


def unpack(v):
    if isinstance(v, list):
        return [unpack(x) for x in v]
    if isinstance(v, dict):
        return base64.b64decode(v["$bin"]) if "$bin" in v else {k: unpack(x) for k, x in v.items()}
    return v


class Listener(socketio.ClientNamespace):
    """One namespace of one connection: an id of the test."""

    def __init__(self, id, nsp, sio, quiet, answers):
        super().__init__(nsp)
        self.id, self.sio, self.quiet, self.answers = id, sio, set(quiet), answers
        self.counts, self.lock = {}, threading.Lock()
        sio.register_namespace(self)
        clients[id] = self

    def trigger_event(self, event, *args):
        if event == "connect":
            return say(id=self.id, event="connect", sid=self.sio.get_sid(self.namespace), transport=self.sio.transport())
        if event == "disconnect":
            return say(id=self.id, event="disconnect", reason=None)     # 5.7 tells none
        if event == "connect_error":
            told = args[0] if args else None
            return say(id=self.id, event="connect_error", message=told.get("message") if isinstance(told, dict) else told)
        with self.lock:         # each in a thread of its own; what is counted was said
            self.counts[event] = self.counts.get(event, 0) + 1
            if event not in self.quiet and "*" not in self.quiet:
                say(id=self.id, event=event, args=pack(args))
        return tuple(unpack(self.answers[event])) if event in self.answers else None


def connect(id, url, opts={}, quiet=(), also={}, answers={}, version=None):
    sio = socketio.Client(reconnection=opts.get("reconnection", False), reconnection_delay=0.1, reconnection_delay_max=1, handle_sigint=False)
    parts = urllib.parse.urlsplit(url)
    for name, nsp in {id: parts.path or "/", **also}.items():
        Listener(name, nsp, sio, quiet, answers)
    query = urllib.parse.urlencode(opts.get("query", {}))
    base = f"{parts.scheme}://{parts.netloc}" + (f"?{query}" if query else "")
    try:
        sio.connect(base, auth=opts.get("auth"), transports=opts.get("transports"), wait_timeout=30)
    except socketio.exceptions.ConnectionError:
        pass            # its listeners were told


def emit(id, event, args=(), ack=None):
    client = clients[id]
    answered = None if ack is None else lambda *values: say(id=id, event="ack", ack=ack, args=pack(values))
    client.sio.emit(event, tuple(unpack(list(args))), namespace=client.namespace, callback=answered)


def flood(id, event, count, args={}, window=100):
    client, room = clients[id], threading.Semaphore(window)
    acked = threading.Semaphore(0)      # python-socketio answers from many threads

    def on_ack(*_):
        room.release()
        acked.release()
    for n in range(count):
        room.acquire()
        client.sio.emit(event, {**args, "message": {"n": n}}, namespace=client.namespace, callback=on_ack)
    for _ in range(count):
        acked.acquire()
    say(id=id, event="flooded", count=count)


def count(id, of, ref):
    with clients[id].lock:
        say(id=id, event="counted", ref=ref, count=clients[id].counts.get(of, 0), disorder=None)       # its threads have no order


def run(do, what):
    try:
        do(**what)
    except Exception as e:
        say(id=what.get("id"), event="driver_error", message=repr(e))


doers = {
    "connect": connect, "emit": emit, "flood": flood, "count": count,
    "close": lambda id: clients[id].sio.disconnect(),
    "transport": lambda id: say(id=id, event="transport", transport=clients[id].sio.transport()),
}
say(event="ready")
for line in sys.stdin:
    what = json.loads(line)
    do = doers[what.pop("do")]
    if do in (connect, flood):
        threading.Thread(target=run, args=(do, what), daemon=True).start()
    else:
        run(do, what)
