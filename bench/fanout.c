/* fanout - members of rooms, senders with a window of publishes in flight. A
 * publish is complete when every member of its room has it; a completed one
 * makes place for the next. Every delivery is checked: lost, doubled, out of
 * order, in the wrong room, or in another order than a room-mate saw. */
#define _GNU_SOURCE 1                   /* memmem */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frame.h"
#include "mode.h"
#include "sequence.h"

#define SECOND 1000000000ull

enum { STALL_SECONDS = 10, PUBLISH_HEAD = 128, BATCH = 64 * 1024 };

struct publish { uint64_t sent; uint32_t got; };    /* to how many members it has come */

struct sender {
    struct conn    *conn;
    struct publish *ring;               /* publish n is at n & ring_mask */
    uint32_t        next, in_flight;
    uint32_t        head;               /* length of 'text' up to the mark */
    char            text[PUBLISH_HEAD];
};

struct member {
    uint64_t order;                     /* a hash over what came, in its order */
    bool     joined;
};

struct fanout {
    const struct options *o;
    struct pool   *pool;
    unsigned       members, senders, rooms, per_room;   /* senders per room */
    struct member *member;
    struct sender *sender;
    struct track  *tracks;              /* [member][sender of its room] */
    uint32_t      *population;          /* members of each room */
    uint32_t       ring_mask;
    unsigned       joined;
    bool           refused;
    size_t         mark_at, packet_len, pad;
    struct faults  faults;
    uint64_t       misdelivered, other;
    uint64_t       deliveries, completed, published, last_delivery;
    struct latency latency;
    char           out[BATCH];
};

static void room_name(const struct fanout *f, unsigned room, char *out, size_t cap)
{
    snprintf(out, cap, f->rooms == 1 ? "bench" : "bench-%u", room);
}

static void on_up(void *self, struct conn *c)
{
    struct fanout *f = self;
    char name[32], text[96];
    if (c->index >= f->members)
        return;                         /* a sender from outside */
    room_name(f, c->index % f->rooms, name, sizeof name);
    int n = snprintf(text, sizeof text, "420[\"join-room\",{\"room\":\"%s\"}]", name);
    pool_say(f->pool, c, text, (size_t)n);
}

static void on_delivery(struct fanout *f, struct conn *c, uint32_t sender, uint32_t number, size_t len)
{
    unsigned room = c->index % f->rooms;
    if (c->index >= f->members || sender >= f->senders || sender % f->rooms != room) {
        f->misdelivered++;
        return;
    }
    struct member *m = &f->member[c->index];
    struct sender *s = &f->sender[sender];
    struct publish *p = &s->ring[number & f->ring_mask];
    f->deliveries++;
    f->packet_len = len;
    if (!track_add(&f->tracks[c->index * f->per_room + sender / f->rooms], number, &f->faults))
        return;
    m->order = (m->order ^ (sender << MARK_NUMBER_BITS | number)) * 0x9e3779b97f4a7c15u;
    f->last_delivery = pool_now(f->pool);
    latency_add(&f->latency, f->last_delivery > p->sent ? f->last_delivery - p->sent : 0);
    if (++p->got == f->population[room]) {
        s->in_flight--;
        f->completed++;
    }
}

static void on_ack(struct fanout *f, struct conn *c, const char *text, size_t len)
{
    if (c->index >= f->members || f->member[c->index].joined) {
        f->other++;
        return;
    }
    bool refused = memmem(text, len, "rror", 4) || memmem(text, len, ":false", 6);
    if (f->joined == 0 || (refused && !f->refused))
        fprintf(stderr, "load: join-room answered %.*s\n", len < 200 ? (int)len : 200, text);
    f->refused |= refused;
    f->member[c->index].joined = true;
    f->joined++;
}

static void on_packet(void *self, struct conn *c, const char *text, size_t len)
{
    struct fanout *f = self;
    uint32_t sender, number;
    if (len > 1 && text[1] == '2' && mark_decode(text, len, &f->mark_at, &sender, &number))
        on_delivery(f, c, sender, number, len);
    else if (len > 3 && memcmp(text, "430[", 4) == 0)
        on_ack(f, c, text, len);
    else
        f->other++;                     /* someone joined, … */
}

static void on_down(void *self, struct conn *c)
{
    (void)self, (void)c;                /* the pool counts it, and that ends the run */
}

static const struct pool_events events = { on_up, on_packet, on_down };

/* One publish into the batch; the packet's beginning is made once, the mark
 * and the padding are new. */
static size_t publish_encode(struct fanout *f, struct sender *s, char *out)
{
    char text[PUBLISH_HEAD + MARK_LEN + 64 * 1024];
    memcpy(text, s->text, s->head);
    mark_encode(text + s->head, (uint32_t)(s - f->sender), s->next);
    size_t len = s->head + MARK_LEN;
    memset(text + len, 'x', f->pad);
    len += f->pad;
    memcpy(text + len, "\"}]", 3);
    return frame_encode(out, FRAME_TEXT, pool_mask(f->pool), text, len + 3);
}

/* Publishes up to 'n' messages of a sender, in as few writes as they fit. */
static void publish(struct fanout *f, struct sender *s, uint32_t n, uint64_t when)
{
    const size_t each = PUBLISH_HEAD + MARK_LEN + f->pad + FRAME_HEAD + 3;
    size_t used = 0;
    for (; n > 0; n--) {
        s->ring[s->next & f->ring_mask] = (struct publish){ .sent = when };
        used += publish_encode(f, s, f->out + used);
        s->next = (s->next + 1) & (MARK_NUMBERS - 1);
        s->in_flight++;
        f->published++;
        if (n == 1 || used + each > sizeof f->out) {
            pool_send(f->pool, s->conn, f->out, used);
            used = 0;
        }
    }
}

static void refill(struct fanout *f)
{
    for (unsigned i = 0; i < f->senders; i++) {
        struct sender *s = &f->sender[i];
        if (s->in_flight < f->o->window)
            publish(f, s, f->o->window - s->in_flight, clock_ns());
    }
}

static bool healthy(const struct fanout *f)
{
    const struct pool_count *n = pool_count(f->pool);
    if (n->lost + n->failed > 0 || f->refused)
        return false;
    if (f->published > f->completed && clock_ns() - f->last_delivery > STALL_SECONDS * SECOND) {
        fprintf(stderr, "load: nothing delivered for %d s\n", STALL_SECONDS);
        return false;
    }
    return true;
}

/* Runs until 'end'. With a rate, a publish that comes late still counts from
 * the instant it was due. */
static bool run_until(struct fanout *f, uint64_t end)
{
    const uint64_t gap = f->o->rate > 0 ? (uint64_t)(1e9 / f->o->rate) : 0;
    uint64_t due = clock_ns();
    unsigned turn = 0;
    f->last_delivery = due;
    for (uint64_t now = due; now < end && healthy(f); now = clock_ns()) {
        if (!gap)
            refill(f);
        for (; gap && due <= now; due += gap) {
            struct sender *s = &f->sender[turn++ % f->senders];
            if (s->in_flight > f->ring_mask)
                break;                  /* hopelessly behind: the stall check ends it */
            publish(f, s, 1, due);
        }
        uint64_t wait = gap && due < end ? due - now : end - now;
        if (gap && due <= now)
            wait = SECOND / 1000;
        pool_turn(f->pool, wait < SECOND ? wait : SECOND);
    }
    return healthy(f);
}

static bool drain(struct fanout *f)
{
    while (f->completed < f->published && healthy(f))
        pool_turn(f->pool, SECOND / 10);
    return f->completed == f->published;
}

/* Everyone in, everyone joined, and one publish each to see how long the
 * packet becomes that a member gets: the padding makes it --size. */
static bool prepare(struct fanout *f, unsigned size)
{
    if (!mode_fill(f->pool, size))
        return false;
    uint64_t from = clock_ns();
    while (f->joined < f->members && healthy(f)) {
        pool_turn(f->pool, SECOND / 10);
        if (clock_ns() - from > 30 * SECOND) {
            fprintf(stderr, "load: %u of %u joins acknowledged\n", f->joined, f->members);
            return false;
        }
    }
    f->last_delivery = clock_ns();
    for (unsigned i = 0; i < f->senders; i++)
        publish(f, &f->sender[i], 1, f->last_delivery);
    if (!drain(f))
        return false;
    f->pad = f->o->size > f->packet_len ? f->o->size - f->packet_len : 0;
    return true;
}

static unsigned orders(const struct fanout *f)
{
    unsigned n = 0;                     /* members who saw another order than the first of their room */
    for (unsigned i = f->rooms; i < f->members; i++)
        n += f->member[i].order != f->member[i % f->rooms].order;
    return n;
}

static void *zeroed(size_t n, size_t size)
{
    void *p = calloc(n, size);
    if (!p)
        err(111, "fanout");
    return p;
}

static struct fanout *fanout_new(const struct options *o)
{
    struct fanout *f = zeroed(1, sizeof *f);
    f->o = o;
    f->members = o->clients, f->senders = o->senders, f->rooms = o->rooms;
    f->per_room = f->senders / f->rooms;
    uint32_t ring = 1;
    while (ring < 2 * o->window || (o->rate > 0 && ring < 4096))
        ring *= 2;
    f->ring_mask = ring - 1;
    f->member = zeroed(f->members, sizeof *f->member);
    f->sender = zeroed(f->senders, sizeof *f->sender);
    f->tracks = zeroed((size_t)f->members * f->per_room, sizeof *f->tracks);
    f->population = zeroed(f->rooms, sizeof *f->population);
    for (size_t i = 0; i < (size_t)f->members * f->per_room; i++)
        track_start(&f->tracks[i]);
    for (unsigned i = 0; i < f->members; i++)
        f->population[i % f->rooms]++;
    f->pool = pool_new(o, f->members + (o->outside ? f->senders : 0), &events, f);
    for (unsigned i = 0; i < f->senders; i++) {
        struct sender *s = &f->sender[i];
        char name[32];
        room_name(f, i % f->rooms, name, sizeof name);
        s->conn = pool_conn(f->pool, o->outside ? f->members + i : i);
        s->ring = zeroed(ring, sizeof *s->ring);
        s->head = (uint32_t)snprintf(s->text, sizeof s->text, "42[\"room-message\",{\"room\":\"%s\",\"message\":\"", name);
    }
    return f;
}

static void fanout_destroy(struct fanout **ff)
{
    struct fanout *f = *ff;
    for (unsigned i = 0; i < f->senders; i++)
        free(f->sender[i].ring);
    pool_destroy(&f->pool);
    free(f->population), free(f->tracks), free(f->sender), free(f->member), free(f);
    *ff = NULL;
}

int fanout_run(const struct options *o)
{
    struct fanout *f = fanout_new(o);
    struct stretch s = { 0 };
    bool ok = prepare(f, f->members + (o->outside ? f->senders : 0))
              && run_until(f, clock_ns() + (uint64_t)(o->warmup * 1e9));
    uint64_t deliveries = 0, completed = 0;
    if (ok) {
        memset(&f->latency, 0, sizeof f->latency);
        deliveries = f->deliveries, completed = f->completed;
        stretch_begin(&s, o);
        ok = run_until(f, s.from + (uint64_t)(o->seconds * 1e9));
        stretch_end(&s, o);
        deliveries = f->deliveries - deliveries, completed = f->completed - completed;
    }
    struct latency latency = f->latency;
    ok = ok && drain(f);
    for (unsigned i = 0; i < f->members * f->per_room; i++)
        track_end(&f->tracks[i], f->sender[i % f->per_room * f->rooms + i / f->per_room % f->rooms].next, &f->faults);
    unsigned strangers = orders(f);

    printf("{\"mode\":\"fanout\",\"clients\":%u,\"senders\":%u,\"rooms\":%u,\"window\":%u,\"packet_bytes\":%zu,\"publishes\":%llu",
           f->members, f->senders, f->rooms, o->window, f->packet_len, (unsigned long long)completed);
    mode_print_rate("deliveries", deliveries, &s);
    mode_print_latency(&latency);
    printf(",\"all_publishes\":%llu,\"all_deliveries\":%llu,\"lost\":%llu,\"reordered\":%llu,\"duplicates\":%llu,"
           "\"misdelivered\":%llu,\"other_order\":%u,\"other_packets\":%llu,\"connections_lost\":%llu}\n",
           (unsigned long long)f->published, (unsigned long long)f->deliveries,
           (unsigned long long)f->faults.lost, (unsigned long long)f->faults.reordered,
           (unsigned long long)f->faults.duplicates, (unsigned long long)f->misdelivered, strangers,
           (unsigned long long)f->other, (unsigned long long)pool_count(f->pool)->lost);
    ok = ok && !f->faults.lost && !f->faults.reordered && !f->faults.duplicates && !f->misdelivered && !strangers;
    fprintf(stderr, "load: %.0f deliveries/s, p99 %.2f ms%s\n", s.seconds > 0 ? (double)deliveries / s.seconds : 0,
            latency_quantile_us(&latency, 0.99) / 1e3, ok ? "" : ", and NOT all was right");
    fanout_destroy(&f);
    return ok ? 0 : 1;
}
