"""Every daemon as it is shipped, under valgrind: a client's whole life, a publisher, SIGTERM; no error, nothing leaked."""
import concurrent.futures, os, pathlib, shutil, signal, subprocess

import zmq

from lib import RELEASE, ROOT, Failed, Topology, check, same, until

VALGRIND = ("valgrind", "-q", "--fair-sched=yes", "--error-exitcode=99", "--leak-check=full", "--show-leak-kinds=definite,indirect", "--errors-for-leak-kinds=definite,indirect")
READY = 120     # everything is slow there, and slower beside others


class ByHand(Topology):
    """The daemons without supervisor, each under valgrind."""

    def __enter__(self):
        (self.state / "log").mkdir(0o700, parents=True)
        self.state.chmod(0o700)
        for name, bytes in (("demo.secret", os.urandom(32).hex().encode()), ("sid.key", os.urandom(16))):
            (self.state / name).write_bytes(bytes)
            (self.state / name).chmod(0o600)
        self.processes, self.files = {}, []
        try:
            self.start("redis", "redis-server", "--port", "0", "--unixsocket", str(self.state / "redis.sock"), "--save", "")
            until((self.state / "redis.sock").exists, "redis-server")
            with concurrent.futures.ThreadPoolExecutor(6) as pool:
                list(pool.map(lambda d: self.daemon_start(*d), [("router", 0), ("router", 1), ("auth", 0), ("presence", 0), ("gateway", 0), ("gateway", 1)]))
        except BaseException:
            self.kill()
            raise
        return self

    def start(self, name, *words, **more):
        log = open(self.state / "log" / f"{name}.log", "wb")
        self.files.append(log)
        self.processes[name] = subprocess.Popen(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.env, **more)

    def daemon_start(self, role, number):
        ready, theirs = os.pipe()
        self.start(f"{role}-{number}", *VALGRIND, RELEASE / f"causeway-{role}", "--config", self.file, "--state", self.state, "--number", str(number), "--ready-fd", str(theirs), pass_fds=[theirs])
        os.close(theirs)
        with os.fdopen(ready) as pipe:
            check(pipe.readline() == "ready\n", f"{role}-{number} does not get ready:\n{self.logs()}")

    def stop(self):
        """As the supervisor does: who is nearest to the clients first."""
        for names in (("gateway-0", "gateway-1"), ("presence-0", "auth-0"), ("router-1",), ("router-0",)):
            for name in names:
                self.processes[name].send_signal(signal.SIGTERM)
            for name in names:
                try:
                    code = self.processes.pop(name).wait(READY)
                except subprocess.TimeoutExpired:
                    raise Failed(f"{name} does not stop:\n{self.logs()}")
                log = (self.state / "log" / f"{name}.log").read_text(errors="replace")
                check(code == 0 and "==" not in log, f"{name}: exit {code}\n{log}")

    def kill(self):
        for process in self.processes.values():
            process.kill()
            process.wait()
        for file in self.files:
            file.close()

    def __exit__(self, kind, *_):
        for driver in self.drivers:
            driver.stop()
        self.context.destroy(linger=0)
        try:
            if kind is None:
                self.stop()
        finally:
            self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)


def life(t, c, name, gateway, transports, secure):
    t.connect(c, name, gateway=gateway, transports=transports, secure=secure)
    same(c.call(name, "join-room", {"room": "lobby"})[0]["success"], True)


def test_no_errors_no_leaks():
    if "TEST_RELEASE" not in os.environ:
        subprocess.run(["make", "-s", "-C", ROOT, "build"], check=True, stdout=subprocess.DEVNULL)
    with ByHand(extra="bus: {beat_timeout_ms: 20s}\nservice: {stats_ms: 200}\n", secure=True) as t:
        t.file.write_text(t.file.read_text().replace("redis: private", f"redis: 'unix:{t.state}/redis.sock'"))
        c = t.clients()
        for name, gateway, transports, secure in (("ann", 0, ["polling", "websocket"], False), ("bob", 1, ["polling"], False), ("cat", 0, ["websocket"], True)):
            life(t, c, name, gateway, transports, secure)
        for who in ("ann", "bob", "cat"):
            same(c.call(who, "room-message", {"room": "lobby", "message": who}), [{"success": True}])
            for reader in ("ann", "bob", "cat"):
                c.expect(reader, "room-message", lambda l: l["args"][0]["message"] == who)
        c.call("bob", "share", {"room": "lobby", "name": "x", "data": {"$bin": "AAEC"}})
        same(c.expect("ann", "share")["args"][0]["data"], {"$bin": "AAEC"})
        c.call("ann", "private-message", {"targetUserId": "bob", "message": "psst"})
        c.expect("bob", "private-message")
        c.do("connect", id="no", url=t.url(), opts={"auth": {"token": "x.y.z"}, "transports": ["websocket"]})
        c.expect("no", "connect_error")
        same(t.command({"emit": "news", "to": "room:lobby", "reached": True}, router=1)["reached"], 3)
        same(t.command({"nonsense": 1})["ok"], False)
        for verb in ({"who": ""}, {"rooms": ""}, {"sockets": "*"}, {"health": True}, {"online": ["ann"]}):
            check(t.command(verb)["ok"], verb)
        with t.socket(zmq.PUSH, "publish_pull") as push:
            push.send(b"{")
            push.send_json({"emit": "pushed", "to": "user:bob"})
            c.expect("bob", "pushed")
        c.do("close", id="bob")
        c.expect("ann", "user-offline")
        t.command({"disconnect": "user:cat"})
        c.expect("cat", "disconnect")
        until(lambda: t.stats()["router-0"].get("refused.publish.ERR_TRUNC", 0) + t.stats()["router-0"].get("refused.publish.ERR_SYNTAX", 0) > 0, "counted")
