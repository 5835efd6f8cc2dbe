#include "metrics.h"

#include "json.h"
#include "stats.h"

#include <stdlib.h>

/* ---- what there is: the tables of all roles, for their names and helps alone */

struct family { enum role role; const char *name, *help; enum stat_kind kind; };       /* ROLE_NONE: of every daemon */

static const struct family families[] = {
#define STAT_ERRS(n, h) { ROLE, #n, h, STAT_ERRORS },
#define STAT(n, k, h)   { ROLE, #n, h, STAT_##k },
#define ROLE ROLE_GATEWAY
#include "../gateway/stats.def"
#include "../gateway/edge_stats.def"
#undef ROLE
#define ROLE ROLE_ROUTER
#include "../router/stats.def"
#undef ROLE
#define ROLE ROLE_PRESENCE
#include "../presence/stats.def"
#undef ROLE
#define ROLE ROLE_AUTH
#include "../auth/stats.def"
#undef ROLE
#define ROLE ROLE_NONE
#include "../common/bus_stats.def"
#include "../common/process_stats.def"
#undef ROLE
#undef STAT
#undef STAT_ERRS
};

/* ---- what the daemons say: members of their JSON, which stand in the order of the tables */

struct pair { struct span key, value; };

struct source {
    const struct last *last;
    struct pair *at;
    size_t count, cursor;
};

static void read_pairs(struct source *s)
{
    struct span rest = blob_span(s->last->json), key, value;
    size_t cap = 0;
    if (json_check(rest, JSON_MAX_DEPTH) != OK || json_type_of(rest) != JSON_OBJECT) return;
    while (json_next_member(&rest, &key, &value)) {
        if (s->count == cap) {
            cap = cap ? 2 * cap : 256;
            s->at = realloc(s->at, cap * sizeof *s->at);
            NEED(s->at);
        }
        s->at[s->count++] = (struct pair){ span_head(span_skip(key, 1), key.len - 2), value };
    }
}

static const struct pair *find_pair(struct source *s, struct span key)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct pair *p = &s->at[(s->cursor + i) % s->count];
        if (!span_same(p->key, key)) continue;
        s->cursor = (s->cursor + i + 1) % s->count;
        return p;
    }
    return NULL;
}

struct sources { struct source *at; size_t count; };

static int by_id(const void *a, const void *b)
{
    const struct source *x = a, *y = b;
    if (x->last->role != y->last->role) return x->last->role < y->last->role ? -1 : 1;
    return (x->last->number > y->last->number) - (x->last->number < y->last->number);
}

static struct sources sources_of(const struct lasts *lasts, struct span kind)
{
    struct sources all = { 0 };
    struct map_walk walk = { 0 };
    all.at = calloc(lasts->by_topic.count + 1, sizeof *all.at);
    NEED(all.at);
    for (const struct last *last; (last = lasts_next(lasts, &walk)); )
        if (span_same(last_kind(last), kind)) all.at[all.count++].last = last;
    if (all.count) qsort(all.at, all.count, sizeof *all.at, by_id);
    for (size_t i = 0; i < all.count; i++) read_pairs(&all.at[i]);
    return all;
}

static void sources_fini(struct sources *all)
{
    for (size_t i = 0; i < all->count; i++) free(all->at[i].at);
    free(all->at);
}

/* ---- names: units are base units, and stand last */

static const struct unit { const char *token, *base; unsigned divisor; } units[] = {
    { "bytes", "bytes", 1 }, { "ms", "seconds", 1000 }, { "permille", "ratio", 1000 } };

static const struct unit *unit_of(struct span token)
{
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (span_same(token, span_of(units[i].token))) return &units[i];
    return NULL;
}

static const struct unit *add_name(struct buf *out, const struct family *f)
{
    const struct unit *unit = NULL;
    buf_add_literal(out, "causeway");
    if (f->role != ROLE_NONE) buf_add_byte(out, '_'), buf_add(out, span_of(role_name(f->role)));
    for (struct span rest = span_of(f->name); rest.len; ) {
        struct span token = span_cut(&rest, '_');
        const struct unit *u = unit_of(token);
        if (u) unit = u;
        else buf_add_byte(out, '_'), buf_add(out, token);
    }
    if (unit) buf_add_byte(out, '_'), buf_add(out, span_of(unit->base));
    if (f->kind != STAT_GAUGE) buf_add_literal(out, "_total");
    return unit;
}

/* In a label's value or a help: neither may end early, or end its line. */
static void add_text(struct buf *out, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '\n') buf_add_literal(out, "\\n");
        else if (c == '\\' || c == '"') buf_add_byte(out, '\\'), buf_add_byte(out, c);
        else buf_add_byte(out, c);
    }
}

static void add_help(struct buf *out, struct span help)
{
    for (size_t i = 0; i < help.len; i++) {
        if (help.ptr[i] == '\\') buf_add_literal(out, "\\\\");
        else buf_add_byte(out, help.ptr[i] == '\n' ? ' ' : help.ptr[i]);
    }
}

static void add_head(struct buf *out, struct span name, const char *help, const char *type)
{
    buf_add_literal(out, "# HELP ");
    buf_add(out, name);
    buf_add_byte(out, ' ');
    add_help(out, span_of(help));
    buf_add_literal(out, "\n# TYPE ");
    buf_add(out, name);
    buf_add_format(out, " %s\n", type);
}

/* name{role="gateway",id="gateway-0" ... and what else the caller has; end_sample closes it. */
static void begin_sample(struct buf *out, struct span name, const struct last *of)
{
    buf_add(out, name);
    buf_add_format(out, "{role=\"%s\",id=\"", role_name(of->role));
    add_text(out, last_id(of));
    buf_add_byte(out, '"');
}

static void add_divided(struct buf *out, uint64_t n, unsigned divisor)      /* 1 or a power of ten */
{
    buf_add_uint(out, n / divisor);
    if (n % divisor == 0) return;
    buf_add_byte(out, '.');
    for (uint64_t rest = n % divisor; rest; rest = rest * 10 % divisor) buf_add_byte(out, (char)('0' + rest * 10 / divisor));
}

static void end_sample(struct buf *out, uint64_t n, unsigned divisor)
{
    buf_add_literal(out, "} ");
    add_divided(out, n, divisor);
    buf_add_byte(out, '\n');
}

/* ---- counters and gauges */

static void print_reasons(struct buf *out, struct span name, struct source *s, struct span prefix)
{
    uint64_t n;
    for (size_t i = 0; i < s->count; i++) {
        struct span reason = s->at[i].key;
        if (!span_eat_prefix(&reason, prefix) || !span_eat(&reason, '.') || !json_to_uint(s->at[i].value, UINT64_MAX, &n)) continue;
        begin_sample(out, name, s->last);
        buf_add_literal(out, ",reason=\"");
        add_text(out, reason);
        buf_add_byte(out, '"');
        end_sample(out, n, 1);
    }
}

static void print_family(struct buf *out, const struct family *f, struct sources *all)
{
    struct buf name = { 0 }, key = { 0 };
    const struct unit *unit = add_name(&name, f);
    uint64_t n;
    stats_name(&key, f->name);
    add_head(out, buf_span(&name), f->help, f->kind == STAT_GAUGE ? "gauge" : "counter");
    for (size_t i = 0; i < all->count; i++) {
        struct source *s = &all->at[i];
        if (f->role != ROLE_NONE && f->role != s->last->role) continue;
        if (f->kind == STAT_ERRORS) {
            print_reasons(out, buf_span(&name), s, buf_span(&key));
            continue;
        }
        const struct pair *p = find_pair(s, buf_span(&key));
        if (!p || !json_to_uint(p->value, UINT64_MAX, &n)) continue;
        begin_sample(out, buf_span(&name), s->last);
        end_sample(out, n, unit ? unit->divisor : 1);
    }
    buf_fini(&name), buf_fini(&key);
}

/* ---- the roster */

static void print_members(struct buf *out, const struct view *view)
{
    static const char *const states[] = { [MEMBER_STARTING] = "starting", [MEMBER_READY] = "ready", [MEMBER_DRAINING] = "draining" };
    uint64_t count[ROLE_COUNT][3] = { 0 };
    for (size_t i = 0; i < view_count(view); i++) {
        const struct member *m = view_member(view, i);
        if (m->role < ROLE_COUNT && m->state <= MEMBER_DRAINING) count[m->role][m->state]++;
    }
    add_head(out, SPAN("causeway_cluster_daemons"), "daemons in the roster, by role and state", "gauge");
    for (unsigned role = ROLE_ROUTER; role < ROLE_COUNT; role++)
        for (unsigned state = 0; state < 3; state++)
            buf_add_format(out, "causeway_cluster_daemons{role=\"%s\",state=\"%s\"} %llu\n", role_name((enum role)role), states[state], (unsigned long long)count[role][state]);
}

static void print_uptimes(struct buf *out, struct sources *all)
{
    uint64_t n;
    add_head(out, SPAN("causeway_process_uptime_seconds"), "how long a daemon has been running", "gauge");
    for (size_t i = 0; i < all->count; i++) {
        const struct pair *p = find_pair(&all->at[i], SPAN("uptime_ms"));
        if (!p || !json_to_uint(p->value, UINT64_MAX, &n)) continue;
        begin_sample(out, SPAN("causeway_process_uptime_seconds"), all->at[i].last);
        end_sample(out, n, 1000);
    }
}

void metrics_print(struct buf *out, const struct lasts *lasts, const struct view *view)
{
    struct sources counters = sources_of(lasts, SPAN("counters"));
    print_members(out, view);
    print_uptimes(out, &counters);
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) print_family(out, &families[i], &counters);
    sources_fini(&counters);
}
