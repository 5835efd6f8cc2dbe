/* Limits as a whole: gateways' permits and presence's counters with links, a Redis and deaths between them.
 * Whatever happens in whatever order, no more passes than may. Time and luck are the test's. */
#include "counters.h"
#include "little.h"
#include "permits.h"
#include "t.h"
#include "user.h"

#include <stdio.h>
#include <stdlib.h>

enum { GATEWAYS = 3, PRESENCES = 2, USES_MAX = 20000, REDIS_LAG = 40 };

struct said { struct said *next; enum msg_type type; struct blob *message; uint64_t from_epoch; };       /* MSG_SYNCED: a mark */
struct link { struct said *first, **end; };

struct gateway {
    bool     alive;
    uint64_t epoch;
    uint16_t presence;              /* as it sees it */
    uint64_t presence_epoch;
    struct permits permits;
    struct effects effects;
    struct permit_wait wait[8];     /* its clients */
    bool     waits[8];
};

struct presence_side {
    bool     alive, synced, owner;
    uint64_t epoch;
    struct counters counters;
    struct effects effects;
    struct presence_stats stats;
    bool     told[GATEWAYS];        /* said SYNCED */
    struct said *held, **held_end;
};

static struct gateway gateways[GATEWAYS];
static struct presence_side presences[PRESENCES];
static struct link up[GATEWAYS][PRESENCES], down[PRESENCES][GATEWAYS];
static struct quota_limit limit;
static uint64_t now, epochs, views, uses[USES_MAX], redis_until;
static size_t use_count, refused_count;
static uint32_t redis_value;
static bool with_redis;

static uint32_t luck(uint32_t n) { return n ? (uint32_t)rand() % n : 0; }

/* ---- links */

static void put(struct link *l, enum msg_type type, struct blob *take, uint64_t epoch)
{
    struct said *s = calloc(1, sizeof *s);
    NEED(s);
    *s = (struct said){ NULL, type, take, epoch };
    if (!l->end) l->end = &l->first;
    *l->end = s;
    l->end = &s->next;
}

static struct said *take(struct link *l)
{
    struct said *s = l->first;
    if (!s) return NULL;
    l->first = s->next;
    if (!l->first) l->end = &l->first;
    return s;
}

static void drop(struct said *s)
{
    blob_drop(&s->message);
    free(s);
}

static void clear(struct link *l)
{
    for (struct said *s; (s = take(l)); ) drop(s);
}

static void flush_gateway(unsigned i)
{
    struct gateway *g = &gateways[i];
    for (size_t k = 0; k < g->effects.count; k++) {
        struct effect *e = &g->effects.at[k];
        put(&up[i][e->number], e->type, blob_hold(e->message), g->epoch);
    }
    effects_clear(&g->effects);
}

static void flush_presence(unsigned i)
{
    struct presence_side *p = &presences[i];
    for (size_t k = 0; k < p->effects.count; k++) {
        struct effect *e = &p->effects.at[k];
        put(&down[i][e->number], e->type, blob_hold(e->message), p->epoch);
    }
    effects_clear(&p->effects);
}

/* ---- hooks */

static bool owner_of(void *self, struct span user, uint16_t *presence, uint64_t *epoch)
{
    const struct gateway *g = self;
    (void)user;
    *presence = g->presence, *epoch = g->presence_epoch;
    return g->presence_epoch != 0;
}

static bool lives(void *self, uint16_t gateway, uint64_t epoch)
{
    (void)self;
    return gateways[gateway].alive && gateways[gateway].epoch == epoch;
}

/* ---- who is there */

static void gateway_begin(unsigned i)
{
    struct gateway *g = &gateways[i];
    static const struct siphash_key seed = { 1, 2 };
    *g = (struct gateway){ .alive = true, .epoch = ++epochs };
    for (unsigned p = 0; p < PRESENCES; p++)
        if (presences[p].alive && presences[p].owner) g->presence = (uint16_t)p, g->presence_epoch = presences[p].epoch;
    permits_init(&g->permits, &(struct permits_options){ .seed = &seed, .max = 100, .wait_ms = 2000, .effects = &g->effects, .hooks = { owner_of, g } }, now);
}

static void gateway_end(unsigned i)
{
    struct gateway *g = &gateways[i];
    permits_fini(&g->permits), effects_fini(&g->effects);
    g->alive = false;
}

static void presence_begin(unsigned i)
{
    struct presence_side *p = &presences[i];
    static const struct siphash_key seeds[2] = { { 3, 4 }, { 5, 6 } };
    *p = (struct presence_side){ .alive = true, .epoch = ++epochs };
    p->held_end = &p->held;
    counters_init(&p->counters, &(struct counters_options){ .seed = seeds, .max = 100, .redis = with_redis, .turns = luck(1u << 30), .effects = &p->effects,
                  .stats = &p->stats, .hooks = { lives, NULL } }, now);
    p->counters.gateways = GATEWAYS;
    if (with_redis) counters_on_up(&p->counters);
}

static void presence_end(unsigned i)
{
    struct presence_side *p = &presences[i];
    for (struct said *s; (s = p->held); drop(s)) p->held = s->next;
    counters_fini(&p->counters), effects_fini(&p->effects);
    p->alive = false;
}

/* The other one, or a new life of the same one, owns the user from now on; the gateways hear of it one by one. */
static void own(unsigned i)
{
    for (unsigned k = 0; k < PRESENCES; k++) presences[k].owner = k == i;
    struct presence_side *p = &presences[i];
    p->synced = false;
    views++;
    memset(p->told, 0, sizeof p->told);
    counters_taken_over(&p->counters, now);
}

/* ---- presence takes */

static bool nobodys(void *self, struct span user) { (void)self, (void)user; return false; }

static void redis_turn(unsigned i)
{
    struct presence_side *p = &presences[i];
    struct store_command c;
    while (with_redis && p->alive && p->counters.up && counters_next(&p->counters, &c, now)) {
        char text[24];
        struct store_reply r = { .kind = STORE_TEXT, .text = SPAN("OK") };
        uint64_t n;
        if (now >= redis_until) redis_value = 0;
        if (span_same(c.arg[0], SPAN("SET"))) {
            CHECK(c.count == 5 && span_same(c.arg[3], SPAN("PX")) && span_to_uint(c.arg[4], 1000000, &n) && n);
            redis_until = now + n;
            CHECK(span_to_uint(c.arg[2], 100000, &n));
            redis_value = (uint32_t)n;
        } else if (span_same(c.arg[0], SPAN("DEL"))) {
            redis_value = 0;
        } else if (span_same(c.arg[0], SPAN("GET"))) {
            r.text = redis_value ? span_from(text, (size_t)snprintf(text, sizeof text, "%u", redis_value)) : span_from(NULL, 0);
        } else {
            CHECK(span_same(c.arg[0], SPAN("PTTL")));
            r.text = redis_value ? span_from(text, (size_t)snprintf(text, sizeof text, "%llu", (unsigned long long)(redis_until - now))) : SPAN("-2");
        }
        if (luck(REDIS_LAG) == 0) {     /* it has done it, and the answer is lost */
            counters_on_lost(&p->counters);
            return;
        }
        counters_on_reply(&p->counters, &r);
    }
    if (with_redis && p->alive && !p->counters.up) counters_on_up(&p->counters);
}

static void hand_in(unsigned i, unsigned gateway, struct said *s)
{
    struct presence_side *p = &presences[i];
    struct msg_LIMIT_SAY m;
    EQUAL_ERR(msg_decode_LIMIT_SAY(&m, span_skip(blob_span(s->message), MSG_HEAD_BYTES)), OK);
    EQUAL_ERR(counters_on_say(&p->counters, (uint16_t)gateway, s->from_epoch, &m, (struct counters_time){ now, now }), OK);
}

static void presence_takes(unsigned i, unsigned gateway)
{
    struct presence_side *p = &presences[i];
    struct said *s = take(&up[gateway][i]);
    if (!s) return;
    if (!p->alive || s->from_epoch != gateways[gateway].epoch) {
        drop(s);        /* for a life before; or of one that has died: lost, or too late */
        return;
    }
    if (s->type == MSG_SYNCED) {
        struct span fields = blob_span(s->message);
        if (little_get(fields.ptr, 8) == views && p->owner) p->told[gateway] = true;
        drop(s);
    } else {
        struct msg_LIMIT_SAY m;
        EQUAL_ERR(msg_decode_LIMIT_SAY(&m, span_skip(blob_span(s->message), MSG_HEAD_BYTES)), OK);
        if (!p->owner) {
            drop(s);
        } else if (m.how == LIMIT_WANT && !p->synced && !counters_knows(&p->counters, &m)) {
            *p->held_end = s;
            s->next = NULL;
            p->held_end = &s->next;
        } else {
            hand_in(i, gateway, s);
            drop(s);
        }
    }
    bool all = p->owner;
    for (unsigned g = 0; g < GATEWAYS; g++) all = all && (p->told[g] || !gateways[g].alive);
    if (!all || p->synced) return;
    p->synced = true;
    counters_synced(&p->counters, now);
    for (struct said *h; (h = p->held); drop(h)) {
        p->held = h->next;
        for (unsigned g = 0; g < GATEWAYS; g++)
            if (gateways[g].alive && gateways[g].epoch == h->from_epoch) hand_in(i, g, h);
    }
    p->held_end = &p->held;
}

/* ---- gateways take */

static void passed(void)
{
    if (use_count < USES_MAX) uses[use_count++] = now;
}

static void pump(unsigned i)
{
    struct gateway *g = &gateways[i];
    for (struct permit_wait *w; (w = permits_decided(&g->permits)); ) {
        g->waits[w - g->wait] = false;
        if (w->yes) passed();
        else refused_count++, CHECK(w->reset);
    }
    flush_gateway(i);
}

static void gateway_takes(unsigned i, unsigned presence)
{
    struct gateway *g = &gateways[i];
    struct said *s = take(&down[presence][i]);
    if (!s) return;
    struct span fields = span_skip(blob_span(s->message), MSG_HEAD_BYTES);
    struct permits_time t = { now, now };
    if (g->alive && s->type == MSG_LIMIT_GRANT) {
        struct msg_LIMIT_GRANT m;
        EQUAL_ERR(msg_decode_LIMIT_GRANT(&m, fields), OK);
        permits_on_grant(&g->permits, (uint16_t)presence, s->from_epoch, &m, t);
    } else if (g->alive) {
        struct msg_LIMIT_RECALL m;
        EQUAL_ERR(msg_decode_LIMIT_RECALL(&m, fields), OK);
        permits_on_recall(&g->permits, (uint16_t)presence, s->from_epoch, &m, t);
    }
    drop(s);
    if (g->alive) pump(i);
}

static void gateway_sees(unsigned i)
{
    struct gateway *g = &gateways[i];
    char bytes[8];
    for (unsigned p = 0; p < PRESENCES; p++) {
        if (!presences[p].alive || !presences[p].owner) continue;
        g->presence = (uint16_t)p, g->presence_epoch = presences[p].epoch;
        permits_view(&g->permits, (struct permits_time){ now, now });
        pump(i);
        (void)little_put(bytes, views, 8);
        put(&up[i][p], MSG_SYNCED, blob_new(span_from(bytes, 8)), g->epoch);
    }
}

static void client_tries(unsigned i)
{
    struct gateway *g = &gateways[i];
    unsigned client = luck(8);
    uint64_t reset = 0;
    struct permit *permit = NULL;
    if (!g->alive || g->waits[client]) return;
    enum permits_answer a = permits_take(&g->permits, &(struct permits_ask){ SPAN("/42"), SPAN("rate:limit:42:say"), SPAN("say"), limit },
                                         (struct permits_time){ now, now }, &reset, &permit);
    g->waits[client] = a == PERMITS_WAIT;
    if (a == PERMITS_WAIT) permits_wait(&g->permits, permit, &g->wait[client], (struct permits_time){ now, now });
    if (a == PERMITS_YES) passed();
    if (a == PERMITS_NO) refused_count++, CHECK(reset >= now);
    flush_gateway(i);
}

/* ---- the world */

static void world_begin(void)
{
    now = 100000, epochs = 0, use_count = refused_count = 0, redis_value = 0, redis_until = 0;
    for (unsigned p = 0; p < PRESENCES; p++) presence_begin(p);
    own(0);
    for (unsigned i = 0; i < GATEWAYS; i++) gateway_begin(i), gateway_sees(i);
}

static void world_end(void)
{
    for (unsigned i = 0; i < GATEWAYS; i++)
        if (gateways[i].alive) gateway_end(i);
    for (unsigned p = 0; p < PRESENCES; p++)
        if (presences[p].alive) presence_end(p);
    for (unsigned i = 0; i < GATEWAYS; i++)
        for (unsigned p = 0; p < PRESENCES; p++) clear(&up[i][p]), clear(&down[p][i]);
}

static void move_on(unsigned steps)     /* messages and answers, in any order but that of each link */
{
    for (unsigned k = 0; k < steps; k++) {
        unsigned i = luck(GATEWAYS), p = luck(PRESENCES);
        if (luck(2)) presence_takes(p, i);
        else gateway_takes(i, p);
        if (luck(3) == 0) redis_turn(p);
        if (presences[p].alive) counters_on_time(&presences[p].counters, (struct counters_time){ now, now }), flush_presence(p);
    }
}

static void tick(uint64_t ms)
{
    now += ms;
    for (unsigned i = 0; i < GATEWAYS; i++)
        if (gateways[i].alive) permits_on_time(&gateways[i].permits, (struct permits_time){ now, now }), pump(i);
    for (unsigned p = 0; p < PRESENCES; p++)
        if (presences[p].alive) counters_on_time(&presences[p].counters, (struct counters_time){ now, now }), flush_presence(p);
}

static void restart_gateway(unsigned i)
{
    uint64_t epoch = gateways[i].epoch;
    unsigned lost = luck(4);
    for (unsigned p = 0; p < PRESENCES; p++)
        for (unsigned k = 0; k < lost; k++) presence_takes(p, i);      /* some of what it said is there yet */
    gateway_end(i);
    for (unsigned p = 0; p < PRESENCES; p++) clear(&up[i][p]), clear(&down[p][i]);
    move_on(luck(60));
    for (unsigned p = 0; p < PRESENCES; p++)
        if (presences[p].alive) counters_on_gone(&presences[p].counters, (uint16_t)i, epoch, (struct counters_time){ now, now });
    gateway_begin(i);
    gateway_sees(i);
}

static void change_owner(void)
{
    unsigned old = presences[0].owner ? 0 : 1, next = luck(2) ? old : 1 - old;
    if (next == old || luck(2)) {       /* killed; another one takes over, or a new life of it */
        presence_end(old);
        for (unsigned i = 0; i < GATEWAYS; i++) clear(&up[i][old]), clear(&down[old][i]);
        presence_begin(old);
    } else {
        counters_drop(&presences[old].counters, nobodys, NULL);
    }
    own(next);
    for (unsigned i = 0; i < GATEWAYS; i++) {
        if (gateways[i].alive) gateway_sees(i);
        move_on(luck(20));
    }
}

/* In any stretch of time no more than may: of a window 'count', of a bucket what comes back meanwhile, too. */
static void check_uses(const char *what)
{
    uint64_t each_us = (limit.window_ms * (uint64_t)1000) / limit.count;
    for (size_t i = 0; i < use_count; i++)
        for (size_t k = i + limit.count; k < use_count; k++) {
            uint64_t span = uses[k] - uses[i];
            size_t n = k - i + 1, may = limit.kind == QUOTA_SLIDING ? (span < limit.window_ms ? limit.count : SIZE_MAX)
                                      : limit.kind == QUOTA_BUCKET  ? limit.count + (size_t)(span * 1000 / each_us)
                                      :                               limit.count * (2 + (size_t)(span / limit.window_ms));
            if (n > may) FAIL("%s: %zu of %u in %llu ms, %u ms long", what, n, limit.count, (unsigned long long)span, limit.window_ms);
            if (span > 2 * limit.window_ms) break;
        }
}

TEST(limits_exactly_as_many_pass_as_may)
{
    srand(1);
    for (unsigned round = 0; round < 200; round++) {
        with_redis = round & 1;
        limit = (struct quota_limit){ 1 + luck(60), 60000, (uint8_t)luck(2) };
        world_begin();
        move_on(40);
        for (unsigned k = 0; k < 400; k++) client_tries(luck(GATEWAYS)), move_on(luck(12));
        for (unsigned k = 0; k < 40; k++) move_on(40), tick(1);
        if (use_count != limit.count) FAIL("round %u, kind %u: %zu of %u", round, limit.kind, use_count, limit.count);
        CHECK(refused_count > 0);
        world_end();
    }
}

static void storm(uint8_t kind, bool deaths_of_gateways, bool deaths_of_presences)
{
    for (unsigned round = 0; round < 60; round++) {
        limit = (struct quota_limit){ 1 + luck(40), kind == QUOTA_FIXED ? 100000 : 500 + luck(3000), kind };
        world_begin();
        move_on(40);
        for (unsigned k = 0; k < 1500; k++) {
            client_tries(luck(GATEWAYS));
            move_on(luck(8));
            if (luck(5) == 0) tick(luck(40));
            if (deaths_of_gateways && luck(100) == 0) restart_gateway(luck(GATEWAYS));
            if (deaths_of_presences && luck(100) == 0) change_owner();
        }
        CHECK(use_count);
        if (kind == QUOTA_FIXED && use_count > limit.count) FAIL("round %u: %zu of %u", round, use_count, limit.count);
        check_uses(with_redis ? "with Redis" : "without Redis");
        world_end();
    }
}

TEST(limits_hold_when_gateways_die)          { srand(2), with_redis = false; for (uint8_t k = 0; k < QUOTA_KINDS; k++) storm(k, true, false); }
TEST(limits_hold_when_presences_die)         { srand(3), with_redis = false; for (uint8_t k = 0; k < QUOTA_KINDS; k++) storm(k, false, true); }
TEST(limits_hold_when_all_die_and_redis_not) { srand(4), with_redis = true;  for (uint8_t k = 0; k < QUOTA_KINDS; k++) storm(k, true, true); }

TEST(limits_leave_nothing_behind)
{
    srand(5);
    for (uint8_t k = 0; k < QUOTA_KINDS; k++) {
        with_redis = true;
        limit = (struct quota_limit){ 10, 1000, k };
        world_begin();
        for (unsigned i = 0; i < 200; i++) client_tries(luck(GATEWAYS)), move_on(luck(12)), tick(luck(5));
        for (unsigned i = 0; i < 200; i++) move_on(20), tick(50);
        for (unsigned i = 0; i < GATEWAYS; i++) EQUAL(gateways[i].permits.by_key.count, 0);
        EQUAL(presences[0].counters.by_key.count, 0);
        EQUAL(presences[0].counters.out, 0);
        EQUAL(presences[0].counters.bytes, 0);
        CHECK(counters_quiet(&presences[0].counters));
        world_end();
    }
}
