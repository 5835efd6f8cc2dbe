/* What workers say: they come, answer, and go. */
#include "work_internal.h"

#include "json.h"

#include <stdlib.h>

void worker_destroy(struct work *self, struct worker **w_p)
{
    struct worker *w = *w_p;
    *w_p = NULL;
    *w->at = w->next;
    if (w->next) w->next->at = w->at;
    map_drop(&self->peers, blob_span(w->peer));
    map_drop_u64(&self->ids, w->id);
    blob_drop(&w->peer);
    free(w);
}

/* Workers came or went. */
static void changed(struct work *self)
{
    classes_renew(self);
    self->dirty = true, self->version++;
}

void worker_leave(struct work *self, struct worker *w)
{
    if (w->leaving) return;
    w->leaving = true;
    offers_drop(&self->offers, w->id);
    changed(self);
}

/* What it has not answered goes to others, and it is gone. */
void worker_drop(struct work *self, struct worker **w, struct effects *out)
{
    worker_leave(self, *w);
    worker_strip(self, *w, out);
    worker_destroy(self, w);
}

void worker_tell(struct work *self, struct worker *w, struct span json)
{
    worker_say(self, w, json, (struct span){ "", 0 });
}

/* To somebody who is no worker here. */
static void say_to(struct work *self, struct span peer, struct span json, bool delimited)
{
    struct worker stranger = { .peer = blob_new(peer), .delimited = delimited };
    worker_tell(self, &stranger, json);
    blob_drop(&stranger.peer);
}

static void announce(struct work *self, const struct worker *w, const struct work_frame *f)
{
    struct buf name = { 0 }, namespaces = { 0 }, events = { 0 };
    json_unquote(&name, f->subject);
    work_frame_texts(&namespaces, f->field[WORK_F_namespaces]);
    work_frame_texts(&events, f->field[WORK_F_events]);
    struct span nsps = buf_span(&namespaces), nsp, rest, event;
    while (msg_next_str(&nsps, &nsp))
        for (rest = buf_span(&events); msg_next_str(&rest, &event); )
            offers_add(&self->offers, w->id, w->capacity, buf_span(&name), nsp, event);
    buf_fini(&name), buf_fini(&namespaces), buf_fini(&events);
}

static enum err on_ready(struct work *self, struct span peer, bool delimited, const struct work_frame *f, struct effects *out)
{
    const struct config *c = self->o.config;
    struct worker *w = map_find(&self->peers, peer);
    if (w) worker_drop(self, &w, out);
    if (self->draining) {
        say_to(self, peer, SPAN("{\"bye\":true}"), delimited);
        return OK;
    }
    if (self->peers.count >= c->router.max_workers || self->offers.count >= WORK_OFFERS_MAX) return ERR_FULL;
    w = calloc(1, sizeof *w);
    NEED(w);
    uint64_t capacity = 1;
    (void)json_to_uint(f->field[WORK_F_capacity], UINT32_MAX, &capacity);
    w->id = ++self->numbers, w->peer = blob_new(peer), w->capacity = (uint32_t)capacity, w->delimited = delimited, w->heard = self->now;
    w->next = self->workers, w->at = &self->workers;
    if (w->next) w->next->at = &w->next;
    self->workers = w;
    (void)map_put(&self->peers, blob_span(w->peer), w);
    (void)map_put_u64(&self->ids, w->id, w);
    announce(self, w, f);
    changed(self);
    self->o.stats->workers_come++;
    buf_clear(&self->text);
    buf_add_literal(&self->text, "{\"welcome\":");
    json_quote(&self->text, self->o.id);
    buf_add_format(&self->text, ",\"beat\":%u,\"silence\":%u}", c->router.worker_beat_ms, c->router.worker_silence_ms);
    worker_tell(self, w, buf_span(&self->text));
    worker_serve(self, w);
    return OK;
}

/* It has answered what it had: it may go. */
static void finish(struct work *self, struct worker *w, struct effects *out)
{
    if (!w->leaving || w->sent.count) return;
    worker_tell(self, w, SPAN("{\"bye\":true}"));
    worker_drop(self, &w, out);
}

static enum err on_bye(struct work *self, struct worker *w, struct effects *out)
{
    worker_leave(self, w);
    finish(self, w, out);
    return OK;
}

/* ---- replies */

/* "<life>.<number>": of this life, and this worker's; else NULL. */
static struct request *request_of(struct work *self, const struct worker *w, struct span ref)
{
    uint64_t number;
    if (ref.len < 2) return NULL;
    ref = span_head(span_skip(ref, 1), ref.len - 2);
    if (!span_eat_prefix(&ref, span_of(self->life)) || !span_eat(&ref, '.') || !span_to_uint(ref, UINT64_MAX, &number)) return NULL;
    struct request *r = map_find_u64(&self->requests, number);
    return r && r->worker == w ? r : NULL;
}

/* It has answered something newer than these, whose time is over: it does not hang, and their places are free. */
static void free_stuck(struct work *self, struct worker *w, const struct request *answered)
{
    for (struct request *r = w->sent.first, *next; r != answered; r = next) {
        next = r->in[IN_SENT].next;
        if (r->lane) continue;
        self->o.stats->work_stuck--;
        request_forget(self, &r);
    }
}

static enum err on_reply(struct work *self, struct worker *w, const struct work_frame *f, const struct span *frames, size_t count,
                         struct work_problem *problem, struct effects *out)
{
    struct request *r = request_of(self, w, f->subject);
    if (!r) {
        self->o.stats->work_late++;
        return OK;
    }
    free_stuck(self, w, r);
    if (!r->lane) {
        self->o.stats->work_stuck--, self->o.stats->work_late++;
        request_forget(self, &r);
        return OK;
    }
    struct msg_WORKED m;
    struct buf text = { 0 }, attachments = { 0 };
    for (size_t i = 0; i < count; i++) msg_add_str(&attachments, frames[i]);
    enum err e = work_frame_worked(&m, &text, f, count, problem);
    if (e != OK) m = (struct msg_WORKED){ .error = ERR_SYNTAX };
    m.attachments = buf_span(&attachments);
    self->o.stats->work_done++;
    request_answer(self, &r, &m, out);
    buf_fini(&text), buf_fini(&attachments);
    return e;
}

/* ---- what a worker says */

/* A frame that is none: its sender is told why, and a request that it meant is over. */
static enum err refuse(struct work *self, struct span peer, bool delimited, const struct work_frame *f, const struct work_problem *problem, enum err e,
                       struct effects *out)
{
    bool reply = f->kind == WORK_FRAME_reply;
    struct worker *w = map_find(&self->peers, peer);
    struct request *r = reply && w ? request_of(self, w, f->subject) : NULL;
    buf_clear(&self->text);
    work_frame_error(&self->text, problem, reply ? f->subject : (struct span){ "", 0 });
    say_to(self, peer, buf_span(&self->text), delimited);
    if (r && r->lane) request_answer(self, &r, &(struct msg_WORKED){ .error = ERR_SYNTAX }, out);
    return e;
}

static void pong(struct work *self, struct worker *w, struct span value)
{
    buf_clear(&self->text);
    buf_add_literal(&self->text, "{\"pong\":");
    buf_add(&self->text, value);
    buf_add_byte(&self->text, '}');
    worker_tell(self, w, buf_span(&self->text));
}

enum err worker_on_frames(struct work *self, struct span peer, const struct span *frames, size_t count, struct effects *out)
{
    const struct config *c = self->o.config;
    const struct work_limits limits = { &c->router.worker, c->router.max_body_bytes, c->router.max_addresses_count, c->router.max_worker_requests };
    struct work_problem problem;
    struct work_frame f = { .kind = WORK_FRAMES };
    bool delimited = count > 1 && frames[0].len == 0;
    if (delimited) frames++, count--;
    struct worker *w = map_find(&self->peers, peer);
    if (w) w->heard = self->now;
    if (count == 0 || count > WORK_FRAMES_COUNT_MAX) {
        problem = (struct work_problem){ "bad-frames", { "", 0 }, "a frame is [json][attachment]..., at most 15 attachments" };
        return refuse(self, peer, delimited, &f, &problem, ERR_SYNTAX, out);
    }
    enum err e = work_frame_check(&f, frames[0], &limits, &problem);
    if (e != OK) return refuse(self, peer, delimited, &f, &problem, e, out);
    if (f.kind == WORK_FRAME_ready) {
        e = on_ready(self, peer, delimited, &f, out);
        problem = (struct work_problem){ "busy", { "", 0 }, "router.max_workers are attached, or they have announced too much" };
        return e == OK ? OK : refuse(self, peer, delimited, &f, &problem, e, out);
    }
    if (!w) {
        if (f.kind == WORK_FRAME_reply) self->o.stats->work_late++;
        say_to(self, peer, f.kind == WORK_FRAME_bye ? SPAN("{\"bye\":true}") : SPAN("{\"again\":true}"), delimited);
        return OK;
    }
    if (f.kind == WORK_FRAME_bye) return on_bye(self, w, out);
    if (f.kind == WORK_FRAME_ping) pong(self, w, f.subject);
    if (f.kind != WORK_FRAME_reply) return OK;
    e = on_reply(self, w, &f, frames + 1, count - 1, &problem, out);
    if (e != OK) {
        f.kind = WORK_FRAMES;           /* its request was answered */
        refuse(self, peer, delimited, &f, &problem, e, out);
    }
    if ((w = map_find(&self->peers, peer))) finish(self, w, out);
    return e;
}

