/* daemon - a gateway's questions to a real causeway-auth: many at once, while its
 * keys are changed, spoilt and changed again, and while it is told to go. Every
 * question has to be answered, and only once.
 *
 *     auth-daemon build/causeway-auth [count]       prints a line, exits 0 or 1
 *
 * AUTH_WRAPPER: what the daemon is started by, e.g. "valgrind --error-exitcode=1". */
#include "daemon_uv.h"
#include "mint_jwt.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WINDOW = 64, TOKENS = 200, RELOAD_EACH = 2000 };

struct test {
    char                 dir[32];
    struct config        config;
    struct service      *svc;
    struct bus          *bus;
    struct bus_stats     stats;
    struct service_timer late;
    pid_t                pid;
    struct buf           tokens[TOKENS];
    uint64_t             asked, answered, wanted, reloads;
    uint8_t             *seen;
    const char          *fault;
};

static void fail(struct test *t, const char *why)
{
    if (!t->fault) t->fault = why;
    service_stop(t->svc);
}

static const char *path(const struct test *t, const char *name)
{
    static char text[4][64];
    static unsigned at;
    char *p = text[at++ % 4];
    snprintf(p, sizeof text[0], "%s/%s", t->dir, name);
    return p;
}

static void write_file(const char *name, const char *content)
{
    FILE *f = fopen(name, "w");
    NEED(f && fputs(content, f) >= 0 && fclose(f) == 0);
}

static void write_files(struct test *t)
{
    char topology[1024];
    NEED(mkdtemp(t->dir));
    write_file(path(t, "secret"), "a secret of quite enough bytes for HS256\n");
    snprintf(topology, sizeof topology,
             "name: test\nauth:\n  keys:\n    - {kind: secret, file: %s, algorithms: [HS256]}\n"
             "listeners:\n  public: {port: 8080}\nbus: {beat_ms: 50ms, beat_timeout_ms: 500ms}\n"
             "namespaces:\n  /:\n    require: {status: 1}\n", path(t, "secret"));
    write_file(path(t, "topology.yaml"), topology);
    for (int i = 0; i < TOKENS; i++) {
        char claims[64];
        struct buf error = { 0 };
        snprintf(claims, sizeof claims, "{\"sub\":%d,\"status\":1,\"exp\":4102444800}", i);
        NEED(mint(&t->tokens[i], ALG_HS256, path(t, "secret"), SPAN(""), span_of(claims), &error));
    }
}

static void start_daemon(struct test *t, const char *program)
{
    int ready[2];
    char fd[16], byte, command[512];
    const char *wrapper = getenv("AUTH_WRAPPER");
    NEED(pipe(ready) == 0);
    snprintf(fd, sizeof fd, "%d", ready[1]);
    snprintf(command, sizeof command, "exec %s %s --config %s --state %s --number 0 --ready-fd %s",
             wrapper ? wrapper : "", program, path(t, "topology.yaml"), t->dir, fd);
    t->pid = fork();
    if (t->pid == 0) {
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(EXIT_ENVIRONMENT);
    }
    close(ready[1]);
    if (read(ready[0], &byte, 1) != 1) fprintf(stderr, "the daemon did not start\n"), exit(1);
    close(ready[0]);
}

/* ---- a turn at a time */

static void ask(struct test *t, struct peer *peer)
{
    while (t->asked < t->wanted && t->asked - t->answered < WINDOW) {
        const struct buf *token = &t->tokens[t->asked % TOKENS];
        struct msg_VERIFY m = { .ref = ++t->asked, .nsp = SPAN("/"), .token = buf_span(token) };
        if (!bus_say(peer, VERIFY, &m)) fail(t, "a question was not taken");
    }
}

static void disturb(struct test *t)     /* good keys and bad ones in turn */
{
    if (t->answered % RELOAD_EACH) return;
    bool good = ++t->reloads % 2 == 0;
    write_file(path(t, "secret.new"), good ? "a secret of quite enough bytes for HS256\n" : "bad");
    NEED(rename(path(t, "secret.new"), path(t, "secret")) == 0);
    kill(t->pid, SIGHUP);
}

static void on_verdict(struct test *t, struct peer *peer, const struct msg_VERDICT *m)
{
    char user[16];
    if (m->ref == 0 || m->ref > t->asked || t->seen[m->ref]++) {
        fail(t, "an answer to nothing, or a second one");
        return;
    }
    snprintf(user, sizeof user, "%llu", (unsigned long long)((m->ref - 1) % TOKENS));
    if (!m->allowed || !span_same(m->user, span_of(user)) || m->expires != 4102444810) {
        fail(t, "a wrong answer");
        return;
    }
    t->answered++;
    disturb(t);
    if (t->answered == t->wanted / 2) {     /* told to go, with a window of questions on their way */
        t->wanted = t->asked;
        kill(t->pid, SIGTERM);
    }
    ask(t, peer);
    if (t->answered == t->wanted) service_stop(t->svc);
}

static void on_message(void *self, struct peer *peer, enum msg_type type, struct span fields, uint64_t number)
{
    struct msg_VERDICT m;
    (void)number;
    if (type == MSG_VERDICT && msg_decode_VERDICT(&m, fields) == OK) on_verdict(self, peer, &m);
    else fail(self, "something else came");
}

static void on_peer(void *self, struct peer *peer, enum bus_event event)
{
    struct test *t = self;
    if (event == BUS_UP && peer_role(peer) == ROLE_AUTH && t->asked == 0) ask(t, peer);
}

static void on_late(void *self)
{
    fail(self, "answers are missing");
}

int main(int argc, char **argv)
{
    static const struct bus_handler handler = { .on_message = on_message, .on_peer = on_peer };
    static struct test t = { .dir = "/tmp/causeway-authd-XXXXXX" };
    struct buf errors = { 0 }, endpoint = { 0 };
    if (argc < 2) return EXIT_USAGE;
    t.wanted = argc > 2 ? 2 * strtoull(argv[2], NULL, 10) : 40000;
    t.seen = calloc(t.wanted + WINDOW + 1, 1);
    write_files(&t);
    start_daemon(&t, argv[1]);
    struct log *log = log_new("gateway-0", LOG_WARN, STDERR_FILENO);
    t.svc = service_new(log);
    if (!config_read(&t.config, path(&t, "topology.yaml"), t.dir, &errors)) fprintf(stderr, "%s", buf_text(&errors)), exit(1);
    t.bus = bus_new(t.svc, &(struct bus_options){
        .role = ROLE_GATEWAY, .config = &t.config, .handler = &handler, .self = &t, .stats = &t.stats });
    NEED(t.bus && bus_listen(t.bus, NULL));
    bus_start(t.bus);
    config_bus_endpoint(&endpoint, &t.config, ROLE_AUTH, 0);
    bus_connect(t.bus, ROLE_AUTH, 0, buf_text(&endpoint));
    t.late = (struct service_timer){ .fn = on_late, .self = &t };
    uint64_t start = service_now(t.svc);
    service_timer_set(t.svc, &t.late, start + 60000);
    service_run(t.svc);
    uint64_t ms = service_now(t.svc) - start;
    int status = 0;
    while (waitpid(t.pid, &status, 0) < 0 && errno == EINTR) {}
    if (!t.fault && status) t.fault = "the daemon did not exit 0";
    printf("auth daemon: %s: %llu of %llu questions answered, %llu reloads, %llu ms, exit status %d\n", t.fault ? t.fault : "ok",
           (unsigned long long)t.answered, (unsigned long long)t.wanted, (unsigned long long)t.reloads, (unsigned long long)ms, status);
    service_timer_cancel(t.svc, &t.late);
    bus_bye(t.bus);
    bus_destroy(&t.bus);
    service_destroy(&t.svc);
    log_destroy(&log);
    config_fini(&t.config);
    for (int i = 0; i < TOKENS; i++) buf_fini(&t.tokens[i]);
    buf_fini(&errors), buf_fini(&endpoint);
    free(t.seen);
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", t.dir);
    return system(command) != 0 || t.fault ? 1 : 0;
}
