#include "work_internal.h"

#include "json.h"

#include <stdio.h>
#include <stdlib.h>

enum { TELL_MS = 50 };          /* gateways hear at once of who comes and goes, but not more often */

static struct span peer_of(const void *worker)
{
    return blob_span(((const struct worker *)worker)->peer);
}

static struct span lane_key(const void *lane)
{
    const struct lane *l = lane;
    return span_from(l->key, l->key_len);
}

static struct span class_key(const void *class)
{
    const struct class *c = class;
    return span_from(c->key, c->key_len);
}

struct work *work_new(const struct work_options *options)
{
    struct work *self = calloc(1, sizeof *self);
    NEED(self);
    self->o = *options;
    struct siphash_key seed = options->seed;
    struct { struct map *map; map_key *key_of; } maps[] = {
        { &self->peers, peer_of }, { &self->ids, NULL }, { &self->requests, NULL }, { &self->lanes, lane_key }, { &self->classes, class_key } };
    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++, seed.k1++) map_init(maps[i].map, &seed, maps[i].key_of);
    offers_init(&self->offers, &seed);
    wheel_init(&self->wheel, 0, 0);
    snprintf(self->life, sizeof self->life, "%llx", (unsigned long long)options->epoch);
    return self;
}

void work_destroy(struct work **self_p)
{
    struct work *self = *self_p;
    if (!self) return;
    struct map_walk walk = { 0 };
    for (struct worker *w = self->workers; w; w = w->next) w->leaving = true;
    for (struct request *r; (walk = (struct map_walk){ 0 }, r = map_next(&self->requests, &walk)); ) request_forget(self, &r);
    for (struct worker *w; (w = self->workers); ) worker_destroy(self, &w);
    struct work_said said;
    while (work_next(self, &said)) blob_drop(&said.peer), blob_drop(&said.json), blob_drop(&said.attachments);
    free(self->said);
    offers_fini(&self->offers);
    map_fini(&self->peers), map_fini(&self->ids), map_fini(&self->requests), map_fini(&self->lanes), map_fini(&self->classes);
    buf_fini(&self->scratch), buf_fini(&self->text);
    free(self);
    *self_p = NULL;
}

/* ---- gateways hear who is here */

static void add_offer(void *offers, const struct offer *o)
{
    struct buf one = { 0 };
    uint64_t capacity = 0;
    for (size_t i = 0; i < o->count; i++) capacity += o->at[i].capacity;
    msg_encode_OFFER(&one, &(struct msg_OFFER){ .name = o->name, .nsp = o->nsp, .event = o->event, .capacity = capacity });
    msg_add_str(offers, buf_span(&one));
    buf_fini(&one);
}

static void tell(struct work *self, uint16_t gateway, struct span offers, struct effects *out)
{
    buf_clear(&self->scratch);
    msg_encode_WORKERS(&self->scratch, &(struct msg_WORKERS){ .offers = offers, .version = self->version });
    effects_add_buf(out, ROLE_GATEWAY, gateway, MSG_WORKERS, &self->scratch, 0);
}

static void tell_all(struct work *self, struct effects *out)
{
    if (!self->dirty || self->now < self->told_at + TELL_MS) return;
    struct buf offers = { 0 };
    offers_each(&self->offers, add_offer, &offers);
    for (uint16_t i = 0; i < WORK_GATEWAYS; i++)
        if (self->gateways[i]) tell(self, i, buf_span(&offers), out);
    buf_fini(&offers);
    self->dirty = false, self->told_at = self->now;
}

void work_on_gateway(struct work *self, uint16_t gateway, struct effects *out)
{
    if (gateway >= WORK_GATEWAYS) return;
    struct buf offers = { 0 };
    self->gateways[gateway] = true;
    offers_each(&self->offers, add_offer, &offers);
    if (offers.len) tell(self, gateway, buf_span(&offers), out);
    buf_fini(&offers);
}

static void settle(struct work *self, struct effects *out)
{
    work_reclass(self, out);
    tell_all(self, out);
    self->o.stats->work_waiting = self->waiting_count;
    self->o.stats->work_open = self->requests.count;
    self->o.stats->work_bytes = self->bytes;
    self->o.stats->workers_open = self->peers.count;
}

enum err work_on_frames(struct work *self, struct span peer, const struct span *frames, size_t count, struct router_time now, struct effects *out)
{
    self->now = now.mono;
    enum err e = worker_on_frames(self, peer, frames, count, out);
    settle(self, out);
    return e;
}

void work_on_gone(struct work *self, struct span peer, struct router_time now, struct effects *out)
{
    struct worker *w = map_find(&self->peers, peer);
    self->now = now.mono;
    if (!w) return;
    self->o.stats->workers_lost++;
    worker_drop(self, &w, out);
    settle(self, out);
}

/* ---- gateways */

enum err work_on_request(struct work *self, uint16_t gateway, const struct msg_WORK *m, struct router_time now, struct effects *out)
{
    const struct config *c = self->o.config;
    self->now = now.mono;
    self->o.stats->work_in++;
    struct class *class = self->draining ? NULL : class_need(self, m);
    bool full = self->bytes + m->args.len + m->attachments.len > c->router.worker_queue_bytes;
    struct msg_WORKED refused = { .ref = m->ref, .error = !class ? ERR_GONE : full ? ERR_FULL : OK, .version = self->version };
    if (refused.error == OK) {
        struct request *r = request_new(self, gateway, m, class);
        lane_advance(self, r->lane, false);
        if (r->state != REQUEST_SENT && self->waiting_count > c->router.worker_queue_count) {
            refused.error = ERR_FULL;
            request_forget(self, &r);
        }
    } else {
        class_release(self, &class);
    }
    if (refused.error != OK) {
        if (refused.error == ERR_FULL) self->o.stats->work_full++;
        buf_clear(&self->scratch);
        msg_encode_WORKED(&self->scratch, &refused);
        effects_add_buf(out, ROLE_GATEWAY, gateway, MSG_WORKED, &self->scratch, 0);
    }
    settle(self, out);
    return (enum err)refused.error;
}

/* Those that wait first: nobody is to be given them. */
static void forget_requests(struct work *self, uint16_t gateway, bool sent)
{
    struct map_walk walk = { 0 };
    struct buf found = { 0 };
    for (struct request *r; (r = map_next(&self->requests, &walk)); )
        if (r->lane && r->lane->gateway == gateway && (r->state == REQUEST_SENT) == sent) buf_add(&found, span_from(&r, sizeof r));
    for (size_t i = 0; i < found.len; i += sizeof(struct request *)) {
        struct request *r;
        memcpy(&r, found.ptr + i, sizeof r);
        request_expire(self, r);
    }
    buf_fini(&found);
}

void work_forget_gateway(struct work *self, uint16_t gateway)
{
    if (gateway < WORK_GATEWAYS) self->gateways[gateway] = false;
    forget_requests(self, gateway, false);
    forget_requests(self, gateway, true);
}

/* ---- time, the end */

static void beat(struct work *self, struct effects *out)
{
    const struct config *c = self->o.config;
    for (struct worker *w = self->workers, *next; w; w = next) {
        next = w->next;
        if (self->now - w->heard >= c->router.worker_silence_ms) {
            self->o.stats->workers_lost++, self->o.stats->workers_silent++;
            worker_drop(self, &w, out);
        } else if (self->now - w->said >= c->router.worker_beat_ms) {
            worker_tell(self, w, SPAN("{\"ping\":true}"));
        }
    }
}

void work_on_time(struct work *self, struct router_time now, struct effects *out)
{
    self->now = now.mono;
    for (struct wheel_timer *due; (due = wheel_expire(&self->wheel, now.mono)); ) self->o.stats->work_expired++, request_expire(self, WHEEL_OWNER(due, struct request, timer));
    beat(self, out);
    settle(self, out);
}

void work_probe(struct work *self)
{
    for (struct worker *w = self->workers; w; w = w->next) worker_tell(self, w, SPAN("{\"ping\":true}"));
}

void work_drain(struct work *self, struct effects *out)
{
    if (self->draining) return;
    self->draining = true;
    for (struct worker *w = self->workers, *next; w; w = next) {
        next = w->next;
        worker_leave(self, w);
        worker_tell(self, w, SPAN("{\"bye\":true}"));
    }
    self->dirty = true, self->told_at = 0, self->version++;
    settle(self, out);
}

bool work_quiet(const struct work *self)
{
    for (const struct worker *w = self->workers; w; w = w->next)
        for (const struct request *r = w->sent.first; r; r = r->in[IN_SENT].next)
            if (r->lane) return false;
    return true;
}

bool work_next(struct work *self, struct work_said *said)
{
    if (self->said_head == self->said_count) {
        self->said_head = self->said_count = 0;
        return false;
    }
    *said = self->said[self->said_head++];
    return true;
}
