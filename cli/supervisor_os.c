#include "supervisor_os.h"
#include "child_os.h"
#include "control.h"
#include "json.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { START_MS = 30000, STOP_MARGIN_MS = 5000, PROBE_MS = 25, LOGS_MS = 5000 };
enum { ASKERS_MAX = 32, CHILDREN_MAX = 512 };

struct asker {
    int        fd;              /* -1: a free place */
    uint32_t   op;
    struct buf in, out;
    bool       closing;         /* once 'out' is gone */
};

struct supervisor {
    const struct place *place;
    struct launch       launch;
    struct supervise   *core;
    struct supervise_out out;
    struct log         *log;
    struct child        child[CHILDREN_MAX];
    size_t              children;
    struct asker        asker[ASKERS_MAX];
    int                 signal_fd, listen_fd, log_fd, lock_fd;
    uint32_t            ops;
    uint64_t            started, logs_due, now;
    struct { struct unit_id id; int code; } last_exit;
    bool                gone;
    struct pollfd       poll[2 + ASKERS_MAX + 2 * CHILDREN_MAX];
};

static uint64_t clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static const char *name_of(char out[32], struct unit_id id)
{
    struct buf b = { 0 };
    unit_print(&b, id);
    snprintf(out, 32, "%s", buf_text(&b));
    buf_fini(&b);
    return out;
}

/* ---- those who ask */

static void flush_asker(struct asker *a)
{
    while (a->fd >= 0 && a->out.len) {
        ssize_t n = write(a->fd, a->out.ptr, a->out.len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return;
        if (n < 0) buf_clear(&a->out), a->closing = true;
        else buf_drop_head(&a->out, (size_t)n);
    }
}

static void close_asker(struct supervisor *s, struct asker *a)
{
    if (a->fd < 0) return;
    if (a->op) supervise_forget_op(s->core, a->op);
    close(a->fd);
    buf_fini(&a->in), buf_fini(&a->out);
    *a = (struct asker){ .fd = -1 };
}

static struct asker *add_asker(struct supervisor *s, int fd)
{
    for (size_t i = 0; i < ASKERS_MAX; i++)
        if (s->asker[i].fd < 0) {
            s->asker[i] = (struct asker){ .fd = fd };
            fcntl(fd, F_SETFD, FD_CLOEXEC);        /* the one that "up" has given us was not */
            fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
            return &s->asker[i];
        }
    close(fd);
    return NULL;
}

static struct asker *asker_of(struct supervisor *s, uint32_t op)
{
    for (size_t i = 0; op && i < ASKERS_MAX; i++)
        if (s->asker[i].fd >= 0 && s->asker[i].op == op) return &s->asker[i];
    return NULL;
}

/* ---- children */

static struct child *child_of(struct supervisor *s, struct unit_id id)
{
    for (size_t i = 0; i < s->children; i++)
        if (s->child[i].id.kind == id.kind && s->child[i].id.number == id.number) return &s->child[i];
    return NULL;
}

static unsigned routers(const struct supervisor *s)        /* 0: as the topology file says */
{
    unsigned n = 0;
    for (const struct unit *u = NULL; (u = supervise_next(s->core, u));)
        if (u->id.kind == UNIT_ROUTER && !u->leaving && u->id.number >= n) n = u->id.number + 1u;
    return n == s->place->config.instances.router ? 0 : n;
}

static void drop_reaped(struct supervisor *s)
{
    for (size_t i = s->children; i-- > 0;)
        if (s->child[i].pidfd < 0) s->child[i] = s->child[--s->children];
}

static void start_child(struct supervisor *s, struct unit_id id)
{
    char name[32];
    if (s->children < CHILDREN_MAX && child_start(&s->child[s->children], &s->launch, id, routers(s), s->now)) {
        log_info(s->log, "started", "unit=%s pid=%d", name_of(name, id), (int)s->child[s->children].pid);
        s->children++;
        return;
    }
    log_error(s->log, "cannot start", "unit=%s why=%s", name_of(name, id), strerror(errno));
    supervise_on_exit(s->core, id, 127, s->now, &s->out);
}

/* ---- carrying out what the core says */

static struct control_event event_of(struct supervisor *s, struct unit_id id)
{
    const struct child *c = child_of(s, id);
    return (struct control_event){ id, c ? (int)c->pid : 0, c ? s->now - c->started : 0 };
}

static void say(struct supervisor *s, const struct supervise_effect *e)
{
    char name[32];
    struct asker *a = asker_of(s, e->op);
    struct control_event event = event_of(s, e->unit);
    if (e->what == SAY_READY) {
        log_info(s->log, "up", "unit=%s pid=%d ms=%llu", name_of(name, e->unit), event.pid, (unsigned long long)event.ms);
        if (!a) return;
        struct buf endpoint = { 0 };
        launch_endpoint(&endpoint, &s->place->config, e->unit);
        control_ready(&a->out, &event, buf_span(&endpoint));
        buf_fini(&endpoint);
        return;
    }
    s->last_exit.id = e->unit, s->last_exit.code = e->code;
    if (e->code == 0) log_info(s->log, "ended", "unit=%s pid=%d code=%d what=%s", name_of(name, e->unit), event.pid, e->code, e->text);
    else log_warn(s->log, "ended", "unit=%s pid=%d code=%d what=%s", name_of(name, e->unit), event.pid, e->code, e->text);
    if (a) control_exit(&a->out, &event, e->code, e->text);
}

static void answer(struct supervisor *s, const struct supervise_effect *e)
{
    struct asker *a = asker_of(s, e->op);
    if (!a) return;
    a->op = 0, a->closing = true;
    if (e->what == OP_DONE) {
        control_done(&a->out);
        return;
    }
    bool same = s->last_exit.id.kind == e->unit.kind && s->last_exit.id.number == e->unit.number;
    control_failed(&a->out, &e->unit, same ? s->last_exit.code : SUPERVISE_CODE_UNKNOWN, e->text);
    char name[32];
    log_warn(s->log, "request failed", "unit=%s why=%s", name_of(name, e->unit), e->text);
}

static void carry_out(struct supervisor *s)
{
    for (size_t i = 0; i < s->out.count; i++) {         /* starting one may add to it */
        const struct supervise_effect e = s->out.at[i];
        const struct child *c = child_of(s, e.unit);
        switch (e.what) {
        case DO_START:  start_child(s, e.unit); break;
        case DO_TERM:   if (c) child_signal(c, SIGTERM); break;
        case DO_KILL:   if (c) child_signal(c, SIGKILL); break;
        case SAY_READY: say(s, &e); break;
        case SAY_EXIT:  say(s, &e), drop_reaped(s); break;      /* its pid stood in the event */
        case SAY_FORGOTTEN: break;
        case OP_DONE: case OP_FAILED: answer(s, &e); break;
        case ALL_GONE:  s->gone = true; break;
        }
    }
    s->out.count = 0;
}

static void on_exit_of(struct supervisor *s, struct child *c)
{
    struct unit_id id = c->id;
    supervise_on_exit(s->core, id, child_reap(c, s->place->state), s->now, &s->out);
    carry_out(s);
}

/* ---- requests */

static void add_unit(struct supervisor *s, struct buf *json, const struct unit *u)
{
    const struct config *c = &s->place->config;
    const struct child *child = child_of(s, u->id);
    struct buf text = { 0 };
    buf_add_literal(json, "{\"role\":\"");
    buf_add_format(json, "%s\",\"number\":%u,\"id\":\"", unit_kind_name(u->id.kind), u->id.number);
    unit_print(json, u->id);
    buf_add_format(json, "\",\"pid\":%d,\"state\":\"%s\",\"restarts\":%u,\"uptime_ms\":%llu,\"adopted\":%s,\"endpoint\":", child ? (int)child->pid : 0,
                   unit_state_name(u), u->restarts, (unsigned long long)(child ? s->now - child->started : 0), child && child->adopted ? "true" : "false");
    launch_endpoint(&text, c, u->id);
    json_quote(json, buf_span(&text));
    buf_clear(&text);
    launch_bus(&text, c, u->id);
    buf_add_literal(json, ",\"bus\":");
    json_quote(json, buf_span(&text));
    if (u->id.kind == UNIT_ROUTER) {
        const struct { const char *name; const struct config_plane *plane; } planes[] = {
            { "publish_pull", &c->router.publish_pull }, { "publish_sub", &c->router.publish_sub },
            { "command", &c->router.command }, { "worker", &c->router.worker }, { "feed", &c->router.feed }, { "stats", &c->router.stats } };
        for (size_t i = 0; i < sizeof planes / sizeof planes[0]; i++) {
            if (!planes[i].plane->on) continue;
            buf_clear(&text);
            config_plane_endpoint(&text, c, planes[i].plane, planes[i].name, u->id.number);
            buf_add_format(json, ",\"%s\":", planes[i].name);
            json_quote(json, buf_span(&text));
        }
        buf_clear(&text);
        if (c->router.metrics.port) config_metrics_url(&text, c, u->id.number), buf_add_literal(json, ",\"metrics\":"), json_quote(json, buf_span(&text));
    }
    if (u->state == UNIT_PAUSED && u->deadline != UINT64_MAX)
        buf_add_format(json, ",\"next_ms\":%llu", (unsigned long long)(u->deadline > s->now ? u->deadline - s->now : 0));
    buf_add_byte(json, '}');
    buf_fini(&text);
}

static void add_status(struct supervisor *s, struct buf *json)
{
    buf_add_literal(json, "{\"ok\":true,\"name\":");
    json_quote(json, span_of(s->place->config.name));
    buf_add_format(json, ",\"pid\":%d,\"uptime_ms\":%llu,\"state\":\"%s\",\"topology\":", (int)getpid(),
                   (unsigned long long)(s->now - s->started), supervise_stopping(s->core) ? "stopping" : "running");
    json_quote(json, span_of(s->place->topology));
    buf_add_literal(json, ",\"state_dir\":");
    json_quote(json, span_of(s->place->state));
    buf_add_literal(json, ",\"daemons\":[");
    bool comma = false;
    for (const struct unit *u = NULL; (u = supervise_next(s->core, u)); comma = true) {
        if (comma) buf_add_byte(json, ',');
        add_unit(s, json, u);
    }
    buf_add_literal(json, "]}\n");
}

static void on_request(struct supervisor *s, struct asker *a, struct span line)
{
    struct control_request r;
    struct buf error = { 0 };
    if (!control_parse(&r, line, &error)) {
        control_failed(&a->out, NULL, 0, buf_text(&error));
        a->closing = true;
    } else if (r.verb == CONTROL_STATUS) {
        add_status(s, &a->out);
        a->closing = true;
    } else {
        a->op = ++s->ops;
        switch (r.verb) {
        case CONTROL_SCALE:   supervise_scale(s->core, r.unit.kind, r.count, a->op, s->now, &s->out); break;
        case CONTROL_RESTART: supervise_restart(s->core, r.unit, a->op, s->now, &s->out); break;
        case CONTROL_DRAIN:   supervise_drain(s->core, r.unit, a->op, s->now, &s->out); break;
        case CONTROL_STOP:    supervise_stop(s->core, a->op, s->now, &s->out); break;
        case CONTROL_STATUS:  break;
        }
    }
    buf_fini(&error);
    carry_out(s);
}

static void on_asker(struct supervisor *s, struct asker *a)
{
    ssize_t n = read(a->fd, buf_room(&a->in, CONTROL_LINE_MAX), CONTROL_LINE_MAX);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
        close_asker(s, a);
        return;
    }
    buf_grew(&a->in, (size_t)n);
    ptrdiff_t end = span_find(buf_span(&a->in), '\n');
    if (end < 0 && a->in.len > CONTROL_LINE_MAX) close_asker(s, a);
    if (end < 0 || a->op || a->closing) return;         /* one request a connection */
    struct buf line = a->in;
    a->in = (struct buf){ 0 };
    on_request(s, a, span_head(buf_span(&line), (size_t)end));
    buf_fini(&line);
}

static void on_caller(struct supervisor *s)
{
    int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) (void)add_asker(s, fd);
}

/* ---- the loop */

static void on_signal(struct supervisor *s)
{
    struct signalfd_siginfo info;
    if (read(s->signal_fd, &info, sizeof info) != sizeof info) return;
    log_info(s->log, "stopping", "signal=%s from=%u", strsignal((int)info.ssi_signo), info.ssi_pid);
    if (!supervise_stopping(s->core)) supervise_stop(s->core, 0, s->now, &s->out);
    carry_out(s);
}

static const struct unit *redis_starting(const struct supervisor *s)
{
    const struct unit *u = supervise_find(s->core, (struct unit_id){ UNIT_REDIS, 0 });
    return u && u->state == UNIT_STARTING ? u : NULL;
}

static int patience(const struct supervisor *s)
{
    uint64_t until = supervise_deadline(s->core);
    if (s->logs_due < until) until = s->logs_due;
    if (redis_starting(s) && s->now + PROBE_MS < until) until = s->now + PROBE_MS;
    return until <= s->now ? 0 : (int)(until - s->now);
}

static void on_time(struct supervisor *s)
{
    const struct unit *redis = redis_starting(s);
    if (redis && child_redis_answers(s->place->state)) supervise_on_ready(s->core, redis->id, s->now, &s->out);
    supervise_expire(s->core, s->now, &s->out);
    carry_out(s);
    if (s->now < s->logs_due) return;
    s->logs_due = s->now + LOGS_MS;
    logs_turn(s->place->state);
}

static void on_descriptor(struct supervisor *s, int fd, short events)
{
    if (fd == s->signal_fd) on_signal(s);
    if (fd == s->listen_fd) on_caller(s);
    for (size_t i = 0; i < ASKERS_MAX; i++)
        if (s->asker[i].fd == fd) {         /* only writable: it is flushed at the turn's end */
            if (events & POLLIN) on_asker(s, &s->asker[i]);
            else if (events & ~POLLOUT) close_asker(s, &s->asker[i]);
            return;
        }
    for (size_t i = 0; i < s->children; i++) {
        struct child *c = &s->child[i];
        if (c->pidfd == fd) {
            on_exit_of(s, c);
            return;
        }
        if (c->ready_fd != fd) continue;
        if (child_ready(c)) supervise_on_ready(s->core, c->id, s->now, &s->out), carry_out(s);
        return;
    }
}

static void turn(struct supervisor *s)
{
    struct pollfd *fd = s->poll;
    nfds_t n = 0;
    fd[n++] = (struct pollfd){ s->signal_fd, POLLIN, 0 };
    fd[n++] = (struct pollfd){ s->listen_fd, POLLIN, 0 };
    for (size_t i = 0; i < ASKERS_MAX; i++)
        if (s->asker[i].fd >= 0) fd[n++] = (struct pollfd){ s->asker[i].fd, (short)(POLLIN | (s->asker[i].out.len ? POLLOUT : 0)), 0 };
    for (size_t i = 0; i < s->children; i++) {
        fd[n++] = (struct pollfd){ s->child[i].pidfd, POLLIN, 0 };
        if (s->child[i].ready_fd >= 0) fd[n++] = (struct pollfd){ s->child[i].ready_fd, POLLIN, 0 };
    }
    int got = poll(fd, n, patience(s));
    s->now = clock_ms();
    for (nfds_t f = 0; got > 0 && f < n; f++)
        if (fd[f].revents) {        /* one a turn: it may close descriptors and open others of the same number */
            on_descriptor(s, fd[f].fd, fd[f].revents);
            break;
        }
    on_time(s);
    for (size_t i = 0; i < ASKERS_MAX; i++) {
        struct asker *a = &s->asker[i];
        if (a->fd < 0) continue;
        flush_asker(a);
        if (a->closing && !a->out.len) close_asker(s, a);
    }
}

/* ---- life */

static int lock_state(const struct place *p, bool keep)
{
    struct buf path = { 0 };
    int fd = open(place_path(&path, p, "lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    buf_fini(&path);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (fd >= 0) close(fd);
        return -1;
    }
    if (!keep) close(fd);
    return keep ? fd : 0;
}

bool supervisor_locked(const struct place *place)
{
    return lock_state(place, false) < 0;
}

static bool open_control(struct supervisor *s)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct buf path = { 0 };
    place_path(&path, s->place, "control.sock");
    NEED(path.len < sizeof address.sun_path);
    memcpy(address.sun_path, path.ptr, path.len);
    unlink(address.sun_path);
    buf_fini(&path);
    s->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return s->listen_fd >= 0 && bind(s->listen_fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(s->listen_fd, 16) == 0;
}

static bool open_signals(struct supervisor *s)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM), sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN), signal(SIGHUP, SIG_IGN);
    s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return s->signal_fd >= 0;
}

static bool open_log(struct supervisor *s)
{
    struct buf path = { 0 };
    s->log_fd = open(place_path(&path, s->place, "log/supervisor.log"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    buf_fini(&path);
    if (s->log_fd >= 0) {
        s->log = log_new("supervisor", LOG_INFO, s->log_fd);
        if (!isatty(STDERR_FILENO)) dup2(s->log_fd, STDERR_FILENO);        /* what an abort or a sanitizer says */
    }
    return s->log != NULL;
}

static void record(const struct place *p)
{
    struct buf path = { 0 };
    (void)unlink(place_path(&path, p, "run/topology"));
    (void)!symlink(p->topology, buf_text(&path));
    int fd = open(place_path(&path, p, "run/supervisor.pid"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd >= 0) dprintf(fd, "%d\n", (int)getpid()), close(fd);
    buf_fini(&path);
}

static void add_units(struct supervisor *s)
{
    const struct config *c = &s->place->config;
    const uint16_t count[UNIT_KINDS] = { [UNIT_REDIS] = launch_has_redis(c), [UNIT_ROUTER] = c->instances.router,
        [UNIT_AUTH] = c->instances.auth, [UNIT_PRESENCE] = c->instances.presence, [UNIT_GATEWAY] = c->instances.gateway };
    char name[32];
    for (unsigned kind = 0; kind < UNIT_KINDS; kind++)
        for (uint16_t n = 0; n < unit_kind_max((enum unit_kind)kind); n++) {
            struct unit_id id = { (enum unit_kind)kind, n };
            struct child *c2 = &s->child[s->children];
            if (n < count[kind]) supervise_add(s->core, id);
            if (!child_adopt(c2, &s->launch, id, s->now)) continue;
            log_info(s->log, "adopted", "unit=%s pid=%d", name_of(name, id), (int)c2->pid);
            s->children++;
            supervise_adopt(s->core, id, s->now);
        }
}

static void finish(struct supervisor *s)
{
    struct buf path = { 0 };
    for (size_t i = 0; i < ASKERS_MAX; i++) close_asker(s, &s->asker[i]);
    unlink(place_path(&path, s->place, "control.sock"));
    unlink(place_path(&path, s->place, "run/supervisor.pid"));
    buf_fini(&path);
    log_info(s->log, "stopped", "");
    log_destroy(&s->log);
    close(s->log_fd), close(s->listen_fd), close(s->signal_fd), close(s->lock_fd);
    supervise_out_fini(&s->out);
    supervise_destroy(&s->core);
}

int supervisor_run(const struct place *place, int report_fd)
{
    struct supervisor *s = calloc(1, sizeof *s);
    NEED(s);
    s->place = place, s->launch = place_launch(place), s->now = clock_ms();
    s->started = s->now, s->logs_due = s->now + LOGS_MS;
    for (size_t i = 0; i < ASKERS_MAX; i++) s->asker[i].fd = -1;
    struct asker *report = report_fd >= 0 ? add_asker(s, report_fd) : NULL;
    s->lock_fd = lock_state(place, true);
    const char *wrong = s->lock_fd < 0 ? "another supervisor has this state directory" : !open_log(s) ? "cannot write its log"
                      : !open_signals(s) ? "no signals" : !open_control(s) ? "cannot open its control socket" : NULL;
    if (wrong) {
        struct buf line = { 0 };
        control_failed(&line, NULL, 0, wrong);
        (void)!write(report_fd >= 0 ? report_fd : STDERR_FILENO, line.ptr, line.len);
        buf_fini(&line);
        free(s);
        return 111;
    }
    s->core = supervise_new(&(struct supervise_options){ .start_ms = START_MS,
        .stop_ms = place->config.bus.drain_ms + STOP_MARGIN_MS, .pause_ms = place->config.service.restart_backoff_ms });
    record(place);
    log_info(s->log, "supervising", "name=%s pid=%d", place->config.name, (int)getpid());
    add_units(s);
    if (report) report->op = ++s->ops;
    supervise_boot(s->core, report ? report->op : 0, s->now, &s->out);
    carry_out(s);
    while (!s->gone) turn(s);
    for (size_t i = 0; i < ASKERS_MAX; i++) flush_asker(&s->asker[i]);
    finish(s);
    free(s);
    return 0;
}

int supervisor_spawn(const struct place *place)
{
    int report[2];
    char fd[16];
    if (pipe2(report, O_CLOEXEC) != 0) return -1;
    snprintf(fd, sizeof fd, "%d", report[1]);
    const char *const words[] = { "causeway", "supervise", "--topology", place->topology, "--state", place->state, "--report-fd", fd, NULL };
    pid_t pid = fork();
    if (pid == 0) {
        setsid();
        pid_t again = fork();
        if (again != 0) _exit(again < 0 ? 111 : 0);
        int null = open("/dev/null", O_RDWR);
        for (int i = 0; i < 3 && null >= 0; i++) dup2(null, i);
        fcntl(report[1], F_SETFD, 0);
        if (chdir("/") != 0) _exit(111);
        execv("/proc/self/exe", (char *const *)(uintptr_t)words);
        _exit(111);
    }
    close(report[1]);
    int status;
    if (pid < 0 || (waitpid(pid, &status, 0) == pid && status != 0)) {
        close(report[0]);
        return -1;
    }
    return report[0];
}
