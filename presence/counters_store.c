/* counters_store - a counter's sum in Redis: read before the first grant where another owner may have counted,
 * written before a grant leaves. One SET with its expiry: nothing can stay for ever. */
#include "counters_inside.h"

#include <stdio.h>
#include <stdlib.h>

enum order { ORDER_VALUE, ORDER_TTL, ORDER_WRITE };

struct counters_order {             /* a command under way */
    struct counters_order *next;
    struct counter *counter;        /* NULL: it is gone */
    struct parked  *parked;         /* what may leave with its answer */
    enum order      what;
};

/* ---- what waits */

static void enqueue(struct counters *self, struct counter *c)
{
    if (c->due) return;
    c->due = true;
    c->due_next = NULL;
    *self->due_end = c;
    self->due_end = &c->due_next;
}

static struct counter *dequeue(struct counters *self)
{
    struct counter *c = self->due;
    if (!c) return NULL;
    self->due = c->due_next;
    if (!self->due) self->due_end = &self->due;
    c->due = false;
    return c;
}

static void leave_queue(struct counters *self, struct counter *c)
{
    struct counter **at = &self->due;
    while (*at && *at != c) at = &(*at)->due_next;
    if (!*at) return;
    *at = c->due_next;
    if (self->due_end == &c->due_next) self->due_end = at;
    c->due = false;
}

static void release(struct counters *self, struct parked **list)
{
    for (struct parked *p; (p = *list); free(p)) {
        *list = p->next;
        effects_add(self->effects, ROLE_GATEWAY, p->gateway, MSG_LIMIT_GRANT, p->message, 0);
    }
}

static void discard(struct parked **list)
{
    for (struct parked *p; (p = *list); free(p)) {
        *list = p->next;
        blob_drop(&p->message);
    }
}

bool counter_read(struct counters *self, struct counter *c, uint64_t mono)
{
    if ((!self->redis && !self->blind) || self->since + c->limit.window_ms <= mono) c->state = COUNTER_WHOLE;
    if (c->state == COUNTER_NEW && !c->read && self->redis) c->read = true, enqueue(self, c);
    return c->state == COUNTER_WHOLE;
}

void counter_written(struct counters *self, struct counter *c)
{
    if (!self->redis || c->state != COUNTER_WHOLE) return;     /* what is not whole says too little */
    c->write = true;
    enqueue(self, c);
}

void counter_say(struct counters *self, struct counter *c, uint16_t gateway, struct buf *message)
{
    if (!self->up || !c->write) {
        effects_add_buf(self->effects, ROLE_GATEWAY, gateway, MSG_LIMIT_GRANT, message, 0);
        return;
    }
    struct parked *p = malloc(sizeof *p), **end = &c->parked;
    NEED(p);
    *p = (struct parked){ NULL, blob_new(buf_span(message)), gateway };
    buf_clear(message);
    while (*end) end = &(*end)->next;
    *end = p;
}

void counter_unorder(struct counters *self, struct counter *c)
{
    if (c->due) leave_queue(self, c);
    if (self->half == c) self->half = NULL;
    for (struct counter **at = &self->arrived; c->arrived && *at; at = &(*at)->arrived_next)
        if (*at == c) { *at = c->arrived_next; break; }
    for (struct counters_order *o = c->orders ? self->orders : NULL; o; o = o->next)
        if (o->counter == c) o->counter = NULL, discard(&o->parked);
    discard(&c->parked);
}

/* ---- commands */

static void order(struct counters *self, struct counter *c, enum order what)
{
    struct counters_order *o = calloc(1, sizeof *o);
    NEED(o);
    o->counter = c, o->what = what;
    if (what == ORDER_WRITE) o->parked = c->parked, c->parked = NULL;
    c->orders++;
    *self->orders_end = o;
    self->orders_end = &o->next;
}

static struct span key_of(struct counters *self, const struct counter *c)
{
    buf_clear(&self->key);
    buf_add(&self->key, self->prefix);
    buf_add(&self->key, counter_key(c));
    return buf_span(&self->key);
}

/* How long the sum may still matter: the next owner takes all of it as used when that is over, less a window. */
static uint64_t lives_for(struct counter *c, uint32_t sum, uint64_t mono)
{
    const struct quota_limit *l = &c->limit;
    uint64_t more = c->out ? counter_lease_ms(l) : 0, clears = quota_clears_at(&c->quota, l);
    uint64_t left = clears > mono ? clears - mono : 0;
    if (l->kind == QUOTA_FIXED) return left ? left : 1;
    if (l->kind == QUOTA_SLIDING) return c->out ? l->window_ms + more : left ? left : 1;
    return (uint64_t)sum * l->window_ms / l->count + 1 + more;
}

static void command(struct store_command *out, size_t count, const struct span *args)
{
    memcpy(out->arg, args, count * sizeof *args);
    out->count = count;
}
#define COMMAND(out, ...) \
    command((out), sizeof((struct span[]){ __VA_ARGS__ }) / sizeof(struct span), (struct span[]){ __VA_ARGS__ })

static void write_sum(struct counters *self, struct counter *c, struct store_command *out, uint64_t mono)
{
    uint32_t sum = counter_sum(c, mono);
    struct span key = key_of(self, c);
    c->write = false;
    order(self, c, ORDER_WRITE);
    if (!sum) {
        COMMAND(out, SPAN("DEL"), key);
        return;
    }
    buf_clear(&self->text);
    buf_add_uint(&self->text, sum);
    size_t digits = self->text.len;
    buf_add_uint(&self->text, lives_for(c, sum, mono));
    struct span text = buf_span(&self->text);
    COMMAND(out, SPAN("SET"), key, span_head(text, digits), SPAN("PX"), span_skip(text, digits));
}

bool counters_next(struct counters *self, struct store_command *out, uint64_t mono)
{
    if (!self->up) return false;
    struct counter *c = self->half;
    if (c) {
        self->half = NULL;
        order(self, c, ORDER_TTL);
        COMMAND(out, SPAN("PTTL"), key_of(self, c));
        return true;
    }
    if (!(c = dequeue(self))) return false;
    if (c->read) {
        c->read = false;
        c->state = COUNTER_READ;
        self->half = c;
        order(self, c, ORDER_VALUE);
        if (c->write) enqueue(self, c);
        COMMAND(out, SPAN("GET"), key_of(self, c));
    } else {
        counter_refresh(self, c, mono);
        write_sum(self, c, out, mono);
    }
    return true;
}

/* ---- answers */

/* What Redis knows and we do not: of gateways that are gone, and of permits that nobody has any more. */
void counter_take_read(struct counters *self, struct counter *c, uint64_t mono)
{
    const struct quota_limit *l = &c->limit;
    uint64_t most = l->kind == QUOTA_FIXED ? l->window_ms : l->window_ms + counter_lease_ms(l);
    uint64_t ttl = c->read_ttl < most ? c->read_ttl : most;         /* longer: the window was another one */
    uint32_t sum = counter_sum(c, mono), value = c->read_value > l->count ? l->count : (uint32_t)c->read_value;
    c->state = COUNTER_WHOLE;
    if (sum > value) counter_written(self, c);
    if (!ttl || !value) return;         /* nothing; or without expiry, which no counter of ours is */
    self->stats->limits_restored++;
    if (l->kind == QUOTA_FIXED && mono + ttl > c->quota.until) c->quota.until = mono + ttl;
    if (l->kind == QUOTA_BUCKET) value = (uint32_t)((ttl * l->count + l->window_ms - 1) / l->window_ms);
    if (value > sum) quota_add(&c->quota, l, l->kind == QUOTA_SLIDING ? mono + ttl - l->window_ms : mono, value - sum);
}

static uint64_t number_of(const struct store_reply *r)
{
    uint64_t n = 0;
    return r->kind == STORE_TEXT && span_to_uint(r->text, UINT64_MAX, &n) ? n : 0;
}

static void arrive(struct counters *self, struct counter *c)
{
    if (c->arrived) return;
    c->arrived = true;
    c->arrived_next = self->arrived;
    self->arrived = c;
}

void counters_on_reply(struct counters *self, const struct store_reply *r)
{
    struct counters_order *o = self->orders;
    NEED(o);
    self->orders = o->next;
    if (!self->orders) self->orders_end = &self->orders;
    struct counter *c = o->counter;
    release(self, &o->parked);
    if (c) c->orders--;
    if (c && o->what == ORDER_VALUE) c->read_value = number_of(r);
    if (c && o->what == ORDER_TTL) c->read_ttl = number_of(r), arrive(self, c);
    free(o);
}

/* ---- the connection */

void counters_on_up(struct counters *self)
{
    self->up = true;
    struct map_walk walk = { 0 };
    for (struct counter *c; (c = map_next(&self->by_key, &walk)); )
        counter_written(self, c);
}

/* Grants that waited go: what they stand for is written when Redis is back. */
void counters_on_lost(struct counters *self)
{
    self->up = false;
    self->half = NULL;
    for (struct counters_order *o; (o = self->orders); free(o)) {
        self->orders = o->next;
        struct counter *c = o->counter;
        release(self, &o->parked);
        if (!c) continue;
        c->orders--;
        if (o->what == ORDER_WRITE) counter_written(self, c);
        else if (c->state == COUNTER_READ) c->state = COUNTER_NEW, c->read = true, enqueue(self, c);
    }
    self->orders_end = &self->orders;
    struct map_walk walk = { 0 };
    for (struct counter *c; (c = map_next(&self->by_key, &walk)); ) release(self, &c->parked);
}

bool counters_quiet(const struct counters *self) { return !self->due && !self->orders; }
