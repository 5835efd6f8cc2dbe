#include "overview.h"
#include "control.h"
#include "json.h"
#include "table.h"

#include <stdlib.h>

/* What says most about a role: how much it holds, and what goes in and out a second. */
static const struct { const char *load, *in, *out, *unit; } figures[UNIT_KINDS] = {
    [UNIT_ROUTER]   = { "rooms.open",    "emits.in",      "deliveries.out", "rooms" },
    [UNIT_GATEWAY]  = { "sessions.open", "events.in",     "deliveries.out", "sessions" },
    [UNIT_AUTH]     = { "cache.entries", "verify.asked",  "verify.allowed", "cached" },
    [UNIT_PRESENCE] = { "users.online",  "sessions.up",   "sessions.down",  "users" },
};

static void problem(struct overview *o, const char *id, const char *what, const char *value)
{
    buf_add_format(&o->problems, "%s %s%s\n", id, what, value);
}

static struct overview_row *find(const struct overview *o, struct span id)
{
    for (size_t i = 0; i < o->count; i++)
        if (span_same(span_of(o->at[i].id), id)) return &o->at[i];
    return NULL;
}

static struct overview_row *add(struct overview *o, struct span id)
{
    o->at = realloc(o->at, (o->count + 1) * sizeof *o->at);
    NEED(o->at);
    struct overview_row *r = &o->at[o->count++];
    *r = (struct overview_row){ .pid = 0 };
    memcpy(r->id, id.ptr, id.len < sizeof r->id ? id.len : sizeof r->id - 1);
    (void)unit_parse(id, &r->unit);
    return r;
}

static void copy_text(char *to, size_t size, struct span object, const char *key)
{
    struct buf text = { 0 };
    control_text(&text, object, key);
    size_t n = text.len < size ? text.len : size - 1;
    memcpy(to, buf_text(&text), n);
    to[n] = '\0';
    buf_fini(&text);
}

static uint64_t number(struct span object, const char *key)
{
    int64_t n = control_number(object, key, 0);
    return n < 0 ? 0 : (uint64_t)n;
}

static void take_supervisor(struct overview *o, struct span status)
{
    struct span list = json_find(status, SPAN("daemons")), one;
    while (json_next(&list, &one)) {
        struct buf id = { 0 };
        control_text(&id, one, "id");
        struct overview_row *r = add(o, buf_span(&id));
        buf_fini(&id);
        copy_text(r->state, sizeof r->state, one, "state");
        r->pid = control_number(one, "pid", 0);
        r->uptime_ms = number(one, "uptime_ms"), r->restarts = number(one, "restarts"), r->next_ms = number(one, "next_ms");
        control_text(&r->endpoint, one, "endpoint");
        struct span whole = span_trim(one);
        buf_add(&r->object, span_head(whole, whole.len - 1));
    }
}

static void take_roster(struct overview *o, struct span topology)
{
    struct span list = json_find(topology, SPAN("daemons")), one;
    o->has_roster = json_type_of(list) == JSON_ARRAY;
    o->view = number(topology, "view"), o->holding = json_is_true(json_find(topology, SPAN("holding")));
    while (o->has_roster && json_next(&list, &one)) {
        struct buf id = { 0 };
        control_text(&id, one, "id");
        struct overview_row *r = find(o, buf_span(&id));
        if (!r) {
            r = add(o, buf_span(&id));
            r->outside = true;
            copy_text(r->state, sizeof r->state, one, "state");
            r->pid = control_number(one, "pid", 0);
            control_text(&r->endpoint, one, "endpoint");
            buf_add_format(&r->object, "{\"role\":\"%s\",\"number\":%u,\"id\":\"%s\",\"pid\":%lld,\"state\":\"%s\",\"outside\":true,\"endpoint\":",
                           unit_kind_name(r->unit.kind), r->unit.number, r->id, (long long)r->pid, r->state);
            json_quote(&r->object, buf_span(&r->endpoint));
        }
        if (r->pid == control_number(one, "pid", 0)) copy_text(r->roster, sizeof r->roster, one, "state");
        buf_fini(&id);
    }
}

static void take_figures(struct overview_row *r, const struct samples *samples)
{
    const struct sample *s = samples_find(samples, span_of(r->id));
    double user, system;
    uint64_t pid = 0;
    r->load_name = figures[r->unit.kind].load, r->in_name = figures[r->unit.kind].in, r->out_name = figures[r->unit.kind].out;
    if (!s || !r->load_name || !sample_value(s, "pid", &pid) || (int64_t)pid != r->pid) return;     /* of a life before this one */
    r->has_load = sample_value(s, r->load_name, &r->load);
    r->has_in = sample_rate(s, r->in_name, &r->in), r->has_out = sample_rate(s, r->out_name, &r->out);
    (void)sample_value(s, "process.rss_bytes", &r->rss);
    r->has_cpu = sample_rate(s, "process.cpu_user_ms", &user) && sample_rate(s, "process.cpu_system_ms", &system);
    if (r->has_cpu) r->cpu = (user + system) / 10.0;
}

static void judge(struct overview *o, const struct overview_row *r)
{
    if (r->outside) return;
    if (strcmp(r->state, "ready") != 0) {
        struct buf next = { 0 };
        if (r->next_ms) buf_add_literal(&next, ", started again in "), table_time(&next, r->next_ms);
        buf_add_format(&o->problems, "%s is %s%s\n", r->id, r->state, buf_text(&next));
        buf_fini(&next);
    } else if (o->has_roster && r->unit.kind != UNIT_REDIS && strcmp(r->roster, "ready") != 0) {
        problem(o, r->id, *r->roster ? "is in the roster as " : "runs, but is not in the roster", r->roster);
    }
}

static int by_role(const void *a, const void *b)
{
    const struct overview_row *x = a, *y = b;
    if (x->unit.kind != y->unit.kind) return x->unit.kind < y->unit.kind ? -1 : 1;
    return x->unit.number < y->unit.number ? -1 : x->unit.number > y->unit.number;
}

void overview_make(struct overview *o, struct span status, struct span topology, const struct samples *samples)
{
    *o = (struct overview){ .at = NULL };
    take_supervisor(o, status);
    take_roster(o, topology);
    for (size_t i = 0; i < o->count; i++) take_figures(&o->at[i], samples);
    overview_sort(o, OVERVIEW_BY_ROLE);
    for (size_t i = 0; i < o->count; i++) judge(o, &o->at[i]);
    if (!o->has_roster) buf_add_literal(&o->problems, "no router answers\n");
    if (o->holding) buf_add_literal(&o->problems, "ownership of rooms is moving: publishes wait\n");
    o->all_up = o->problems.len == 0;
}

void overview_fini(struct overview *o)
{
    for (size_t i = 0; i < o->count; i++) buf_fini(&o->at[i].object), buf_fini(&o->at[i].endpoint);
    free(o->at);
    buf_fini(&o->problems);
    *o = (struct overview){ .at = NULL };
}

/* ---- order */

static int descending(double a, double b)
{
    return a > b ? -1 : a < b;
}

static int by_cpu(const void *a, const void *b)
{
    int d = descending(((const struct overview_row *)a)->cpu, ((const struct overview_row *)b)->cpu);
    return d ? d : by_role(a, b);
}

static int by_load(const void *a, const void *b)
{
    int d = descending((double)((const struct overview_row *)a)->load, (double)((const struct overview_row *)b)->load);
    return d ? d : by_role(a, b);
}

static int by_memory(const void *a, const void *b)
{
    int d = descending((double)((const struct overview_row *)a)->rss, (double)((const struct overview_row *)b)->rss);
    return d ? d : by_role(a, b);
}

static const struct { const char *name; int (*order)(const void *, const void *); } sorts[OVERVIEW_SORTS] = {
    [OVERVIEW_BY_ROLE] = { "role", by_role }, [OVERVIEW_BY_CPU] = { "cpu", by_cpu },
    [OVERVIEW_BY_LOAD] = { "load", by_load }, [OVERVIEW_BY_MEMORY] = { "memory", by_memory },
};

const char *overview_sort_name(enum overview_sort sort) { return sorts[sort].name; }

void overview_sort(struct overview *o, enum overview_sort sort)
{
    if (o->count) qsort(o->at, o->count, sizeof *o->at, sorts[sort].order);
}

/* ---- printing */

static void cell(struct table *t, struct buf *text)
{
    table_add(t, text->len ? buf_span(text) : SPAN("-"));
    buf_clear(text);
}

void overview_table(struct buf *out, const struct overview *o)
{
    static const char *const heads[] = { "ID", "STATE", "PID", "UPTIME", "RESTARTS", "LOAD", "IN/S", "OUT/S", "CPU%", "RSS", "ENDPOINT" };
    struct table t = { 0 };
    struct buf x = { 0 };
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) table_add(&t, span_of(heads[i]));
    for (size_t i = 0; i < o->count; i++) {
        const struct overview_row *r = &o->at[i];
        buf_add(&x, span_of(r->id)), cell(&t, &x);
        buf_add(&x, span_of(r->state)), cell(&t, &x);
        if (r->pid) buf_add_int(&x, r->pid);
        cell(&t, &x);
        if (r->uptime_ms) table_time(&x, r->uptime_ms);
        cell(&t, &x);
        buf_add_uint(&x, r->restarts), cell(&t, &x);
        if (r->has_load) table_count(&x, (double)r->load), buf_add_format(&x, " %s", figures[r->unit.kind].unit);
        cell(&t, &x);
        if (r->has_in) table_count(&x, r->in);
        cell(&t, &x);
        if (r->has_out) table_count(&x, r->out);
        cell(&t, &x);
        if (r->has_cpu) buf_add_format(&x, "%.0f", r->cpu);
        cell(&t, &x);
        if (r->rss) table_bytes(&x, r->rss);
        cell(&t, &x);
        buf_add(&x, buf_span(&r->endpoint)), cell(&t, &x);
    }
    table_print(out, &t, "llrrrrrrrrl");
    table_fini(&t);
    buf_fini(&x);
}

void overview_totals(struct buf *out, const struct overview *o)
{
    double in = 0, deliveries = 0, cpu = 0;
    uint64_t sessions = 0, rss = 0;
    size_t up = 0;
    for (size_t i = 0; i < o->count; i++) {
        const struct overview_row *r = &o->at[i];
        up += strcmp(r->state, "ready") == 0 || r->outside;
        rss += r->rss, cpu += r->cpu;
        if (r->unit.kind != UNIT_GATEWAY) continue;
        sessions += r->load, in += r->in, deliveries += r->out;
    }
    buf_add_format(out, "%zu of %zu up, ", up, o->count);
    table_count(out, (double)sessions), buf_add_literal(out, " sessions, ");
    table_count(out, in), buf_add_literal(out, " events/s in, ");
    table_count(out, deliveries), buf_add_literal(out, " deliveries/s, ");
    buf_add_format(out, "%.0f%% of a core, ", cpu);
    table_bytes(out, rss), buf_add_literal(out, " resident");
}

static void add_rate(struct buf *out, const char *key, bool has, double rate)
{
    buf_add_format(out, ",\"%s\":", key);
    if (has) buf_add_format(out, "%.1f", rate);
    else buf_add_literal(out, "null");
}

void overview_json(struct buf *out, const struct overview *o, struct span status)
{
    static const char *const copied[] = { "name", "topology", "state_dir" };
    buf_add_format(out, "{\"ok\":%s,\"running\":true", o->all_up ? "true" : "false");
    for (size_t i = 0; i < sizeof copied / sizeof copied[0]; i++) {
        struct span v = json_find(status, span_of(copied[i]));
        if (v.len) buf_add_format(out, ",\"%s\":", copied[i]), buf_add(out, v);
    }
    buf_add_format(out, ",\"supervisor\":{\"pid\":%lld,\"uptime_ms\":%llu}", (long long)control_number(status, "pid", 0), (unsigned long long)number(status, "uptime_ms"));
    buf_add_format(out, ",\"view\":%llu,\"holding\":%s,\"daemons\":[", (unsigned long long)o->view, o->holding ? "true" : "false");
    for (size_t i = 0; i < o->count; i++) {
        const struct overview_row *r = &o->at[i];
        if (i) buf_add_byte(out, ',');
        buf_add(out, buf_span(&r->object));
        buf_add_literal(out, ",\"roster\":");
        json_quote(out, span_of(r->roster));
        buf_add_literal(out, ",\"load\":");
        if (r->has_load) buf_add_uint(out, r->load);
        else buf_add_literal(out, "null");
        add_rate(out, "in_per_s", r->has_in, r->in), add_rate(out, "out_per_s", r->has_out, r->out), add_rate(out, "cpu_percent", r->has_cpu, r->cpu);
        buf_add_format(out, ",\"rss_bytes\":%llu}", (unsigned long long)r->rss);
    }
    buf_add_literal(out, "],\"problems\":[");
    struct span rest = buf_span(&o->problems);
    for (bool comma = false; rest.len; comma = true) {
        if (comma) buf_add_byte(out, ',');
        json_quote(out, span_cut(&rest, '\n'));
    }
    buf_add_literal(out, "]}\n");
}
