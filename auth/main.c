/* auth - verifies tokens: VERIFY comes from a gateway, VERDICT goes back, and
 * nothing is remembered that another auth daemon would need to know. SIGHUP
 * reads the keys again. DESIGN.md in this folder has the map. */
#include "daemon_uv.h"
#include "json.h"
#include "judge_jwt.h"

struct app {
    struct daemon     d;
    struct auth_stats stats;
    struct judge     *judge;
    struct judge_news *news;            /* of a reload that is being checked */
    bool              stale;            /* the last reload failed: older keys are in use */
    uint64_t          asked_before;     /* verify_asked at the last stats */
    uint64_t          busy;             /* when somebody last asked, or the drain began */
};

/* ---- what is wrong with keys: a log line each, without anything of the key */

static void log_lines(struct app *app, enum log_level level, const char *msg, struct buf *lines)
{
    for (struct span rest = buf_span(lines); rest.len; ) {
        struct span line = span_cut(&rest, '\n');
        if (level == LOG_WARN) log_warn(app->d.log, msg, "what=%.*s", (int)line.len, line.ptr);
        else log_error(app->d.log, msg, "what=%.*s", (int)line.len, line.ptr);
    }
    buf_fini(lines);
}

static void start_judge(struct app *app)
{
    struct buf errors = { 0 }, warnings = { 0 };
    app->judge = judge_new(&app->d.config, &app->stats, &errors, &warnings);
    log_lines(app, LOG_WARN, "key file", &warnings);
    log_lines(app, LOG_ERROR, "key file", &errors);
    if (!app->judge) daemon_fail(&app->d, "no keys", "what is wrong with them is said above");
    log_info(app->d.log, "keys loaded", "count=%llu", (unsigned long long)app->stats.keys_loaded);
}

/* The topology is as it was, maybe since it is bad: its key files are read again all the same. */
static void reload_keys(struct app *app)
{
    struct buf errors = { 0 }, warnings = { 0 };
    app->stale = !judge_reload(app->judge, &errors, &warnings);
    log_lines(app, LOG_WARN, "key file", &warnings);
    log_lines(app, LOG_ERROR, "key file", &errors);
    if (app->stale) log_error(app->d.log, "keys not reloaded", "used=%s", "those of before");
    else log_info(app->d.log, "keys reloaded", "count=%llu", (unsigned long long)app->stats.keys_loaded);
}

static bool may_reload(void *self, const struct config *fresh, struct buf *errors)
{
    struct app *app = self;
    struct buf warnings = { 0 };
    app->news = judge_news_new(fresh, errors, &warnings);
    log_lines(app, LOG_WARN, "key file", &warnings);
    return app->news;
}

static void on_reload(void *self, struct config **before)
{
    struct app *app = self;
    if (before) {
        judge_take(app->judge, &app->news);
        app->stale = false;
        log_info(app->d.log, "keys reloaded", "count=%llu", (unsigned long long)app->stats.keys_loaded);
    } else {
        reload_keys(app);
    }
}

/* ---- questions */

static void on_verify(struct app *app, struct peer *peer, struct span fields)
{
    struct msg_VERIFY question;
    struct msg_VERDICT answer;
    if (msg_decode_VERIFY(&question, fields)) {
        app->stats.verify_malformed++;
        return;
    }
    app->busy = service_now(app->d.svc);
    (void)judge_verify(app->judge, &question, service_wall(app->d.svc), &answer);
    if (!bus_say(peer, VERDICT, &answer)) app->stats.verify_unanswered++;
}

static void answer_health(const struct app *app, struct buf *json)
{
    const char *why = app->stale ? "the keys on disk are bad: those of before are used" : app->d.config.refused ? CONFIG_REFUSED
                    : app->stats.keys_loaded == 0 ? "no keys: no token can be verified" : NULL;
    buf_add_format(json, "{\"daemons\":[{\"id\":\"%s\",\"role\":\"auth\",\"status\":\"%s\",\"why\":[", app->d.id, why ? "degraded" : "ok");
    if (why) json_quote(json, span_of(why));
    buf_add_format(json, "],\"keys\":%llu,\"cached\":%llu}]}",
                   (unsigned long long)app->stats.keys_loaded, (unsigned long long)app->stats.cache_entries);
}

static void on_ask(struct app *app, struct peer *peer, struct span fields)
{
    struct msg_ASK m;
    struct buf json = { 0 };
    if (msg_decode_ASK(&m, fields)) return;
    bool known = span_same(m.verb, SPAN("health"));
    if (known) answer_health(app, &json);
    bus_say(peer, TOLD, (&(struct msg_TOLD){ .ref = m.ref, .error = known ? OK : ERR_UNKNOWN, .json = buf_span(&json) }));
    buf_fini(&json);
}

static void on_message(void *self, struct peer *peer, enum msg_type type, struct span fields, uint64_t number)
{
    (void)number;
    if (type == MSG_VERIFY) on_verify(self, peer, fields);
    else if (type == MSG_ASK && !daemon_ask(&((struct app *)self)->d, peer, fields)) on_ask(self, peer, fields);
}

/* ---- life */

static void before_stats(void *self)
{
    struct app *app = self;
    bus_set_load(app->d.bus, app->stats.verify_asked - app->asked_before);
    app->asked_before = app->stats.verify_asked;
}

static void on_drain(void *self)
{
    struct app *app = self;
    app->busy = service_now(app->d.svc);
}

/* The gateways learn from the roster that this one is going: once a beat has passed without
 * a question, none is on its way. Whoever asks later asks another one again. */
static bool drained(void *self)
{
    const struct app *app = self;
    return service_now(app->d.svc) - app->busy >= app->d.config.bus.beat_ms;
}

int main(int argc, char **argv)
{
    static const struct bus_handler handler = { .on_message = on_message };
    static struct app app;
    daemon_start(&app.d, ROLE_AUTH, argc, argv, auth_stats_view(&app.stats));
    start_judge(&app);
    app.d.callbacks_self = &app;
    app.d.before_stats = before_stats;
    app.d.may_reload = may_reload;
    app.d.on_reload = on_reload;
    app.d.on_drain = on_drain;
    app.d.drained = drained;
    daemon_bus(&app.d, &handler, &app);
    daemon_ready(&app.d);
    service_run(app.d.svc);
    judge_destroy(&app.judge);
    return daemon_stop(&app.d);
}
