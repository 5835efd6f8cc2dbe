#include "work_internal.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- chains */

void chain_add(struct chain *c, struct request *r, unsigned which)
{
    r->in[which].prev = c->last, r->in[which].next = NULL;
    if (c->last) c->last->in[which].next = r;
    else c->first = r;
    c->last = r;
    c->count++;
}

void chain_add_front(struct chain *c, struct request *r, unsigned which)
{
    r->in[which].prev = NULL, r->in[which].next = c->first;
    if (c->first) c->first->in[which].prev = r;
    else c->last = r;
    c->first = r;
    c->count++;
}

void chain_drop(struct chain *c, struct request *r, unsigned which)
{
    struct request *prev = r->in[which].prev, *next = r->in[which].next;
    if (prev) prev->in[which].next = next;
    else c->first = next;
    if (next) next->in[which].prev = prev;
    else c->last = prev;
    c->count--;
}

/* ---- requests and lanes come */

static struct lane *lane_need(struct work *self, uint16_t gateway, struct span socket)
{
    struct buf *key = &self->scratch;
    buf_clear(key);
    buf_add_byte(key, (char)(gateway >> 8)), buf_add_byte(key, (char)(gateway & 255));
    buf_add(key, socket);
    struct lane *l = map_find(&self->lanes, buf_span(key));
    if (l) return l;
    l = calloc(1, sizeof *l + key->len);
    NEED(l);
    memcpy(l->key, key->ptr, key->len);
    l->key_len = (uint32_t)key->len;
    l->gateway = gateway;
    (void)map_put(&self->lanes, span_from(l->key, l->key_len), l);
    return l;
}

struct request *request_new(struct work *self, uint16_t gateway, const struct msg_WORK *m, struct class *class)
{
    struct request *r = calloc(1, sizeof *r);
    NEED(r);
    buf_clear(&self->scratch);
    msg_encode_WORK(&self->scratch, m);
    r->fields = blob_new(span_skip(buf_span(&self->scratch), MSG_HEAD_BYTES));
    r->number = ++self->numbers, r->ref = m->ref, r->class = class;
    r->lane = lane_need(self, gateway, m->socket);
    map_put_u64(&self->requests, r->number, r);
    chain_add(&r->lane->requests, r, IN_LANE);
    if (!r->lane->unsent) r->lane->unsent = r;
    self->waiting_count++;
    self->bytes += r->fields->len;
    wheel_set(&self->wheel, &r->timer, self->now + m->patience);
    return r;
}

/* ---- to a worker */

void worker_say(struct work *self, struct worker *w, struct span json, struct span attachments)
{
    if (self->said_count == self->said_cap) {
        self->said_cap = self->said_cap ? 2 * self->said_cap : 16;
        self->said = realloc(self->said, self->said_cap * sizeof *self->said);
        NEED(self->said);
    }
    self->said[self->said_count++] = (struct work_said){ blob_hold(w->peer), blob_new(json), attachments.len ? blob_new(attachments) : NULL, w->delimited };
    w->said = self->now;
}

static void give(struct work *self, struct request *r, struct worker *w)
{
    struct lane *l = r->lane;
    struct msg_WORK m;
    char ref[WORK_REF_TEXT];
    int n = snprintf(ref, sizeof ref, "%s.%llu", self->life, (unsigned long long)r->number);
    NEED(msg_decode_WORK(&m, blob_span(r->fields)) == OK);
    r->state = REQUEST_SENT, r->worker = w;
    chain_add(&w->sent, r, IN_SENT);
    l->worker = w, l->outstanding++, l->unsent = r->in[IN_LANE].next;
    self->waiting_count--;
    self->o.stats->work_sent++;
    buf_clear(&self->text);
    work_frame_request(&self->text, span_from(ref, (size_t)n), &m);
    worker_say(self, w, buf_span(&self->text), m.attachments);
}

static void unqueue(struct work *self, struct request *r)
{
    if (r->queue == &r->class->queue) {
        class_unwait(self, r->class, r);
        return;
    }
    chain_drop(r->queue, r, IN_QUEUE);
    r->queue = NULL;
    r->state = REQUEST_IDLE;
}

/* The first unsent one of an idle lane goes to any worker, of another one to its worker if that may have it. */
void lane_advance(struct work *self, struct lane *l, bool front)
{
    for (struct request *r; (r = l->unsent) && r->state == REQUEST_IDLE; ) {
        struct worker *w = l->worker;
        if (!l->outstanding) {
            if ((w = class_pick(self, r->class))) give(self, r, w);
            else class_wait(self, r->class, r, front);
        } else if (w->leaving || !class_has(r->class, w)) {
            return;             /* once its worker has answered what it has */
        } else if (worker_free(w)) {
            give(self, r, w);
        } else {
            chain_add(&w->queue, r, IN_QUEUE);
            r->queue = &w->queue;
            r->state = REQUEST_QUEUED;
        }
    }
}

/* What waits longest of what this worker may have: of lanes that are its own, or of anybody's. */
void worker_serve(struct work *self, struct worker *w)
{
    while (worker_free(w)) {
        struct request *next = w->queue.first;
        for (struct class *c = self->waiting; c; c = c->next)
            if ((!next || c->queue.first->number < next->number) && class_has(c, w)) next = c->queue.first;
        if (!next) return;
        unqueue(self, next);
        give(self, next, w);
        lane_advance(self, next->lane, false);
    }
}

/* ---- the end of a request */

/* Its worker owes this lane nothing more: whatever waits for just that worker may go to any. */
static void lane_idle(struct work *self, struct lane *l)
{
    l->worker = NULL;
    if (l->unsent && l->unsent->state == REQUEST_QUEUED) unqueue(self, l->unsent);
}

static void leave_lane(struct work *self, struct request *r, bool go_on)
{
    struct lane *l = r->lane;
    if (l->unsent == r) l->unsent = r->in[IN_LANE].next;
    chain_drop(&l->requests, r, IN_LANE);
    r->lane = NULL;
    if (r->state == REQUEST_SENT && --l->outstanding == 0) lane_idle(self, l);
    if (l->requests.first) {
        if (go_on) lane_advance(self, l, false);
        return;
    }
    map_drop(&self->lanes, span_from(l->key, l->key_len));
    free(l);
}

static void end(struct work *self, struct request *r)
{
    struct worker *w = r->state == REQUEST_SENT ? r->worker : NULL;
    if (r->state == REQUEST_QUEUED) unqueue(self, r);
    if (!w) self->waiting_count--;
    if (w) chain_drop(&w->sent, r, IN_SENT);
    if (r->lane) leave_lane(self, r, true);
    wheel_cancel(&self->wheel, &r->timer);
    map_drop_u64(&self->requests, r->number);
    self->bytes -= blob_span(r->fields).len;
    blob_drop(&r->fields);
    class_release(self, &r->class);
    free(r);
    if (w) worker_serve(self, w);
}

void request_forget(struct work *self, struct request **r_p)
{
    struct request *r = *r_p;
    *r_p = NULL;
    end(self, r);
}

void request_answer(struct work *self, struct request **r_p, const struct msg_WORKED *m, struct effects *out)
{
    struct request *r = *r_p;
    struct msg_WORKED told = *m;
    told.ref = r->ref;
    buf_clear(&self->scratch);
    msg_encode_WORKED(&self->scratch, &told);
    effects_add_buf(out, ROLE_GATEWAY, r->lane->gateway, MSG_WORKED, &self->scratch, 0);
    request_forget(self, r_p);
}

/* Its worker's place stays taken. */
void request_expire(struct work *self, struct request *r)
{
    if (r->state != REQUEST_SENT) {
        request_forget(self, &r);
        return;
    }
    wheel_cancel(&self->wheel, &r->timer);
    self->bytes -= r->fields->len;
    blob_drop(&r->fields);
    self->o.stats->work_stuck++;
    leave_lane(self, r, true);
}

/* ---- a worker is gone */

/* Takes all from it; the lanes that have to look for another one. */
static struct lane *take_back(struct work *self, struct worker *w)
{
    struct lane *lanes = NULL;
    for (struct request *r = w->sent.last, *prev; r; r = prev) {
        struct lane *l = r->lane;
        prev = r->in[IN_SENT].prev;
        if (!l) {
            self->o.stats->work_stuck--;
            request_forget(self, &r);
            continue;
        }
        chain_drop(&w->sent, r, IN_SENT);
        if (l->unsent && l->unsent->state == REQUEST_QUEUED) unqueue(self, l->unsent);
        l->unsent = r;
        r->state = REQUEST_IDLE, r->worker = NULL;
        r->tries++;
        self->waiting_count++;
        self->o.stats->work_again++;
        if (--l->outstanding) continue;
        l->worker = NULL;
        l->next = lanes, lanes = l;
    }
    return lanes;
}

void worker_strip(struct work *self, struct worker *w, struct effects *out)
{
    for (struct lane *l = take_back(self, w), *next; l; l = next) {
        struct request *first = l->requests.first;
        next = l->next;
        if (first->tries >= self->o.config->router.worker_tries_count)
            request_answer(self, &first, &(struct msg_WORKED){ .error = ERR_LIMIT }, out);     /* and the lane goes on, or is over */
        else
            lane_advance(self, l, true);
    }
}

/* Requests for which there is no worker any more: another announcement may fit, else their gateways ask elsewhere. */
void work_reclass(struct work *self, struct effects *out)
{
    for (struct class *c = self->waiting; c; ) {
        if (c->worker_count) {
            c = c->next;
            continue;
        }
        struct request *r = c->queue.first;
        struct msg_WORK m;
        NEED(msg_decode_WORK(&m, blob_span(r->fields)) == OK);
        struct class *other = class_need(self, &m);
        if (other) {
            class_unwait(self, c, r);
            class_release(self, &r->class);
            r->class = other;
            lane_advance(self, r->lane, true);
        } else {
            request_answer(self, &r, &(struct msg_WORKED){ .error = ERR_GONE, .version = self->version }, out);
        }
        c = self->waiting;
    }
}
