"""What the gateway's shell must do, each in a world of its own."""
import os, signal, socket, ssl, struct, subprocess, threading

import world
from world import *


def talk(w, secure):
    """A poll, a WebSocket, a ping and an event."""
    s = w.connect(secure)
    for _ in range(2):                              # the connection is kept
        status, body = get(s, "/socket.io/?EIO=4&transport=polling")
        check(status == 200 and body.startswith(b"0{"), f"{status} {body!r}")
    socket_io = WebSocket(w.connect(secure))
    socket_io.send(b"hi", kind=9)
    same(socket_io.read(), (10, b"hi"), "pong")
    socket_io.join()
    same(socket_io.call("greet"), '430["hello"]', "ack")
    return socket_io


def test_plain():
    with World() as w:
        talk(w, False)
        status, body = get(w.tcp("six"), "/socket.io/?EIO=4&transport=polling")
        same(status, 200, "over IPv6")
        status, body = get(w.tcp(), "/other/?EIO=4&transport=polling")
        same(status, 200, "a second listener on the same port")
        same(get(w.tcp(), "/nothing")[0], 404, "nothing there")
        same(w.stats("listeners")["plain"]["accepted"], 4, "connections of the port")


def test_tls():
    with World() as w:
        talk(w, True)
        s = w.tls(alpn=["h2", "http/1.1"])
        same(s.selected_alpn_protocol(), "http/1.1", "ALPN")
        check(s.version() in ("TLSv1.2", "TLSv1.3"), s.version())
        same(get(s, "/nothing")[0], 404, "nothing there")


def test_tls_refuses():
    """Plain HTTP, garbage and old TLS on a TLS port cost that connection only, and are counted."""
    with World() as w:
        neighbour = talk(w, True)
        s = w.tcp("secure")
        s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        read_all(s)
        s = w.tcp("secure")
        s.sendall(os.urandom(2000))
        read_all(s)
        s = w.tcp("secure")
        s.sendall(bytes.fromhex("16030100") + b"\x05\x01\x00\x00\x01\x00")       # a hello that is none
        read_all(s)
        w.tcp("secure").close()
        w.count("tls.failed", 4)
        same(neighbour.call("greet"), '430["hello"]', "the neighbour")
        port = w.stats("ports")[str(w.port["secure"])]
        check(port["failed"]["plain"] == 1 and port["failed"]["protocol"] >= 1 and port["failed"]["closed"] >= 1, str(port))


def slow_reader(secure):
    with World() as w:
        s = w.connect(secure, receive_buffer=4096)
        status, body = get(s, "/big", piece=3000)
        check(status == 200 and body == w.big, "3 MB came whole")
        w.count("writes.partial", 1)
        same(get(s, "/nothing")[0], 404, "the connection goes on")


def test_slow_reader_plain():
    slow_reader(False)


def test_slow_reader_tls():
    slow_reader(True)


def stuck(w, secure):
    """A client that asked for 3 MB and reads none of it."""
    s = w.connect(secure, receive_buffer=4096)
    s.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
    w.count("writes.partial", 1)
    return s


def busy(w, seconds=1.0):
    """CPU per second of a window in which nothing should happen but stats."""
    before = w.cpu()
    threading.Event().wait(seconds)
    return (w.cpu() - before) / seconds


def half_close(secure):
    with World() as w:
        idle = busy(w)
        s = stuck(w, secure)
        choked = busy(w)
        s.shutdown(socket.SHUT_WR) if not secure else socket.socket.shutdown(s, socket.SHUT_WR)
        until(lambda: w.stats()["connections.open"] == 0, "a half-closed client that does not read is gone")
        s = stuck(w, secure)
        s.settimeout(0.2)
        try:
            for _ in range(4000):
                s.send(b"x" * 16000)                # behind its request: more than anyone may
        except OSError:
            pass
        try:
            socket.socket.shutdown(s, socket.SHUT_WR)
        except OSError:
            pass
        until(lambda: w.stats()["connections.open"] == 0, "a flooding one too")
        after = busy(w)
        for name, share in (("choked", choked), ("after", after)):
            check(share < idle + 0.1, f"{name}: {share:.0%} of a core, {idle:.0%} idle")
        return f"idle {idle:.1%}, choked {choked:.1%}, after {after:.1%} of a core"


def test_half_close_plain():
    return half_close(False)


def test_half_close_tls():
    return half_close(True)


def test_websocket_flood():
    """Frames without end to a client that reads nothing: its queue is bounded, its neighbour notices nothing."""
    with World() as w:
        neighbour = talk(w, False)
        flooder = WebSocket(w.tcp(receive_buffer=4096))
        flooder.s.settimeout(DEADLINE)
        mask = bytes(4)
        ping = bytes([0x89, 0x80 | 100]) + mask + b"p" * 100
        try:
            for _ in range(4000):
                flooder.s.sendall(ping * 150)
        except OSError:
            pass
        else:
            raise Failed("60 MB of pongs are kept for somebody")
        w.count("connections.slow", 1)
        same(neighbour.call("greet"), '430["hello"]', "the neighbour")


def test_answer_survives_unread_input():
    """An error is read by its client though half of what it sent was not."""
    with World() as w:
        for secure in (False, True):
            s = w.connect(secure)
            s.sendall(b"POST /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: nonsense\r\n\r\n" + b"x" * 300000)
            answer = read_all(s)
            check(answer.startswith(b"HTTP/1.1 "), f"{answer[:60]!r}")


def test_reset_peer():
    with World() as w:
        for secure in (False, True):
            for _ in range(20):
                s = w.connect(secure)
                s.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                s.close()
        until(lambda: w.stats()["connections.open"] == 0, "all are gone")


def test_shared_port():
    """Two gateways accept on one port; one that leaves resets nobody who was let in."""
    with World() as w:
        second = w.start("gateway-1", world.GATEWAY, number=1)
        sockets = [WebSocket(w.tcp()) for _ in range(64)]
        accepted = [w.stats(number=n)["connections.accepted"] for n in (0, 1)]
        check(min(accepted) > 0 and sum(accepted) == 64, str(accepted))
        second.send_signal(signal.SIGTERM)
        for s in sockets:
            s.send("40")
        kept = sum(s.read()[1].startswith(b"40{") for s in sockets)     # the others were told to go: a close frame
        check(kept >= accepted[0], f"{kept} of {accepted}")
        same(second.wait(DEADLINE), 0, "exit of the second")


def test_garbage():
    """Bytes that are nothing, cut anywhere, at both ports: each costs its connection."""
    starts = (b"", b"GET / HTTP/1.1\r\n", b"POST /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n",
              bytes.fromhex("160301020001000200"), b"\x16\x03\x01")
    with World() as w:
        neighbour = talk(w, True)
        for i in range(600):
            s = w.tcp("secure" if i % 2 else "plain")
            try:
                s.sendall(starts[i % len(starts)] + os.urandom(i))
                if i % 3:
                    s.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            s.close()
        same(neighbour.call("greet"), '430["hello"]', "the neighbour")
        until(lambda: w.stats()["connections.open"] <= 2, "all are gone")


def test_descriptors():
    """Out of descriptors: no spin, those who are in go on, the others hear of it, and all is well again."""
    with World(fds=256) as w:
        first = talk(w, False)
        many = []
        for _ in range(300):
            s = w.tcp()
            many.append(s)
        w.count("accept.paused", 1)
        same(first.call("greet"), '430["hello"]', "who is in goes on")
        share = busy(w)
        check(share < 0.3, f"{share:.0%} of a core")
        check(w.stats()["process.fds"] < 256 - 32, "some are kept for the daemon itself")
        for s in many:
            s.close()
        until(lambda: w.stats()["connections.open"] <= 2, "all are gone")
        talk(w, False)
        return f"{share:.1%} of a core while out of descriptors"


def test_reload_certificate():
    with World() as w:
        old = talk(w, True)
        make_certificate(w.dir, "second")           # another kind of key, too
        second = (w.dir / "cert.pem").read_text()
        w.gateway.send_signal(signal.SIGHUP)
        w.count("tls.reloaded", 1)
        same(get(w.tls(trust=second), "/nothing")[0], 404, "a new one has the new certificate")
        try:
            w.tls(trust=w.first)
        except ssl.SSLCertVerificationError:
            pass
        else:
            raise Failed("the old certificate is still shown")
        same(old.call("greet"), '430["hello"]', "the connection from before")
        for bad in ("nonsense", "", w.first):       # the last: a certificate that is not the key's
            (w.dir / "cert.pem").write_text(bad)
            before = w.stats()["tls.refused"]
            w.gateway.send_signal(signal.SIGHUP)
            w.count("tls.refused", before + 1)
        same(get(w.tls(trust=second), "/nothing")[0], 404, "a bad one is not taken")
        check("the old one stays" in w.log("gateway"), w.log("gateway"))


def test_reload_rules():
    with World() as w:
        s = talk(w, False)
        w.write("goodbye")
        w.gateway.send_signal(signal.SIGHUP)
        until(lambda: s.call("greet") == '430["goodbye"]', "the new rule")
        w.write("{nonsense")
        w.gateway.send_signal(signal.SIGHUP)
        until(lambda: "topology refused" in w.log("gateway"), "a line in the log")
        same(s.call("greet"), '430["goodbye"]', "the old rule")


def leave(prefix=()):
    with World(prefix=prefix, drain="2s") as w:
        sockets = [talk(w, secure) for secure in (False, True)]
        waiting = w.tcp()
        status, body = get(waiting, "/socket.io/?EIO=4&transport=polling")
        sid = json.loads(body[1:])["sid"]
        waiting.sendall(f"GET /socket.io/?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        silent, half = w.tcp("secure"), w.tcp()
        half.sendall(b"GET / HT")
        stuck(w, False)
        w.stop()
        check("deadline" not in w.log("gateway"), "it waited for who does not read:\n" + w.log("gateway"))
        for s in (sockets[0].s, sockets[1].s, silent, half):
            read_all(s)
        return None


def test_leave():
    leave()


def test_leave_under_valgrind():
    program = "build/valgrind/causeway-gateway"
    subprocess.run(["make", "-s", "-C", ROOT, "MODE=valgrind", program], check=True, stdout=subprocess.DEVNULL)
    before, world.GATEWAY = world.GATEWAY, ROOT / program
    try:
        leave(("valgrind", "-q", "--error-exitcode=98", "--leak-check=full", "--errors-for-leak-kinds=definite,indirect"))
    finally:
        world.GATEWAY = before
