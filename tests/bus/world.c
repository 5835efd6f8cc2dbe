#include "world.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
struct world w;

/* Also wakes the loop now and then: what a turn's end did can make a condition
 * true and leave nothing to wake up for. */
static void on_alarm(void *over)
{
    if (service_now(w.svc) >= w.patience) *(bool *)over = true;
    else service_timer_set(w.svc, &w.alarm, service_now(w.svc) + 5);
}

void arm_alarm(uint64_t ms, bool *over)
{
    service_timer_cancel(w.svc, &w.alarm);
    w.alarm = (struct service_timer){ .fn = on_alarm, .self = over };
    w.patience = service_now(w.svc) + ms;
    on_alarm(over);
}

void begin(void)
{
    w = (struct world){ .dir = "/tmp/causeway-bus-XXXXXX" };
    if (!mkdtemp(w.dir)) abort();
    w.log = log_new("test", getenv("BUS_VERBOSE") ? LOG_DEBUG : LOG_FATAL + 1, STDERR_FILENO);
    w.svc = service_new(w.log);
}

void end(void)
{
    party_close(&w.a);
    party_close(&w.b);
    party_close(&w.c);
    service_timer_cancel(w.svc, &w.alarm);
    service_destroy(&w.svc);
    log_destroy(&w.log);
    struct buf command = { 0 };
    buf_add_format(&command, "rm -rf '%s'", w.dir);
    if (system(buf_text(&command)) != 0) abort();
    buf_fini(&command);
}

struct peer *gateway(struct party *n, uint16_t number)  { return bus_find(n->bus, ROLE_GATEWAY, number); }
struct peer *router(struct party *n, uint16_t number)   { return bus_find(n->bus, ROLE_ROUTER, number); }
struct peer *presence(struct party *n, uint16_t number) { return bus_find(n->bus, ROLE_PRESENCE, number); }
bool up(struct peer *peer)                             { return peer && peer_up(peer); }

void pair(void)
{
    begin();
    party_open(&w.a, w.svc, w.dir, 0, ROLE_ROUTER, 0);
    party_open(&w.b, w.svc, w.dir, 0, ROLE_GATEWAY, 0);
    CHECK(w.a.bus && w.b.bus);
    until(up(gateway(&w.a, 0)) && up(router(&w.b, 0)));
}

uint64_t refused(const struct party *n)
{
    uint64_t sum = 0;
    for (unsigned e = 0; e < ERR_COUNT; e++) sum += n->stats.bus_refused[e];
    return sum;
}

/* ---- processes */

pid_t spawn_echo(const char *role, const char *number, const char *port)
{
    char program[256];                          /* stands beside this one: build/asan/bus-echo */
    ssize_t len = readlink("/proc/self/exe", program, sizeof program - 8);
    int out[2];
    if (len < 0 || pipe2(out, O_CLOEXEC) != 0) abort();
    memcpy(program + len, "-echo", 6);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    char *argv[] = { strdup(program), strdup(role), strdup(number), strdup(w.dir), port ? strdup(port) : NULL, NULL };
    pid_t pid;
    if (posix_spawn(&pid, program, &actions, NULL, argv, environ) != 0) abort();
    for (char **arg = argv; *arg; arg++) free(*arg);
    posix_spawn_file_actions_destroy(&actions);
    close(out[1]);
    char line[8] = "";
    bool ready = read(out[0], line, 6) == 6 && strcmp(line, "ready\n") == 0;    /* blocks: until it is ready or dead */
    close(out[0]);
    if (ready) return pid;
    waitpid(pid, NULL, 0);
    return 0;
}

int stop_echo(pid_t pid, int signal_number)
{
    int status = 0;
    kill(pid, signal_number);
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
