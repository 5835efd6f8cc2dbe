/* Peers in processes of their own: killed, hung, stopped under load. */
#include "world.h"

#include <signal.h>
#include <stdlib.h>

TEST(bus_process_killed_and_started_again)
{
    begin();
    party_open(&w.a, w.svc, w.dir, 0, ROLE_ROUTER, 0);
    pid_t pid = spawn_echo("gateway", "0", NULL);
    until(up(gateway(&w.a, 0)));
    for (uint64_t i = 1; i <= 100; i++) party_say(gateway(&w.a, 0), i, 100);
    until(w.a.answers == 100);
    EQUAL(stop_echo(pid, SIGKILL), 128 + SIGKILL);
    for (uint64_t i = 1; i <= 50; i++) party_say(gateway(&w.a, 0), i, 100);
    until(w.a.downs == 1);
    pid = spawn_echo("gateway", "0", NULL);
    until(w.a.reborns == 1 && w.a.answers == 150);
    EQUAL(stop_echo(pid, SIGTERM), 0);       /* 1 if it had seen them out of order */
    until(w.a.byes == 1);
    end();
}

TEST(bus_router_process_killed_and_started_again)
{
    begin();
    pid_t pid = spawn_echo("router", "0", NULL);
    party_open(&w.b, w.svc, w.dir, 0, ROLE_GATEWAY, 0);
    until(up(router(&w.b, 0)));
    for (uint64_t i = 1; i <= 100; i++) party_say(router(&w.b, 0), i, 100);
    until(w.b.answers == 100);
    stop_echo(pid, SIGKILL);
    for (uint64_t i = 1; i <= 50; i++) party_say(router(&w.b, 0), i, 100);
    until(w.b.downs == 1);
    pid = spawn_echo("router", "0", NULL);
    until(w.b.reborns == 1 && w.b.answers == 150);
    EQUAL(stop_echo(pid, SIGTERM), 0);
    end();
}

/* A process that hangs: its pipe fills, we wait, it goes down; when it goes on it is
 * up as it was and nothing is lost. */
static void hang(const char *role, struct party *n, struct peer *(*peer_of)(struct party *, uint16_t))
{
    begin();
    setenv("BUS_HWM", "2", 1);
    n->config.bus.high_water_count = 2;
    pid_t pid = 0;
    if (n == &w.b) pid = spawn_echo(role, "0", NULL);
    party_open(n, w.svc, w.dir, 0, n == &w.a ? ROLE_ROUTER : ROLE_GATEWAY, 0);
    if (n == &w.a) pid = spawn_echo(role, "0", NULL);
    unsetenv("BUS_HWM");
    until(up(peer_of(n, 0)));
    kill(pid, SIGSTOP);
    uint64_t said = 0;
    for (int i = 0; i < 300; i++) party_say(peer_of(n, 0), ++said, 100000);
    until(n->stats.bus_clogged > 0);
    until(n->downs == 1);
    CHECK(bus_queued(peer_of(n, 0)) > 100000);
    kill(pid, SIGCONT);
    until(n->answers == said);
    EQUAL(n->ups, 2);
    EQUAL(n->reborns, 0);
    EQUAL(stop_echo(pid, SIGTERM), 0);
    end();
}

TEST(bus_process_hangs_behind_our_router)  { hang("gateway", &w.a, gateway); }
TEST(bus_process_hangs_behind_our_dealer)  { hang("router", &w.b, router); }

TEST(bus_process_stops_cleanly_under_load)
{
    begin();
    party_open(&w.a, w.svc, w.dir, 0, ROLE_ROUTER, 0);
    for (int round = 0; round < 5; round++) {
        pid_t pid = spawn_echo("gateway", "0", NULL);
        until(up(gateway(&w.a, 0)));
        for (uint64_t i = 1; i <= 2000; i++) party_say(gateway(&w.a, 0), i, 100);
        uv_run(service_loop(w.svc), UV_RUN_NOWAIT);
        EQUAL(stop_echo(pid, SIGTERM), 0);
        until(!up(gateway(&w.a, 0)));
        for (struct blob *m; (m = bus_take_unconfirmed(gateway(&w.a, 0))); ) blob_drop(&m);
    }
    end();
}
