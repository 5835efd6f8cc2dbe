#include "link.h"
#include "backlog.h"
#include "link_head.h"

#include <stdlib.h>

/* All numbers here are the interface's; on the wire they are less by a base,
 * the newest one of the lives before.
 *
 * Out:  base <= floor <= heard, and front - 1 >= floor
 *       base ....... floor ....... front ............ last
 *           confirmed | taken back | in the backlog: unconfirmed
 *       heard: received by the peer.  framed: ever put into a frame.
 *       cursor: the next to be put into one; heard + 1 when we go back. */

#define NEVER UINT64_MAX
enum { DEAD_KEPT = 8, TRIES_MAX = 5, DATAGRAM_FRAMES = 64, SAY_AFTER_FRAMES = 4 };

struct out {
    struct backlog backlog;
    uint64_t base, floor, heard, framed, cursor;
    uint64_t went_back_to;      /* cursor before the last frame, if that could not be sent */
    uint64_t resend_at;         /* NEVER: nothing is outstanding */
    unsigned tries;             /* resends since the peer was last heard */
    bool     probing;           /* nothing more until resend_at or progress: the peer is silent */
    struct buf datagrams;       /* encoded, one behind the other */
    size_t     datagrams_gone;  /* bytes of it that have left */
};

struct in {
    uint64_t base, received, confirmed;
    uint64_t skip_from, skip_to;    /* the last numbers that were taken back by the sender: nobody confirms them */
    bool     by_hand;
    bool     say;               /* at once: what we received and confirmed, or who we are */
    uint64_t say_at;            /* or by then at the latest */
    size_t   unsaid;            /* bytes received since we last said so */
    bool     again, tell;       /* words to go with the next frame (link_head.h) */
    uint64_t asked_for, asked_until;    /* AGAIN is said once for each hole, till then */

    struct span rest;           /* of the frame that link_next walks */
    uint64_t    number;         /* of its next RELIABLE message */
    bool        mine;           /* it is addressed to this life */
};

struct link {
    struct link_limits limits;
    uint64_t epoch, peer, now;
    uint64_t dead[DEAD_KEPT];   /* the peer's lives before, a ring */
    size_t   deaths;
    struct out out;
    struct in  in;
    struct buf scratch;
};

struct link *link_new(uint64_t epoch, const struct link_limits *limits)
{
    NEED(epoch);
    struct link *self = calloc(1, sizeof *self);
    NEED(self);
    self->epoch = epoch;
    self->limits = *limits;
    if (!limits->queue_bytes) self->limits.queue_bytes = 64U << 20;
    if (!limits->frame_bytes) self->limits.frame_bytes = 64U << 10;
    if (!limits->resend_after_ms) self->limits.resend_after_ms = 250;
    backlog_init(&self->out.backlog);
    self->out.cursor = 1;
    self->out.resend_at = self->in.say_at = NEVER;
    return self;
}

void link_destroy(struct link **self)
{
    if (!*self) return;
    backlog_fini(&(*self)->out.backlog);
    buf_fini(&(*self)->out.datagrams);
    buf_fini(&(*self)->scratch);
    free(*self);
    *self = NULL;
}

/* ---- out: what waits */

uint64_t link_send(struct link *self, struct blob *message)
{
    struct out *out = &self->out;
    NEED(message && message->len >= MSG_HEAD_BYTES);
    if (!self->peer && out->resend_at == NEVER) out->resend_at = 0;     /* say hello */
    return backlog_add(&out->backlog, message);
}

static size_t datagram_len(const struct out *out)   /* of the oldest */
{
    struct span rest = span_skip(buf_span(&out->datagrams), out->datagrams_gone), fields;
    size_t all = rest.len;
    enum msg_type type;
    enum err e;
    NEED(msg_next(&rest, &type, &fields, &e));
    return all - rest.len;
}

static size_t datagrams(const struct out *out)
{
    return out->datagrams.len - out->datagrams_gone;
}

void link_send_datagram(struct link *self, struct span message)
{
    struct out *out = &self->out;
    size_t most = self->limits.frame_bytes * DATAGRAM_FRAMES;
    while (datagrams(out) && datagrams(out) + message.len > most) out->datagrams_gone += datagram_len(out);
    if (out->datagrams_gone > out->datagrams.len / 2) {
        buf_drop_head(&out->datagrams, out->datagrams_gone);
        out->datagrams_gone = 0;
    }
    buf_add(&out->datagrams, message);
}

bool link_full(const struct link *self)             { return self->out.backlog.bytes >= self->limits.queue_bytes; }
size_t link_queued(const struct link *self)         { return self->out.backlog.bytes; }
uint64_t link_sent(const struct link *self)         { return backlog_last(&self->out.backlog); }
uint64_t link_confirmed(const struct link *self)    { return self->out.backlog.front - 1; }
uint64_t link_received(const struct link *self)     { return self->in.received; }
uint64_t link_heard(const struct link *self)        { return self->out.heard; }
void link_say(struct link *self)                    { self->in.say = true; }
uint64_t link_peer_epoch(const struct link *self)   { return self->peer; }

struct blob *link_take_unconfirmed(struct link *self)
{
    struct out *out = &self->out;
    uint64_t number = out->backlog.front;
    struct blob *blob = backlog_take(&out->backlog);
    /* Nothing is out and this one never was: then its number on the wire goes to
     * the next one, and the peer need not learn of it. Else it is told to skip. */
    if (blob && out->floor + 1 == number && out->framed < number)
        out->base++, out->floor = out->heard = out->framed = number, out->cursor = number + 1;
    return blob;
}

/* ---- out: when */

static bool outstanding(const struct link *self)
{
    return self->peer ? self->out.framed > self->out.floor : self->out.backlog.count > 0;
}

static bool resend_due(const struct link *self, uint64_t now)
{
    return outstanding(self) && now >= self->out.resend_at;
}

static bool sendable(const struct link *self)
{
    return self->peer && self->out.cursor <= backlog_last(&self->out.backlog);
}

bool link_wants_frame(const struct link *self, uint64_t now)
{
    return self->in.say || self->in.again || now >= self->in.say_at || datagrams(&self->out) ||
           (sendable(self) && !self->out.probing) || resend_due(self, now);
}

uint64_t link_deadline(const struct link *self)
{
    uint64_t resend_at = outstanding(self) ? self->out.resend_at : NEVER;
    return resend_at < self->in.say_at ? resend_at : self->in.say_at;
}

/* ---- out: a frame */

static uint32_t put_words(struct link *self)
{
    uint32_t count = 0;
    if (self->in.again) link_head_say(&self->scratch, LINK_HEAD_AGAIN), count++;
    if (self->in.tell) link_head_say(&self->scratch, LINK_HEAD_SAY), count++;
    self->in.again = self->in.tell = false;
    return count;
}

static uint32_t put_datagrams(struct link *self)
{
    struct out *out = &self->out;
    uint32_t count = 0;
    while (datagrams(out) && self->scratch.len < self->limits.frame_bytes) {
        size_t len = datagram_len(out);
        buf_add(&self->scratch, span_head(span_skip(buf_span(&out->datagrams), out->datagrams_gone), len));
        out->datagrams_gone += len;
        count++;
    }
    if (!datagrams(out)) buf_clear(&out->datagrams), out->datagrams_gone = 0;
    return count;
}

static uint32_t put_reliable(struct link *self)
{
    struct out *out = &self->out;
    uint32_t count = 0;
    uint64_t last = backlog_last(&out->backlog);
    if (out->cursor < out->backlog.front) {
        link_head_skip(&self->scratch, out->backlog.front - out->cursor);
        out->cursor = out->backlog.front;
        count++;
    }
    for (; out->cursor <= last && self->scratch.len < self->limits.frame_bytes; out->cursor++, count++)
        buf_add(&self->scratch, blob_span(backlog_at(&out->backlog, out->cursor)));
    if (out->framed < out->cursor - 1) out->framed = out->cursor - 1;
    return count;
}

/* Nothing came back in time: from the first that the peer has not received, one
 * frame until it is heard. If it has all and does not confirm, ask. */
static void go_back(struct link *self, uint64_t now)
{
    struct out *out = &self->out;
    out->probing = out->heard < out->framed;
    if (out->probing) out->cursor = out->heard + 1;
    else self->in.tell = self->peer != 0;
    if (out->tries < TRIES_MAX) out->tries++;
    out->resend_at = now + (self->limits.resend_after_ms << (out->tries - 1));
}

struct blob *link_frame(struct link *self, uint64_t now)
{
    struct out *out = &self->out;
    struct in *in = &self->in;
    if (!link_wants_frame(self, now)) return NULL;
    bool due = resend_due(self, now);
    if (due) go_back(self, now);
    out->went_back_to = out->cursor;

    struct link_head head = { .epoch = self->epoch, .peer = self->peer };
    head.received = in->received - in->base;
    head.confirmed = in->confirmed - in->base;
    buf_clear(&self->scratch);
    link_head_encode(&self->scratch, &head);        /* its place: the counts come last */
    head.messages = put_words(self) + put_datagrams(self);
    if (sendable(self) && (due || !out->probing) && self->scratch.len < self->limits.frame_bytes) {
        head.first = out->cursor - out->base;
        head.messages += put_reliable(self);
        if (out->resend_at == NEVER) out->resend_at = now + self->limits.resend_after_ms;
    }
    in->say = false;
    in->say_at = NEVER;
    in->unsaid = 0;

    struct buf front = { 0 };
    link_head_encode(&front, &head);
    memcpy(self->scratch.ptr, front.ptr, LINK_HEAD_BYTES);
    buf_fini(&front);
    struct blob *frame = blob_new(buf_span(&self->scratch));
    if (self->scratch.cap > 4 * self->limits.frame_bytes) buf_fini(&self->scratch);
    return frame;
}

void link_unsent(struct link *self)
{
    struct out *out = &self->out;
    if (out->went_back_to < out->cursor) out->cursor = out->went_back_to;
    if (out->cursor <= out->heard) out->cursor = out->heard + 1;
    if (out->probing) out->resend_at = 0;
    self->in.say = true;
}

/* ---- in: the header */

static bool dead(const struct link *self, uint64_t epoch)
{
    for (size_t i = 0; i < DEAD_KEPT; i++)
        if (self->dead[i] == epoch) return true;
    return false;
}

static void on_birth(struct link *self, uint64_t epoch)
{
    struct out *out = &self->out;
    struct in *in = &self->in;
    if (self->peer) self->dead[self->deaths++ % DEAD_KEPT] = self->peer;
    self->peer = epoch;
    out->base = out->floor = out->heard = out->framed = link_confirmed(self);
    out->cursor = out->backlog.front;
    out->resend_at = NEVER;
    out->tries = 0;
    out->probing = false;
    in->base = in->confirmed = in->received;
    in->skip_from = in->skip_to = in->asked_for = in->asked_until = 0;
    in->again = in->tell = false;
    in->unsaid = 0;
    in->say_at = NEVER;
}

/* What the peer says of our messages; the numbers were checked. */
static void on_said(struct link *self, uint64_t received, uint64_t confirmed)
{
    struct out *out = &self->out;
    bool progress = received > out->heard || confirmed > out->floor;
    if (received > out->heard) out->heard = received;
    if (confirmed > out->floor) out->floor = confirmed;
    if (out->cursor <= out->heard) out->cursor = out->heard + 1;
    while (out->backlog.count && out->backlog.front <= out->floor) {
        struct blob *blob = backlog_take(&out->backlog);
        blob_drop(&blob);
    }
    uint64_t soon = self->now + self->limits.resend_after_ms;
    out->tries = 0;
    if (progress || out->heard == out->framed) out->probing = false;
    if (!outstanding(self)) out->resend_at = NEVER;
    else if (progress || out->resend_at > soon) out->resend_at = soon;
}

enum link_event link_on_frame(struct link *self, struct span frame, uint64_t now, enum err *e)
{
    struct link_head head;
    struct span messages;
    self->in.rest = SPAN("");
    *e = link_head_decode(&head, &messages, frame);
    bool born = *e == OK && head.epoch != self->peer, mine = *e == OK && head.peer == self->epoch;
    if (born && dead(self, head.epoch)) *e = ERR_GONE;
    else if (mine && head.received > (born ? 0 : self->out.framed - self->out.base)) *e = ERR_RANGE;
    if (*e != OK) return LINK_BAD;

    self->now = now;
    if (born) on_birth(self, head.epoch);
    if (mine) on_said(self, self->out.base + head.received, self->out.base + head.confirmed);
    else self->in.say = true;
    if (mine || head.peer == 0) self->in.rest = messages;
    self->in.mine = mine;
    self->in.number = self->in.base + head.first;
    return born ? LINK_REBORN : head.messages ? LINK_OK : LINK_NOTHING;
}

/* ---- in: the messages */

static void on_word(struct link *self, const struct link_item *item)
{
    struct out *out = &self->out;
    int word = self->in.mine && item->fields.len ? item->fields.ptr[0] : 0;
    if (word == LINK_HEAD_SAY) self->in.say = true;
    if (word != LINK_HEAD_AGAIN || out->cursor <= out->heard + 1) return;
    out->cursor = out->heard + 1;
    out->probing = false;
    out->resend_at = self->now + self->limits.resend_after_ms;
}

static void on_hole(struct link *self)
{
    struct in *in = &self->in;
    if (in->asked_for == in->received && self->now < in->asked_until) return;
    in->again = true;
    in->asked_for = in->received;
    in->asked_until = self->now + self->limits.resend_after_ms;
}

/* It is time to say so: at once, or in company. What is confirmed by hand can
 * wait for that, but not so long that the peer sends again. */
static void on_unsaid(struct link *self, uint64_t wait)
{
    struct in *in = &self->in;
    if (wait == 0 || in->unsaid >= self->limits.frame_bytes * SAY_AFTER_FRAMES) in->say = true;
    else if (in->say_at > self->now + wait) in->say_at = self->now + wait;
}

/* True: it is the next one. */
static bool on_reliable(struct link *self, const struct link_item *item)
{
    struct in *in = &self->in;
    uint64_t from = in->number, to = from + item->numbers - 1;
    in->number = to + 1;
    if (from > in->received + 1) return on_hole(self), false;
    if (to <= in->received) return in->say = true, false;       /* the peer did not hear that we have it */
    if (item->own) {
        if (in->skip_to == 0 || in->skip_to != in->received) in->skip_from = in->received + 1;
        in->skip_to = to;
        if (in->confirmed + 1 >= in->skip_from) in->confirmed = to;
    }
    in->received = to;
    if (!in->by_hand) in->confirmed = to;
    in->unsaid += item->fields.len + MSG_HEAD_BYTES;
    uint64_t quarter = self->limits.resend_after_ms / 4, wait = self->limits.confirm_within_ms;
    on_unsaid(self, in->by_hand && wait < quarter ? quarter : wait);
    return !item->own;
}

bool link_next(struct link *self, enum msg_type *type, struct span *fields, uint64_t *number)
{
    struct link_item item;
    while (link_head_next(&self->in.rest, &item)) {
        if (item.numbers == 0 && item.own) {
            on_word(self, &item);
        } else if (item.numbers == 0 || (self->in.mine && on_reliable(self, &item))) {
            *type = item.type;
            *fields = item.fields;
            *number = item.numbers ? self->in.received : 0;
            return true;
        }
    }
    return false;
}

/* ---- in: confirming */

void link_defer(struct link *self, bool on)
{
    self->in.by_hand = on;
    if (!on) link_confirm(self, self->in.received);
}

void link_confirm(struct link *self, uint64_t number)
{
    struct in *in = &self->in;
    if (number <= in->confirmed || number > in->received) return;
    in->confirmed = number + 1 >= in->skip_from && number < in->skip_to ? in->skip_to : number;
    on_unsaid(self, self->limits.confirm_within_ms);
}
