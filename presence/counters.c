#include "counters_inside.h"

#include <stdlib.h>

/* ---- the table */

static struct span id_of(const void *c) { return counter_id(c); }
static struct span user_of(const void *c) { return counter_user(c); }

void counters_init(struct counters *self, const struct counters_options *o, uint64_t mono)
{
    *self = (struct counters){ .effects = o->effects, .stats = o->stats, .hooks = o->hooks, .prefix = o->prefix, .max = o->max,
                               .redis = o->redis, .turns = o->turns, .gateways = 1, .since = mono };
    map_init(&self->by_key, &o->seed[0], id_of);
    map_init(&self->by_user, &o->seed[1], user_of);
    wheel_init(&self->wheel, 0, mono);
    self->due_end = &self->due, self->orders_end = &self->orders;
}

static size_t bytes_of(const struct counter *c)
{
    return sizeof *c + c->user_len + 1U + c->key_len + c->event_len;
}

static void free_holder(struct counters *self, struct counter *c, struct holder **at)
{
    struct holder *h = *at;
    *at = h->next;
    c->out -= h->out, self->out -= h->out;
    self->bytes -= sizeof *h;
    free(h);
}

static void drop_wish(struct counter *c)
{
    struct wish *w = c->wishes;
    c->wishes = w->next;
    if (!c->wishes) c->wishes_end = &c->wishes;
    free(w);
}

static void destroy(struct counters *self, struct counter *c)
{
    counter_unorder(self, c);
    wheel_cancel(&self->wheel, &c->timer);
    map_drop(&self->by_key, counter_id(c));
    if (counter_first(self, counter_user(c)) == c) {
        map_drop(&self->by_user, counter_user(c));
        if (c->next) map_put(&self->by_user, counter_user(c->next), c->next);
    }
    if (c->next) c->next->at = c->at;
    if (c->at) *c->at = c->next;
    while (c->holders) free_holder(self, c, &c->holders);
    while (c->wishes) drop_wish(c);
    quota_fini(&c->quota);
    self->bytes -= bytes_of(c);
    free(c);
}

void counters_fini(struct counters *self)
{
    struct map_walk walk = { 0 };
    for (struct counter *c; (c = map_next(&self->by_key, &walk)); ) destroy(self, c);
    counters_on_lost(self);
    map_fini(&self->by_key), map_fini(&self->by_user);
    buf_fini(&self->scratch), buf_fini(&self->key), buf_fini(&self->text);
}

struct counter *counter_first(const struct counters *self, struct span user) { return map_find(&self->by_user, user); }

static struct counter *find(const struct counters *self, const struct msg_LIMIT_SAY *m)
{
    char id[COUNTERS_KEY_MAX + 512];
    if (m->user.len + 1 + m->key.len > sizeof id) return NULL;
    memcpy(id, m->user.ptr, m->user.len);
    id[m->user.len] = 0;
    memcpy(id + m->user.len + 1, m->key.ptr, m->key.len);
    return map_find(&self->by_key, span_from(id, m->user.len + 1 + m->key.len));
}

static struct counter *make(struct counters *self, const struct msg_LIMIT_SAY *m)
{
    if (self->by_key.count >= self->max) return NULL;
    struct counter *c = calloc(1, sizeof *c + m->user.len + 1 + m->key.len + m->event.len);
    NEED(c);
    c->user_len = (uint16_t)m->user.len, c->key_len = (uint16_t)m->key.len, c->event_len = (uint16_t)m->event.len;
    memcpy(c->text, m->user.ptr, m->user.len);
    memcpy(c->text + m->user.len + 1, m->key.ptr, m->key.len);
    memcpy(c->text + m->user.len + 1 + m->key.len, m->event.ptr, m->event.len);
    c->wishes_end = &c->wishes;
    self->bytes += bytes_of(c);
    (void)map_put(&self->by_key, counter_id(c), c);
    struct counter *first = map_put(&self->by_user, counter_user(c), c);
    c->next = first;        /* at NULL: the map has it */
    if (first) first->at = &c->next;
    return c;
}

static struct holder *holder_of(struct counter *c, uint16_t gateway, uint64_t epoch)
{
    struct holder *h = c->holders;
    while (h && (h->gateway != gateway || h->epoch != epoch)) h = h->next;
    return h;
}

static struct holder *holder_need(struct counters *self, struct counter *c, uint16_t gateway, uint64_t epoch)
{
    struct holder *h = holder_of(c, gateway, epoch);
    if (h) return h;
    h = calloc(1, sizeof *h);
    NEED(h);
    *h = (struct holder){ .next = c->holders, .gateway = gateway, .epoch = epoch };
    self->bytes += sizeof *h;
    return c->holders = h;
}

/* ---- how much is left */

uint64_t counter_lease_ms(const struct quota_limit *l) { return l->window_ms / 4 + 1; }

static void put_out(struct counters *self, struct counter *c, struct holder *h, uint32_t out)
{
    c->out = c->out - h->out + out, self->out = self->out - h->out + out;
    h->out = out;
}

void counter_void(struct counters *self, struct counter *c)
{
    for (struct holder *h = c->holders; h; h = h->next) put_out(self, c, h, 0), h->recalled = false;
    c->turn = c->limit.kind == QUOTA_FIXED ? ++self->turns : c->turn + 1;
}

void counter_refresh(struct counters *self, struct counter *c, uint64_t mono)
{
    bool over = c->limit.kind == QUOTA_FIXED && c->quota.until && mono >= c->quota.until;
    (void)quota_used(&c->quota, &c->limit, mono);
    if (over) counter_void(self, c);
}

uint32_t counter_sum(struct counter *c, uint64_t mono)
{
    uint32_t used = quota_used(&c->quota, &c->limit, mono);
    return used > UINT32_MAX - c->out ? UINT32_MAX : used + c->out;
}

static uint32_t left_of(struct counter *c, uint64_t mono)
{
    uint32_t sum = counter_sum(c, mono);
    return c->limit.count > sum ? c->limit.count - sum : 0;
}

/* Asked for, and some beyond it: fewer as there is less left, and for each of more gateways. */
static uint32_t share(const struct counters *self, const struct counter *c, uint32_t want, uint32_t left)
{
    uint32_t chunk = left / (2 * (uint32_t)(self->gateways ? self->gateways : 1)), most = c->limit.count / 4;
    if (chunk > most) chunk = most;
    if (chunk > COUNTERS_CHUNK_MAX) chunk = COUNTERS_CHUNK_MAX;
    uint32_t share = want > chunk ? want : chunk;
    return share < left ? share : left;
}

/* ---- what others have */

static bool owes(const struct counters *self, const struct holder *h)
{
    return h->recalled && self->hooks.lives(self->hooks.self, h->gateway, h->epoch);
}

bool counter_awaited(struct counters *self, struct counter *c, uint64_t mono)
{
    if (!c->recall_by) return false;
    if (mono < c->recall_by)
        for (struct holder *h = c->holders; h; h = h->next)
            if (owes(self, h)) return true;
    if (mono >= c->recall_by) self->stats->limits_late++;
    for (struct holder *h = c->holders; h; h = h->next) h->recalled = false;
    c->recall_by = 0;
    return false;
}

void counter_recall(struct counters *self, struct counter *c, const struct wish *but, bool forget, uint64_t mono)
{
    for (struct holder *h = c->holders; h; h = h->next) {
        bool asker = but && but->gateway == h->gateway && but->epoch == h->epoch;
        if (asker || (!h->out && !forget) || h->recalled || !self->hooks.lives(self->hooks.self, h->gateway, h->epoch)) continue;
        h->recalled = true;
        c->recall_by = mono + COUNTERS_RECALL_MS;
        self->stats->limits_recalled++;
        msg_encode_LIMIT_RECALL(&self->scratch, &(struct msg_LIMIT_RECALL){ .user = counter_user(c), .key = counter_key(c), .forget = forget });
        effects_add_buf(self->effects, ROLE_GATEWAY, h->gateway, MSG_LIMIT_RECALL, &self->scratch, 0);
    }
}

/* ---- answers */

static uint64_t good_for(const struct counter *c, uint64_t mono)
{
    return c->limit.kind == QUOTA_FIXED ? (c->quota.until > mono ? c->quota.until - mono : 0) : counter_lease_ms(&c->limit);
}

/* When it is worth asking again: what gateways that don't answer have may come back at any time. */
static uint64_t frees_in(const struct counter *c, uint64_t mono)
{
    uint64_t at = quota_frees_at(&c->quota, &c->limit), least = mono + counter_lease_ms(&c->limit);
    if (c->out && c->limit.kind != QUOTA_FIXED && (!at || at > least)) at = least;
    return at > mono ? at - mono : 1;
}

static void answer(struct counters *self, struct counter *c, const struct wish *w, uint32_t left, struct counters_time now)
{
    uint32_t given = share(self, c, w->want, left);
    struct holder *h = holder_need(self, c, w->gateway, w->epoch);
    bool last = given < w->want;
    if (given && c->limit.kind == QUOTA_FIXED && !c->quota.until) c->quota.until = now.mono + c->limit.window_ms;
    uint64_t good = good_for(c, now.mono), frees = last ? frees_in(c, now.mono) : 0;
    put_out(self, c, h, h->out + given);
    h->ends = now.mono + good;
    self->stats->limits_granted += given;
    self->stats->limits_refused += last;
    msg_encode_LIMIT_GRANT(&self->scratch, &(struct msg_LIMIT_GRANT){ .asked = w->asked, .user = counter_user(c), .key = counter_key(c),
        .permits = given, .turn = c->turn, .left = (uint32_t)good, .last = last, .frees = (uint32_t)frees, .reset = last ? now.wall + frees : 0 });
    if (given) counter_written(self, c);
    counter_say(self, c, w->gateway, &self->scratch);
}

void counter_serve(struct counters *self, struct counter *c, struct counters_time now)
{
    for (struct wish *w; (w = c->wishes); drop_wish(c)) {
        counter_refresh(self, c, now.mono);
        if (!self->hooks.lives(self->hooks.self, w->gateway, w->epoch)) continue;
        if (!counter_read(self, c, now.mono)) break;
        uint32_t left = left_of(c, now.mono);
        if (left < w->want && !w->gathered) {
            w->gathered = true;
            counter_recall(self, c, w, false, now.mono);
        }
        if (left < w->want && counter_awaited(self, c, now.mono)) break;
        answer(self, c, w, left_of(c, now.mono), now);
    }
    counter_arm(self, c, now.mono);
}

/* ---- time */

void counter_arm(struct counters *self, struct counter *c, uint64_t mono)
{
    uint64_t at = quota_clears_at(&c->quota, &c->limit);
    if (c->wishes && c->recall_by) at = c->recall_by;
    else if (c->wishes && self->since + c->limit.window_ms > mono) at = self->since + c->limit.window_ms;    /* by then nothing of before counts any more */
    if (at == 0 && !c->out && !c->wishes && !c->parked && !c->orders && !c->arrived) {
        destroy(self, c);       /* what Redis has of it goes by itself */
        return;
    }
    if (at == 0) at = mono + c->limit.window_ms;
    wheel_set(&self->wheel, &c->timer, at > mono ? at : mono + 1);
}

void counters_on_time(struct counters *self, struct counters_time now)
{
    for (struct counter *c; (c = self->arrived); ) {
        self->arrived = c->arrived_next;
        c->arrived = false;
        counter_refresh(self, c, now.mono);
        counter_take_read(self, c, now.mono);
        counter_serve(self, c, now);
    }
    for (struct wheel_timer *t; (t = wheel_expire(&self->wheel, now.mono)); ) {
        struct counter *c = WHEEL_OWNER(t, struct counter, timer);
        counter_refresh(self, c, now.mono);
        counter_serve(self, c, now);
    }
}

uint64_t counters_deadline(const struct counters *self) { return wheel_deadline(&self->wheel); }

/* ---- who owns, who lives */

void counters_taken_over(struct counters *self, uint64_t mono)
{
    self->since = mono;
    self->settled = false;
}

void counters_synced(struct counters *self, uint64_t mono)
{
    self->settled = true;
    struct map_walk walk = { 0 };
    for (struct counter *c; (c = map_next(&self->by_key, &walk)); ) (void)counter_read(self, c, mono);
}

void counters_drop(struct counters *self, bool (*ours)(void *self, struct span user), void *ours_self)
{
    struct map_walk walk = { 0 };
    for (struct counter *c; (c = map_next(&self->by_key, &walk)); )
        if (!ours(ours_self, counter_user(c))) destroy(self, c);
}

void counters_on_gone(struct counters *self, uint16_t gateway, uint64_t epoch, struct counters_time now)
{
    struct map_walk walk = { 0 };
    for (struct counter *c; (c = map_next(&self->by_key, &walk)); ) {
        struct holder **at = &c->holders;
        while (*at && ((*at)->gateway != gateway || (*at)->epoch != epoch)) at = &(*at)->next;
        if (!*at) continue;
        counter_refresh(self, c, now.mono);
        uint32_t lost = (*at)->out;
        uint64_t ends = (*at)->ends;
        free_holder(self, c, at);
        quota_add(&c->quota, &c->limit, ends, lost);        /* used, as late as could be */
        self->stats->limits_lost += lost;
        wheel_set(&self->wheel, &c->timer, now.mono);       /* seen to with the next tick: it may go, which the walk forbids */
    }
}

/* ---- what gateways say */

static enum err check(const struct msg_LIMIT_SAY *m)
{
    if (!m->user.len || !m->key.len || (m->how != LIMIT_GIVE && (!m->count || !m->window))) return ERR_MISSING;
    if (m->user.len > 512 || m->key.len > COUNTERS_KEY_MAX - 512 || m->event.len > COUNTERS_EVENT_MAX) return ERR_LIMIT;
    if (m->count > QUOTA_COUNT_MAX || m->window > QUOTA_WINDOW_MAX_MS || m->kind >= QUOTA_KINDS || m->want > QUOTA_COUNT_MAX) return ERR_RANGE;
    return OK;
}

/* Of the window that we are in: else it is over, and with it all that this is about. */
static enum err report(struct counters *self, struct counter *c, struct holder *h, const struct msg_LIMIT_SAY *m, uint64_t mono)
{
    if (c->limit.kind == QUOTA_FIXED ? m->turn != c->turn : m->turn < c->turn) return OK;
    uint32_t back = m->back < h->out ? m->back : h->out;
    put_out(self, c, h, h->out - back);
    uint32_t used = m->used < h->out ? m->used : h->out;
    put_out(self, c, h, h->out - used);
    if (back) counter_written(self, c);
    return quota_told(&c->quota, &c->limit, mono, m->uses) ? OK : ERR_TRUNC;
}

/* To a new owner, all. A link that lost something: what the gateway was granted and has not any more, it may have used. */
static enum err on_told(struct counters *self, struct counter *c, uint16_t gateway, uint64_t epoch, const struct msg_LIMIT_SAY *m, uint64_t mono)
{
    enum err e = OK;
    struct holder *h = holder_of(c, gateway, epoch);
    if (c->limit.kind != QUOTA_FIXED ? m->turn > c->turn : !c->holders && !counter_sum(c, mono)) c->turn = m->turn;
    if (c->limit.kind == QUOTA_FIXED && m->left && (c->state != COUNTER_WHOLE || !c->quota.until)) {
        uint64_t until = mono + (m->left < m->window ? m->left : m->window);
        if (until > c->quota.until) c->quota.until = until;
    }
    if (h && m->how == LIMIT_AGAIN) {
        uint32_t known = m->used + m->back;
        quota_add(&c->quota, &c->limit, mono, m->used + (h->out > known ? h->out - known : 0));
    } else if (c->limit.kind == QUOTA_BUCKET) {     /* what came before this window may not have come back: at most as many as were used in it */
        h = holder_need(self, c, gateway, epoch);
        quota_add(&c->quota, &c->limit, mono, quota_told_count(m->uses));
    } else {
        h = holder_need(self, c, gateway, epoch);
        e = quota_told(&c->quota, &c->limit, mono, m->uses) ? OK : ERR_TRUNC;
    }
    put_out(self, c, h, m->back);
    h->recalled = false;
    h->ends = mono + good_for(c, mono);
    if (self->settled) (void)counter_read(self, c, mono);
    return e;
}

static void wish(struct counter *c, uint16_t gateway, uint64_t epoch, const struct msg_LIMIT_SAY *m)
{
    struct wish *w = malloc(sizeof *w);
    NEED(w);
    *w = (struct wish){ .epoch = epoch, .asked = m->asked, .want = m->want, .gateway = gateway };
    *c->wishes_end = w;
    c->wishes_end = &w->next;
}

static void refuse_full(struct counters *self, uint16_t gateway, const struct msg_LIMIT_SAY *m, uint64_t wall)
{
    self->stats->limits_full++;
    msg_encode_LIMIT_GRANT(&self->scratch, &(struct msg_LIMIT_GRANT){ .asked = m->asked, .user = m->user, .key = m->key, .turn = m->turn,
                           .last = 1, .frees = COUNTERS_FULL_MS, .reset = wall + COUNTERS_FULL_MS });
    effects_add_buf(self->effects, ROLE_GATEWAY, gateway, MSG_LIMIT_GRANT, &self->scratch, 0);
}

/* The limit may have been changed by a reload: what was counted stays counted. */
static void take_limit(struct counter *c, const struct msg_LIMIT_SAY *m, uint64_t mono)
{
    struct quota_limit l = { m->count, m->window, m->kind };
    bool same = !c->limit.count || (c->limit.kind == l.kind && c->limit.window_ms == l.window_ms && (l.kind != QUOTA_BUCKET || c->limit.count == l.count));
    uint32_t used = same ? 0 : quota_used(&c->quota, &c->limit, mono);
    if (!same) quota_clear(&c->quota);
    c->limit = l;
    quota_add(&c->quota, &c->limit, mono, used);
}

bool counters_knows(const struct counters *self, const struct msg_LIMIT_SAY *m)
{
    const struct counter *c = find(self, m);
    return c && c->state == COUNTER_WHOLE;
}

enum err counters_on_say(struct counters *self, uint16_t gateway, uint64_t epoch, const struct msg_LIMIT_SAY *m, struct counters_time now)
{
    enum err e = check(m);
    if (e != OK) return e;
    struct counter *c = find(self, m);
    if (!c && m->how == LIMIT_GIVE) return OK;      /* of a window that is over */
    if (!c && !(c = make(self, m))) {
        if (m->how == LIMIT_WANT) refuse_full(self, gateway, m, now.wall);
        return ERR_FULL;
    }
    if (!c->turn) c->turn = m->kind == QUOTA_FIXED ? ++self->turns : 1;
    counter_refresh(self, c, now.mono);
    if (m->how != LIMIT_GIVE) take_limit(c, m, now.mono);
    struct holder *h = holder_of(c, gateway, epoch);
    if (m->how == LIMIT_TELL || m->how == LIMIT_AGAIN) e = on_told(self, c, gateway, epoch, m, now.mono);
    else if (h) e = report(self, c, h, m, now.mono);
    if (h && m->recalled) h->recalled = false;
    if (m->how == LIMIT_WANT) wish(c, gateway, epoch, m), self->stats->limits_asked++;
    counter_serve(self, c, now);
    return e;
}
