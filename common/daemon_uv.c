#include "daemon_uv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CAUSEWAY_VERSION "0.1"

enum { TRIM_SEQ = 16 };         /* stats between two looks at the heap */

void daemon_fail(struct daemon *d, const char *what, const char *why)
{
    log_fatal(d->log, what, "why=%s", why);
    exit(EXIT_ENVIRONMENT);
}

/* ---- start */

static void print_and_exit(struct buf *text, FILE *to, int code)
{
    fputs(buf_text(text), to);
    buf_fini(text);
    exit(code);
}

static void parse(struct daemon *d, int argc, char **argv)
{
    struct buf text = { 0 };
    if (!options_parse(&d->options, argc, argv, &text)) {
        buf_add_byte(&text, '\n');
        options_usage(&text, argv[0]);
        print_and_exit(&text, stderr, EXIT_USAGE);
    }
    if (d->options.version) {
        buf_add_format(&text, "causeway-%s %s, wire version %d\n", role_name(d->role), CAUSEWAY_VERSION, MSG_VERSION);
        print_and_exit(&text, stdout, 0);
    }
    if (d->options.help) {
        options_usage(&text, argv[0]);
        print_and_exit(&text, stdout, 0);
    }
}

static void name(struct daemon *d)
{
    struct buf id = { 0 };
    member_id_encode(&id, d->role, d->options.number);
    NEED(id.len < sizeof d->id);
    memcpy(d->id, id.ptr, id.len);
    buf_fini(&id);
}

static void read_config(struct daemon *d)
{
    struct buf errors = { 0 };
    bool good = config_read(&d->config, d->options.config, d->options.state, &errors);
    if (!good) print_and_exit(&errors, stderr, EXIT_USAGE);
    buf_fini(&errors);
}

static void on_reload(void *self)
{
    struct buf json = { 0 };
    daemon_reload(self, &json);
    buf_fini(&json);
}

static void on_leave(void *self)
{
    struct daemon *d = self;
    service_drain(d->svc);
}

/* What is allowed but dangerous is said where it is done: at the gateways. */
void daemon_warn(struct daemon *d, const struct config *config)
{
    struct span lines = buf_span(&config->warnings);
    while (d->role == ROLE_GATEWAY && lines.len) {
        struct span line = span_cut(&lines, '\n');
        log_warn(d->log, "topology", "why=%.*s", (int)line.len, line.ptr);
    }
}

enum log_level daemon_log_level(const struct daemon *d)
{
    enum log_level level = LOG_INFO;
    (void)log_level_of(span_of(d->config.service.log_level), &level);
    return d->options.has_log_level ? d->options.log_level : level;
}

static void on_drain_step(void *self)
{
    struct daemon *d = self;
    bool done = (!d->drained || d->drained(d->callbacks_self)) && (!d->bus || bus_quiet(d->bus));
    if (done) service_stop(d->svc);
    else service_timer_set(d->svc, &d->drain_timer, service_now(d->svc) + 20);
}

static void on_drain(void *self)
{
    struct daemon *d = self;
    if (d->bus) bus_set_state(d->bus, MEMBER_DRAINING);
    if (d->on_drain) d->on_drain(d->callbacks_self);
    on_drain_step(d);
}

static void on_stats_timer(void *self)
{
    struct daemon *d = self;
    struct buf json = { 0 };
    daemon_stats(d, &json);
    bus_publish_stats(d->bus, SPAN("counters"), buf_span(&json));
    buf_fini(&json);
    if (d->stats_seq % TRIM_SEQ == 0 && process_trim(&d->heap_kept)) d->process_stats.process_trims++;
    service_timer_set(d->svc, &d->stats_timer, service_now(d->svc) + d->config.service.stats_ms);
}

void daemon_start(struct daemon *d, enum role role, int argc, char **argv, struct stats_view stats)
{
    *d = (struct daemon){ .role = role, .stats = stats };
    parse(d, argc, argv);
    name(d);
    read_config(d);
    d->log = log_new(d->id, daemon_log_level(d), STDERR_FILENO);
    daemon_warn(d, &d->config);
    process_raise_fds();
    d->svc = service_new(d->log);
    if (!d->svc) exit(EXIT_ENVIRONMENT);
    d->stats_timer = (struct service_timer){ .fn = on_stats_timer, .self = d };
    d->drain_timer = (struct service_timer){ .fn = on_drain_step, .self = d };
    d->leave_timer = (struct service_timer){ .fn = on_leave, .self = d };
    service_on_drain(d->svc, on_drain, d, d->config.bus.drain_ms);
    service_on_reload(d->svc, on_reload, d);
}

void daemon_bus(struct daemon *d, const struct bus_handler *handler, void *self)
{
    struct bus_options options = {
        .role = d->role, .number = d->options.number, .config = &d->config, .handler = handler, .self = self, .stats = &d->bus_stats,
    };
    d->bus = bus_new(d->svc, &options);
    if (!d->bus || !bus_listen(d->bus, NULL)) {         /* why is in the log */
        bus_destroy(&d->bus);
        exit(EXIT_ENVIRONMENT);
    }
    bus_start(d->bus);
    service_timer_set(d->svc, &d->stats_timer, service_now(d->svc) + d->config.service.stats_ms);
}

void daemon_ready(struct daemon *d)
{
    if (!service_draining(d->svc)) bus_set_state(d->bus, MEMBER_READY);
    service_ready(d->svc, d->options.ready_fd);
    d->options.ready_fd = -1;
    log_info(d->log, "ready", "bus=%s pid=%d", bus_endpoint(d->bus), (int)getpid());
}

/* ---- stats */

void daemon_stats(struct daemon *d, struct buf *json)
{
    if (d->before_stats) d->before_stats(d->callbacks_self);
    process_stats_read(&d->process_stats, &d->process_marks, d->stats_seq);
    d->process_stats.process_turns = service_turns(d->svc);
    d->process_stats.process_log_held = log_held(d->log);
    if (d->bus) d->bus_stats.bus_unconfirmed_bytes = bus_unconfirmed(d->bus);
    struct stats_meta meta = {
        .role = role_name(d->role), .id = d->id, .pid = (uint64_t)getpid(), .uptime_ms = service_uptime(d->svc),
        .seq = ++d->stats_seq, .time = service_wall(d->svc),
    };
    const struct stats_view views[] = { d->stats, bus_stats_view(&d->bus_stats), process_stats_view(&d->process_stats) };
    stats_json(json, &meta, views, sizeof views / sizeof views[0]);
}

/* ---- stop */

int daemon_stop(struct daemon *d)
{
    if (d->bus) {
        on_stats_timer(d);                      /* the last figures */
        bus_bye(d->bus);
    }
    service_timer_cancel(d->svc, &d->stats_timer);
    service_timer_cancel(d->svc, &d->drain_timer);
    service_timer_cancel(d->svc, &d->leave_timer);
    bus_destroy(&d->bus);
    log_info(d->log, "stopped", "");
    service_destroy(&d->svc);
    log_destroy(&d->log);
    config_fini(&d->config);
    return 0;
}
