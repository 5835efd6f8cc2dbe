#include "limit.h"

#include "hold.h"
#include "rules_limit.h"
#include "user.h"

#include <stdlib.h>

struct limit_wait {                 /* a socket whose first held event waits for a permit, or has its answer */
    struct permit_wait wait;
    struct socket     *socket;
    bool               decided;
};

static bool owner(void *self, struct span user, uint16_t *presence, uint64_t *epoch)
{
    const struct gate *g = self;
    *presence = user_owner(user, g->presences.number, g->presences.count);
    *epoch = *presence == RANK_NOBODY ? 0 : gate_presence_epoch(g, *presence);
    return *epoch != 0;
}

void limits_init(struct gate *g)
{
    struct siphash_key seed = gate_seed(g);
    permits_init(&g->permits, &(struct permits_options){ .seed = &seed, .max = g->config->gateway.max_limits_count, .wait_ms = g->config->presence.wait_ms,
                 .effects = &g->effects, .hooks = { owner, g } }, g->now.mono);
}

/* ---- asking */

static struct permits_time time_of(const struct gate *g) { return (struct permits_time){ g->now.mono, g->now.wall }; }

static bool of_user(const struct socket *s, const struct rules_limit *l)
{
    return l->scope == RULES_SCOPE_USER && socket_user(s).len;
}

/* A user's counter has its name in Redis; one of this gateway's own, who is meant, and where. */
static void add_key(const struct socket *s, const struct rules_limit *l, struct span user, struct buf *key)
{
    struct span nsp = s->space->name;
    struct buf who = { 0 };
    if (of_user(s, l)) {
        user_name(&who, user);
        rules_limit_key(l, buf_span(&who), nsp.len > 1 ? span_skip(nsp, 1) : nsp, key);
    } else if (l->scope == RULES_SCOPE_ADDRESS) {
        ip_print(key, &s->session->address);
        buf_add_format(key, " %.*s %.*s", (int)nsp.len, nsp.ptr, (int)l->name.len, l->name.ptr);
    } else {
        buf_add(key, socket_id(s));
        buf_add_format(key, " %.*s", (int)l->name.len, l->name.ptr);
    }
    buf_fini(&who);
}

static enum permits_answer take(struct socket *s, const struct rules_limit *l, uint64_t *reset, struct permit **permit)
{
    struct gate *g = s->session->gate;
    buf_clear(&g->key), buf_clear(&g->text);
    if (of_user(s, l) && user_key(&g->key, span_of(s->space->config->realm), socket_user(s)) != OK) return PERMITS_YES;     /* it could not connect so */
    add_key(s, l, buf_span(&g->key), &g->text);
    return permits_take(&g->permits, &(struct permits_ask){ buf_span(&g->key), buf_span(&g->text), l->name, l->quota }, time_of(g), reset, permit);
}

static enum permits_answer answered(struct socket *s, uint64_t *reset)
{
    struct limit_wait *w = s->limit;
    if (!w->decided) return PERMITS_WAIT;
    bool yes = w->wait.yes;
    *reset = w->wait.reset;
    s->limit = NULL;
    free(w);
    return yes ? PERMITS_YES : PERMITS_NO;
}

/* Of an event that no rule knows, and a worker does: the namespace's. */
static const struct rules_limit *limit_of(struct socket *s, const struct sio_packet *p)
{
    const struct rules *r = s->space->rules;
    const struct rules_limit *of_rule = r ? rules_limit(r, p->name) : NULL, *any = r && !of_rule ? rules_limit_default(r) : NULL;
    return any && !rules_find(r, p->name) && event_for_worker(s, p) ? any : of_rule;
}

enum permits_answer limit_ask(struct socket *s, const struct sio_packet *p, uint64_t *reset)
{
    if (s->limit) return answered(s, reset);
    const struct rules_limit *l = limit_of(s, p);
    struct permit *permit;
    enum permits_answer a = l ? take(s, l, reset, &permit) : PERMITS_YES;
    if (a != PERMITS_WAIT) return a;
    struct gate *g = s->session->gate;
    s->limit = calloc(1, sizeof *s->limit);
    NEED(s->limit);
    s->limit->socket = s;
    permits_wait(&g->permits, permit, &s->limit->wait, time_of(g));
    return PERMITS_WAIT;
}

void limit_forget(struct socket *s)
{
    if (!s->limit) return;
    permits_forget(&s->session->gate->permits, &s->limit->wait);
    free(s->limit);
    s->limit = NULL;
}

/* ---- answers */

void limit_refuse(struct socket *s, const struct sio_packet *p, const struct span *attachments, uint64_t reset)
{
    struct gate *g = s->session->gate;
    const struct rules_limit *l = limit_of(s, p);
    g->stats->events_limited++;
    if (!s->space->rules) return;
    struct buf more = { 0 }, address = { 0 };
    struct template_scope scope = event_scope(s, p, &address);
    if (l) rules_limit_scope(l, reset ? reset : g->now.wall + l->quota.window_ms, &more);
    g->stats->refused_rules[problem_err(PROBLEM_LIMIT)]++;
    rules_refuse(s->space->rules, &scope, PROBLEM_LIMIT, SPAN(""), buf_span(&more), &g->ruled);
    event_do(s, &scope, p, attachments, &g->ruled);
    buf_fini(&more), buf_fini(&address);
}

void limits_pump(struct gate *g)
{
    for (struct permit_wait *wait; (wait = permits_decided(&g->permits)); ) {
        struct limit_wait *w = WHEEL_OWNER(wait, struct limit_wait, wait);
        w->decided = true;
        hold_release(w->socket);
    }
}
