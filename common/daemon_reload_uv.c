/* daemon - its topology read again while it runs; and what the command socket may ask of any daemon. */
#include "daemon_uv.h"
#include "reload.h"

#include <stdlib.h>
#include <time.h>

static void log_lines(struct daemon *d, const char *msg, struct span lines)
{
    while (lines.len) {
        struct span line = span_cut(&lines, '\n');
        log_error(d->log, msg, "why=%.*s", (int)line.len, line.ptr);
    }
}

static void log_keys(struct daemon *d, const char *msg, struct span keys)
{
    for (struct span key; msg_next_str(&keys, &key); ) log_info(d->log, msg, "key=%.*s", (int)key.len, key.ptr);
}

/* *config: the fresh one, then what it has replaced. */
static void take_over(struct daemon *d, struct config **config)
{
    reload_apply(&d->config, *config);
    if (d->on_reload) d->on_reload(d->callbacks_self, config);
    log_set_level(d->log, daemon_log_level(d));
    service_drain_deadline(d->svc, d->config.bus.drain_ms);
}

/* The turn's time stands still in here. */
static uint64_t clock_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

void daemon_reload(struct daemon *d, struct buf *json)
{
    uint64_t begun = clock_us();
    struct config *config = calloc(1, sizeof *config);
    struct buf errors = { 0 };
    struct reload report = { 0 };
    NEED(config);
    bool good = config_read(config, d->options.config, d->options.state, &errors);
    if (good) reload_compare(&report, &d->config, config, d->role);
    if (good && d->may_reload) good = d->may_reload(d->callbacks_self, config, &errors);
    if (good) daemon_warn(d, config);
    if (good) take_over(d, &config);
    else if (d->on_reload) d->on_reload(d->callbacks_self, NULL);
    d->config.refused = !good;
    *(good ? &d->process_stats.process_reloads : &d->process_stats.process_reloads_refused) += 1;
    d->process_stats.process_reload_refused = !good;
    log_lines(d, "topology refused: what was in force stays", buf_span(&errors));
    if (good) log_keys(d, "changed", buf_span(&report.changed));
    if (good) log_keys(d, "needs a restart", buf_span(&report.restart));
    d->process_stats.process_reload_us = clock_us() - begun;
    log_info(d->log, "reload", "outcome=%s us=%llu file=%s", reload_outcome(&report, buf_span(&errors)),
             (unsigned long long)d->process_stats.process_reload_us, d->options.config);
    reload_print(json, d->id, d->role, &report, buf_span(&errors));
    if (config) config_fini(config);
    free(config);
    reload_fini(&report);
    buf_fini(&errors);
}

/* It leaves as after SIGTERM, once this is told. */
static void answer_drain(struct daemon *d, struct buf *json)
{
    buf_add_format(json, "{\"daemons\":[{\"id\":\"%s\",\"role\":\"%s\",\"drain\":\"%s\"}]}", d->id, role_name(d->role),
                   service_draining(d->svc) ? "under way" : "begun");
    log_info(d->log, "told to leave", "");
    service_timer_set(d->svc, &d->leave_timer, service_now(d->svc));
}

bool daemon_answer(struct daemon *d, struct span verb, struct buf *json)
{
    static const struct { const char *verb; void (*answer)(struct daemon *d, struct buf *json); } answers[] = {
        { "reload", daemon_reload }, { "drain", answer_drain } };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
        if (span_same(verb, span_of(answers[i].verb))) return answers[i].answer(d, json), true;
    return false;
}

bool daemon_ask(struct daemon *d, struct peer *peer, struct span fields)
{
    struct msg_ASK m;
    struct buf json = { 0 };
    bool ours = msg_decode_ASK(&m, fields) == OK && daemon_answer(d, m.verb, &json);
    if (ours) bus_say(peer, TOLD, (&(struct msg_TOLD){ .ref = m.ref, .json = buf_span(&json) }));
    buf_fini(&json);
    return ours;
}
