#!/usr/bin/env python3
"""Watch every daemon's counters on any router's stats socket."""
import json, sys, zmq

sub = zmq.Context.instance().socket(zmq.SUB)
sub.connect(sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5575")
sub.subscribe(b"stats.")                                # or "stats.gateway.", "stats.gateway.gateway-0."
for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 20):
    topic, value = sub.recv_multipart()
    if not topic.endswith(b".counters"): continue       # gateways also say .listeners and .ports
    counters = json.loads(value)
    print(topic.decode(), {k: counters[k] for k in ("uptime_ms", "sessions.open", "rooms.open") if k in counters})
