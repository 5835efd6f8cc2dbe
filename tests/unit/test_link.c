#include "link.h"
#include "link_head.h"
#include "t.h"

/* Two ends with a wire between them that is in our hands. */

static const struct link_limits limits = { .queue_bytes = 1000, .frame_bytes = 300, .resend_after_ms = 250 };
enum { A_EPOCH = 11, B_EPOCH = 22 };

static struct blob *fence(uint64_t n)
{
    struct buf b = { 0 };
    msg_encode_FENCE(&b, &(struct msg_FENCE){ .view = n });
    struct blob *blob = blob_new(buf_span(&b));
    buf_fini(&b);
    return blob;
}

static void tick(struct link *l, uint64_t n)
{
    struct buf b = { 0 };
    msg_encode_TICK(&b, &(struct msg_TICK){ .head = n });
    link_send_datagram(l, buf_span(&b));
    buf_fini(&b);
}

static void send(struct link *l, uint64_t from, uint64_t to)
{
    for (; from <= to; from++) link_send(l, fence(from));
}

/* What comes out of a frame, in short: "REBORN 1 2 t7" are fences 1 and 2 and tick 7. */
static void take(struct link *l, struct span frame, uint64_t now, struct buf *out)
{
    static const char *const names[] = { "NOTHING", "OK", "REBORN", "BAD" };
    enum err e;
    enum link_event event = link_on_frame(l, frame, now, &e);
    if (out->len) buf_add_literal(out, " ");
    buf_add(out, span_of(names[event]));
    if (event == LINK_BAD) buf_add_format(out, " %s", err_name(e));
    enum msg_type type;
    struct span fields;
    uint64_t number;
    while (link_next(l, &type, &fields, &number)) {
        struct msg_FENCE fence = { 0 };
        struct msg_TICK tick = { 0 };
        if (type == MSG_FENCE) EQUAL_ERR(msg_decode_FENCE(&fence, fields), OK);
        if (type == MSG_TICK) EQUAL_ERR(msg_decode_TICK(&tick, fields), OK);
        CHECK((type == MSG_FENCE) == (number != 0));
        if (number) CHECK(number == link_received(l));
        buf_add_format(out, type == MSG_FENCE ? " %llu" : " t%llu", (unsigned long long)(fence.view + tick.head));
    }
}

/* All frames that 'from' wants to send now, to 'to'; answers how many. */
static int pass(struct link *from, struct link *to, uint64_t now, struct buf *out)
{
    int frames = 0;
    for (struct blob *f; (f = link_frame(from, now)); frames++) {
        if (to) take(to, t_exact(blob_span(f)), now, out);
        blob_drop(&f);
    }
    return frames;
}

static void lose(struct link *from, uint64_t now)
{
    struct buf none = { 0 };
    pass(from, NULL, now, &none);
}

static void settle(struct link *a, struct link *b, uint64_t now, struct buf *out)
{
    while (pass(a, b, now, out) + pass(b, a, now, out)) continue;
}

static struct link *end(uint64_t epoch) { return link_new(epoch, &limits); }

/* A pair that knows each other, with nothing on the wire. */
static void meet(struct link **a, struct link **b)
{
    struct buf out = { 0 };
    *a = end(A_EPOCH), *b = end(B_EPOCH);
    tick(*a, 0);
    settle(*a, *b, 0, &out);
    SAME(buf_span(&out), "REBORN t0 REBORN");
    EQUAL(link_peer_epoch(*a), B_EPOCH);
    EQUAL(link_peer_epoch(*b), A_EPOCH);
    buf_fini(&out);
}

#define SAID(out, text) (SAME(buf_span(&(out)), text), buf_clear(&(out)))

TEST(link_greets_before_it_sends)
{
    struct link *a = end(A_EPOCH), *b = end(B_EPOCH);
    struct buf out = { 0 };
    CHECK(!link_wants_frame(a, 0) && link_deadline(a) == UINT64_MAX);
    send(a, 1, 2);
    CHECK(link_wants_frame(a, 0));
    pass(a, b, 0, &out);
    SAID(out, "REBORN");                        /* the hello */
    CHECK(!link_wants_frame(a, 249));
    EQUAL(link_deadline(a), 250);
    pass(b, a, 1, &out);
    SAID(out, "REBORN");
    pass(a, b, 1, &out);
    SAID(out, "OK 1 2");
    EQUAL(link_queued(a), 2 * 13);
    pass(b, a, 2, &out);
    SAID(out, "NOTHING");
    EQUAL(link_queued(a), 0);
    EQUAL(link_confirmed(a), 2);
    CHECK(!link_wants_frame(a, 9999) && link_deadline(a) == UINT64_MAX);
    buf_fini(&out);
    link_destroy(&a), link_destroy(&b), link_destroy(&b);
}

TEST(link_batches_up_to_frame_bytes)
{
    struct link *a, *b;
    struct buf out = { 0 };
    meet(&a, &b);
    send(a, 1, 100);                            /* 13 bytes each: 20 make 48 + 260 >= 300 */
    EQUAL(pass(a, b, 0, &out), 5);
    EQUAL(link_received(b), 100);
    CHECK(link_full(a));
    EQUAL(pass(b, a, 0, &out), 1);
    CHECK(!link_full(a));
    buf_clear(&out);
    struct buf big = { 0 };
    memset(buf_room(&big, 5000), 'x', 5000), buf_grew(&big, 5000);
    struct buf emit = { 0 };
    msg_encode_BEAT(&emit, &(struct msg_BEAT){ .member = buf_span(&big), .positions = SPAN("") });
    link_send_datagram(a, buf_span(&emit));
    send(a, 101, 102);
    EQUAL(pass(a, b, 0, &out), 2);              /* the large one is a frame of its own */
    SAID(out, "OK t0 OK 101 102");
    buf_fini(&big), buf_fini(&emit), buf_fini(&out);
    link_destroy(&a), link_destroy(&b);
}

TEST(link_sends_again_what_was_lost)
{
    struct link *a, *b;
    struct buf out = { 0 };
    meet(&a, &b);
    send(a, 1, 3);
    lose(a, 0);
    CHECK(!link_wants_frame(a, 249));
    EQUAL(link_deadline(a), 250);
    settle(a, b, 250, &out);
    SAID(out, "OK 1 2 3 NOTHING");
    /* a hole is asked for at once, and only once */
    send(a, 4, 5), lose(a, 300);
    send(a, 6, 6), pass(a, b, 300, &out);
    send(a, 7, 7), pass(a, b, 300, &out);
    SAID(out, "OK OK");
    settle(b, a, 301, &out);
    SAID(out, "OK OK 4 5 6 7 NOTHING");
    send(a, 8, 8), lose(a, 310);
    send(a, 9, 9), pass(a, b, 310, &out), lose(b, 310);
    send(a, 10, 10), pass(a, b, 320, &out);
    CHECK(!link_wants_frame(b, 320));
    settle(a, b, 560, &out);
    SAID(out, "OK OK OK 8 9 10 NOTHING");
    /* the peer has it, we did not hear that it has */
    send(a, 11, 11), pass(a, b, 600, &out), lose(b, 600);
    SAID(out, "OK 11");
    settle(a, b, 850, &out);
    SAID(out, "OK NOTHING");
    EQUAL(link_confirmed(a), 11);
    /* the same with more than a frame: what it has is not sent again */
    send(a, 12, 90), pass(a, b, 900, &out), lose(b, 900);
    EQUAL(pass(a, b, 1150, &out), 1);
    pass(b, a, 1150, &out);
    EQUAL(pass(a, b, 1150, &out), 0);
    EQUAL(link_queued(a), 0);
    buf_fini(&out);
    link_destroy(&a), link_destroy(&b);
}

TEST(link_is_patient_with_the_silent)
{
    struct link *a, *b;
    struct buf out = { 0 };
    meet(&a, &b);
    send(a, 1, 100);
    lose(a, 0);
    int frames = 0;
    for (uint64_t now = 0; now <= 61000; now += 10) frames += pass(a, NULL, now, &out);
    CHECK(frames > 10 && frames < 25);          /* one at a time, at most every 250 << 4 ms */
    EQUAL(link_deadline(a), 64000);
    tick(b, 1), pass(b, a, 61000, &out);        /* it speaks, and has nothing: soon everything */
    EQUAL(link_deadline(a), 61250);
    settle(a, b, 61250, &out);
    EQUAL(link_received(b), 100);
    EQUAL(link_queued(a), 0);
    buf_fini(&out);
    link_destroy(&a), link_destroy(&b);
}

TEST(link_unsent_is_sent_at_once)
{
    struct link *a, *b;
    struct buf out = { 0 };
    meet(&a, &b);
    send(a, 1, 30);
    struct blob *f = link_frame(a, 0);
    link_unsent(a);
    blob_drop(&f);
    CHECK(link_wants_frame(a, 0));
    pass(a, b, 0, &out);
    EQUAL(link_received(b), 30);
    settle(b, a, 0, &out);
    EQUAL(link_queued(a), 0);
    send(a, 31, 31), lose(a, 100);
    f = link_frame(a, 400);                     /* the probe */
    link_unsent(a);
    blob_drop(&f);
    CHECK(link_wants_frame(a, 400));
    settle(a, b, 400, &out);
    EQUAL(link_received(b), 31);
    buf_fini(&out);
    link_destroy(&a), link_destroy(&b);
}

TEST(link_confirms_by_hand)
{
    struct link *a, *b;
    struct buf out = { 0 };
    meet(&a, &b);
    link_defer(b, true);
    send(a, 1, 3);
    pass(a, b, 0, &out);
    CHECK(!link_wants_frame(b, 0));             /* received can wait ... */
    EQUAL(link_deadline(b), 62);
    CHECK(link_wants_frame(b, 62));
    link_confirm(b, 2);                         /* ... confirmed cannot */
    CHECK(link_wants_frame(b, 0));
    pass(b, a, 1, &out);
    EQUAL(link_confirmed(a), 2);
    EQUAL(link_queued(a), 13);
    link_confirm(b, 1), link_confirm(b, 99);    /* the past and the future are not looked at */
    CHECK(!link_wants_frame(b, 1));
    buf_clear(&out);
    settle(a, b, 251, &out);                    /* a asks where b stands; nothing is sent twice */
    SAID(out, "OK NOTHING");
    send(a, 4, 4);                              /* and goes on meanwhile */
    pass(a, b, 252, &out);
    SAID(out, "OK 4");
    link_defer(b, false);
    settle(b, a, 252, &out);
    EQUAL(link_confirmed(a), 4);
    buf_fini(&out);
    link_destroy(&a), link_destroy(&b);
}

TEST(link_confirmations_wait_for_company)
{
    struct link_limits lazy = limits;
    lazy.confirm_within_ms = 20;
    struct link *a = end(A_EPOCH), *b = link_new(B_EPOCH, &lazy);
    struct buf out = { 0 };
    tick(a, 0), settle(a, b, 0, &out);
    send(a, 1, 1), pass(a, b, 0, &out);
    CHECK(!link_wants_frame(b, 19));
    EQUAL(link_deadline(b), 20);
    buf_clear(&out);
    send(b, 1, 1);
    pass(b, a, 5, &out);                        /* it goes with this */
    SAID(out, "OK 1");
    EQUAL(link_confirmed(a), 1);
    CHECK(!link_wants_frame(b, 100) || link_deadline(b) == 255);
    send(a, 2, 100), pass(a, b, 30, &out);      /* much at once is said at once */
    CHECK(link_wants_frame(b, 30));
    buf_fini(&out);
    link_destroy(&a), link_destroy(&b);
}

TEST(link_receiver_reborn_gets_the_unconfirmed)
{
    struct link *a, *b;
    struct buf out = { 0 };
    meet(&a, &b);
    link_defer(b, true);
    send(a, 1, 5);
    pass(a, b, 0, &out);
    link_confirm(b, 2);
    pass(b, a, 0, &out);
    link_confirm(b, 4);
    struct blob *stale = link_frame(b, 0);      /* confirms 4, and is late */
    link_destroy(&b);
    b = end(B_EPOCH + 1);
    buf_clear(&out);
    tick(b, 9);
    pass(b, a, 1, &out);
    SAID(out, "REBORN t9");
    EQUAL(link_confirmed(a), 2);
    EQUAL(link_queued(a), 3 * 13);
    take(a, blob_span(stale), 2, &out);
    SAID(out, "BAD ERR_GONE");
    EQUAL(link_confirmed(a), 2);
    settle(a, b, 3, &out);
    SAID(out, "REBORN 3 4 5 NOTHING");          /* numbers 1 to 3 of the new pair of lives */
    EQUAL(link_received(b), 3);
    EQUAL(link_confirmed(a), 5);
    EQUAL(link_send(a, fence(6)), 6);
    blob_drop(&stale);
    buf_fini(&out);
    link_destroy(&a), link_destroy(&b);
}

TEST(link_sender_reborn_begins_anew)
{
    struct link *a, *b;
    struct buf out = { 0 };
    meet(&a, &b);
    send(a, 1, 5), settle(a, b, 0, &out);
    send(a, 6, 7);
    struct blob *stale = link_frame(a, 0);
    link_destroy(&a);
    a = end(A_EPOCH + 1);
    send(a, 100, 101);
    send(b, 50, 50), tick(b, 77);
    struct blob *late = link_frame(b, 0);       /* addressed to a's life before */
    buf_clear(&out);
    take(a, blob_span(late), 0, &out);
    SAID(out, "REBORN");                        /* and so no message of it is taken */
    settle(a, b, 0, &out);
    SAID(out, "REBORN 100 101 OK 50 NOTHING");
    EQUAL(link_received(b), 7);                 /* counts on: 5 of the life before, 2 of this */
    link_confirm(b, 3);
    take(b, blob_span(stale), 0, &out);
    SAID(out, "BAD ERR_GONE");
    blob_drop(&stale), blob_drop(&late);
    buf_fini(&out);
    link_destroy(&a), link_destroy(&b);
}

TEST(link_takes_back)
{
    struct link *a, *b;
    struct buf out = { 0 };
    struct blob *blob;
    meet(&a, &b);
    send(a, 1, 2);
    blob = link_take_unconfirmed(a);            /* never sent: the peer need not know */
    blob_drop(&blob);
    EQUAL(link_confirmed(a), 1);
    settle(a, b, 0, &out);
    SAID(out, "OK 2 NOTHING");
    EQUAL(link_received(b), 1);
    send(a, 3, 6);
    lose(a, 0);
    for (int i = 0; i < 3; i++) blob = link_take_unconfirmed(a), blob_drop(&blob);
    EQUAL(link_queued(a), 13);
    settle(a, b, 250, &out);                    /* sent and lost: skipped */
    SAID(out, "OK 6 NOTHING");
    EQUAL(link_received(b), 5);
    link_defer(b, true);
    send(a, 7, 8), pass(a, b, 300, &out), pass(b, a, 400, &out);
    buf_clear(&out);
    while ((blob = link_take_unconfirmed(a))) blob_drop(&blob);
    EQUAL(link_queued(a), 0);
    EQUAL(link_confirmed(a), 8);
    send(a, 9, 9);
    settle(a, b, 400, &out);
    SAID(out, "OK 9");
    link_confirm(b, link_received(b));
    settle(b, a, 500, &out);
    EQUAL(link_confirmed(a), 9);
    CHECK(link_deadline(a) == UINT64_MAX);
    blob = link_take_unconfirmed(a);
    CHECK(!blob);
    buf_fini(&out);
    link_destroy(&a), link_destroy(&b);
}

TEST(link_taken_back_and_confirmed_by_hand)
{
    struct link *a, *b;
    struct buf out = { 0 };
    struct blob *blob;
    meet(&a, &b);
    link_defer(b, true);
    send(a, 1, 4), lose(a, 0);
    while ((blob = link_take_unconfirmed(a))) blob_drop(&blob);
    send(a, 5, 5), lose(a, 0);
    blob = link_take_unconfirmed(a), blob_drop(&blob);
    settle(a, b, 300, &out);                    /* nothing but a skip: nobody is there to confirm it */
    EQUAL(link_received(b), 5);
    CHECK(link_wants_frame(b, 400));
    settle(b, a, 400, &out);
    CHECK(link_deadline(a) == UINT64_MAX);      /* nothing is outstanding any more */
    send(a, 6, 7), pass(a, b, 500, &out);
    send(a, 8, 8), lose(a, 500);
    while ((blob = link_take_unconfirmed(a))) blob_drop(&blob);
    settle(a, b, 800, &out);                    /* skipped behind one that is not confirmed yet */
    EQUAL(link_received(b), 8);
    link_confirm(b, 7);                         /* all that anybody can confirm */
    settle(b, a, 800, &out);
    CHECK(link_deadline(a) == UINT64_MAX);
    buf_fini(&out);
    link_destroy(&a), link_destroy(&b);
}

TEST(link_bounds_its_datagrams)
{
    struct link *a = end(A_EPOCH), *b = end(B_EPOCH);
    struct buf out = { 0 };
    for (uint64_t i = 0; i < 100000; i++) tick(a, i);
    int frames = pass(a, b, 0, &out);
    CHECK(frames >= 60 && frames <= 80);        /* 64 frames' worth of bytes, the newest */
    buf_add_byte(&out, '\0');
    CHECK(strstr(out.ptr, " t99999"));
    buf_fini(&out);
    link_destroy(&a), link_destroy(&b);
}

TEST(link_refuses_what_cannot_be)
{
    struct link *a, *b;
    struct buf out = { 0 }, frame = { 0 };
    meet(&a, &b);
    send(a, 1, 3), pass(a, b, 0, &out);
    buf_clear(&out);
    link_head_encode(&frame, &(struct link_head){ .epoch = B_EPOCH, .peer = A_EPOCH, .received = 4, .confirmed = 4 });
    take(a, buf_span(&frame), 0, &out);
    SAID(out, "BAD ERR_RANGE");                 /* more than was ever sent */
    buf_clear(&frame);
    link_head_encode(&frame, &(struct link_head){ .epoch = 99, .peer = A_EPOCH, .received = 1 });
    take(a, buf_span(&frame), 0, &out);
    SAID(out, "BAD ERR_RANGE");                 /* a newborn that has received */
    take(a, SPAN("garbage"), 0, &out);
    SAID(out, "BAD ERR_TRUNC");
    EQUAL(link_peer_epoch(a), B_EPOCH);
    EQUAL(link_queued(a), 3 * 13);
    settle(b, a, 0, &out);
    EQUAL(link_queued(a), 0);
    buf_fini(&out), buf_fini(&frame);
    link_destroy(&a), link_destroy(&b);
}

/* ---- a long life of two ends with everything that may happen to them */

enum { WIRE = 4096, LIVES = 4096, MESSAGES = 1 << 14 };

struct side {
    struct link *link;
    uint32_t life;                      /* epochs are 1000 * side + life */
    uint32_t sent;                      /* payload of the newest: life << 20 | sent */
    uint32_t from_life, from_last;      /* of what it last received */
    bool     by_hand;
    struct blob *wire[WIRE];            /* towards it */
    size_t   on_wire;
};

struct world { struct side side[2]; uint64_t dice, now; uint32_t loss; bool taken[2][MESSAGES]; uint32_t confirmed[2]; long received; };

static uint32_t dice(struct world *w, uint32_t n)
{
    w->dice ^= w->dice << 13, w->dice ^= w->dice >> 7, w->dice ^= w->dice << 17;
    return (uint32_t)(w->dice >> 32) % n;
}

static void bear(struct world *w, int i)
{
    struct side *s = &w->side[i];
    link_destroy(&s->link);
    s->link = link_new(1000000U * (unsigned)(i + 1) + ++s->life, &limits);
    s->by_hand = dice(w, 2);
    if (s->by_hand) link_defer(s->link, true);
    s->sent = 0;
    s->from_life = s->from_last = 0;
    w->confirmed[i] = 0;
    memset(w->taken[i], 0, sizeof w->taken[i]);
}

/* A message of the other side's life: the next one, but for those that were
 * taken back, and those that an earlier life of ours has confirmed. */
static void on_fence(struct world *w, int i, uint64_t payload)
{
    struct side *s = &w->side[i], *other = &w->side[!i];
    uint32_t life = (uint32_t)(payload >> 20), n = payload & 0xfffff;
    if (life != s->from_life) s->from_life = life, s->from_last = 0;
    CHECK(n > s->from_last);            /* never twice, never out of order */
    if (life == other->life)
        for (uint32_t k = s->from_last + 1; k < n; k++) CHECK(w->taken[!i][k] || k <= w->confirmed[!i]);
    s->from_last = n;
    w->received++;
}

static void deliver(struct world *w, int i)
{
    struct side *s = &w->side[i];
    if (s->on_wire == 0) return;
    struct blob *frame = s->wire[0];
    memmove(s->wire, s->wire + 1, --s->on_wire * sizeof s->wire[0]);
    if (dice(w, 100) >= w->loss) {
        enum err e;
        enum msg_type type;
        struct span fields;
        uint64_t number;
        enum link_event event = link_on_frame(s->link, blob_span(frame), w->now, &e);
        if (event == LINK_BAD) CHECK(e == ERR_GONE);
        while (link_next(s->link, &type, &fields, &number)) {
            struct msg_FENCE m;
            EQUAL(type, MSG_FENCE);
            EQUAL_ERR(msg_decode_FENCE(&m, fields), OK);
            on_fence(w, i, m.view);
        }
        w->confirmed[i] = (uint32_t)link_confirmed(s->link);
    }
    blob_drop(&frame);
}

static void flush(struct world *w, int i)
{
    struct side *other = &w->side[!i];
    struct blob *frame;
    while (other->on_wire < WIRE && (frame = link_frame(w->side[i].link, w->now))) {
        if (dice(w, 100) < w->loss / 4) link_unsent(w->side[i].link), blob_drop(&frame);
        else other->wire[other->on_wire++] = frame;
    }
    CHECK(other->on_wire == WIRE || !link_wants_frame(w->side[i].link, w->now));
}

static void live(struct world *w, uint32_t births)
{
    int i = (int)dice(w, 2);
    struct side *s = &w->side[i];
    switch (dice(w, 12)) {
    case 0: case 1: case 2:
        for (uint32_t n = dice(w, 60); n > 0 && !link_full(s->link) && s->sent < MESSAGES - 1; n--)
            EQUAL(link_send(s->link, fence((uint64_t)s->life << 20 | (s->sent + 1))), ++s->sent);
        break;
    case 3: case 4: case 5: flush(w, i); break;
    case 6: case 7: case 8: deliver(w, i); break;
    case 9: w->now += dice(w, 300); break;
    case 10:
        if (s->by_hand && link_received(s->link)) link_confirm(s->link, link_received(s->link) - dice(w, 3) % link_received(s->link));
        break;
    case 11:
        if (births && dice(w, births) == 0) bear(w, i);
        else if (births && dice(w, births) == 0) {
            for (uint32_t n = dice(w, 20); n > 0; n--) {
                struct blob *b = link_take_unconfirmed(s->link);
                if (!b) break;
                w->taken[i][link_confirmed(s->link)] = true;
                blob_drop(&b);
            }
        }
    }
}

TEST(link_lives_through_loss_and_rebirth)
{
    static struct world w;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        w = (struct world){ .dice = seed * 0x9e3779b97f4a7c15, .loss = (uint32_t)(seed % 5 * 15) };
        bear(&w, 0), bear(&w, 1);
        uint32_t births = seed % 4 ? 100 : 0;
        for (int step = 0; step < 10000; step++) live(&w, births);
        w.loss = 0;                             /* then the world is good, and all is said */
        for (int i = 0; i < 2; i++) link_defer(w.side[i].link, false);
        for (int step = 0; step < 200; step++) {
            for (int i = 0; i < 2; i++) flush(&w, i);
            while (w.side[0].on_wire + w.side[1].on_wire) deliver(&w, 0), deliver(&w, 1);
            w.now += 100;
        }
        for (int i = 0; i < 2; i++) {
            struct side *s = &w.side[i], *other = &w.side[!i];
            EQUAL(link_queued(s->link), 0);
            EQUAL(link_confirmed(s->link), s->sent);
            CHECK(!link_wants_frame(s->link, w.now) && link_deadline(s->link) == UINT64_MAX);
            if (other->from_life == s->life && s->sent && !w.taken[i][s->sent] && !births) EQUAL(other->from_last, s->sent);
        }
        CHECK(w.received > 1000);
        for (int i = 0; i < 2; i++) link_destroy(&w.side[i].link);
    }
}
