#include "roster.h"
#include "blob.h"
#include "t.h"

#include <stdlib.h>

enum { BEAT = 1000, TIMEOUT = 3000, GRACE = 5000 };

static void print(struct buf *out, const struct roster_out *o)
{
    if (!o->send) return;
    buf_add_format(out, "%s%llu %s", out->len ? "; " : "", (unsigned long long)o->roster.view,
                   o->roster.phase == ROSTER_HOLD ? "hold" : "active");
    struct span owners = o->roster.owners, members = o->roster.members, s;
    for (const char *before = " "; msg_next_str(&owners, &s); before = ",") buf_add(out, span_of(before)), buf_add(out, s);
    for (const char *before = " | "; msg_next_str(&members, &s); before = " ") {
        struct msg_MEMBER m;
        EQUAL_ERR(msg_decode_MEMBER(&m, s), OK);
        buf_add_format(out, "%s%c%u%s", before, role_name((enum role)m.role)[0], m.number,
                       m.state == MEMBER_STARTING ? "*" : m.state == MEMBER_DRAINING ? "!" : "");
    }
}

/* One router under a script: "r0" beats ready, "r0*" starting, "g1!" draining, "g1:5" with epoch 5, "g1=300" having taken
 * view 300, "-g1" says BYE, "g1+300" says SETTLED(300), "+2500" is time with all who live beating on. */
struct script { struct roster *roster; uint64_t now; struct { bool on; char text[24]; } beating[64]; size_t count; };

static enum role role_by(char c) { return c == 'r' ? ROLE_ROUTER : c == 'g' ? ROLE_GATEWAY : c == 'p' ? ROLE_PRESENCE : ROLE_AUTH; }

static void beat(struct script *s, const char *text, struct roster_out *out)
{
    struct span in = span_of(text + 1);
    uint64_t number = 0, epoch = 1, view = 0;
    CHECK(span_eat_uint(&in, &number));
    struct msg_MEMBER m = { .role = (uint8_t)role_by(*text), .number = (uint16_t)number, .state = MEMBER_READY, .endpoint = SPAN(""), .public = SPAN("") };
    if (span_eat(&in, '*')) m.state = MEMBER_STARTING;
    if (span_eat(&in, '!')) m.state = MEMBER_DRAINING;
    if (span_eat(&in, ':')) span_eat_uint(&in, &epoch);
    if (span_eat(&in, '=')) span_eat_uint(&in, &view);
    m.epoch = epoch;
    (void)roster_on_beat(s->roster, &m, view, s->now, out);
}

static void pass_time(struct script *s, uint64_t ms, struct buf *said)
{
    struct roster_out out;
    for (uint64_t end = s->now + ms; s->now < end;) {
        s->now += 100;
        roster_expire(s->roster, s->now, &out), print(said, &out);
        for (size_t i = 0; i < s->count && s->now % BEAT == 0; i++)
            if (s->beating[i].on) beat(s, s->beating[i].text, &out), print(said, &out);
    }
}

static bool same_daemon(const char *a, const char *b)
{
    return a[0] == b[0] && atoi(a + 1) == atoi(b + 1);
}

static void remember(struct script *s, const char *text, bool on)
{
    for (size_t i = 0; i < s->count; i++)
        if (same_daemon(s->beating[i].text, text)) s->beating[i].on = false;
    if (!on) return;
    CHECK(s->count < 64 && strlen(text) < sizeof s->beating[0].text);
    strcpy(s->beating[s->count].text, text);
    s->beating[s->count++].on = true;
}

static void settle(struct script *s, const char *text, struct roster_out *out)
{
    struct span in = span_of(text + 1);
    uint64_t number = 0, view = 0;
    span_eat_uint(&in, &number), span_eat(&in, '+'), span_eat_uint(&in, &view);
    (void)roster_on_settled(s->roster, role_by(*text), (uint16_t)number, view, s->now, out);
}

/* "!g1" stops beating without a word. */
static void run(struct script *s, const char *script, struct buf *said)
{
    struct span rest = span_of(script);
    buf_clear(said);
    while (rest.len) {
        struct span word = span_cut(&rest, ' ');
        struct roster_out out = { 0 };
        char text[32] = "";
        memcpy(text, word.ptr, word.len);
        if (text[0] == '+') {
            pass_time(s, (uint64_t)atoi(text + 1), said);
        } else if (text[0] == '!') {
            remember(s, text + 1, false);
        } else if (text[0] == '-') {
            struct buf id = { 0 };
            member_id_encode(&id, role_by(text[1]), (uint16_t)atoi(text + 2));
            remember(s, text + 1, false);
            (void)roster_on_bye(s->roster, buf_span(&id), s->now, &out), print(said, &out);
            buf_fini(&id);
        } else if (strchr(text, '+')) {
            settle(s, text, &out), print(said, &out);
        } else {
            remember(s, text, true);
            beat(s, text, &out), print(said, &out);
        }
        while (roster_deadline(s->roster) <= s->now) roster_expire(s->roster, s->now, &out), print(said, &out);
    }
}

static struct script start(uint16_t number, uint16_t routers, uint64_t hold_ms)
{
    struct roster_options options = { .number = number, .routers = routers, .beat_timeout_ms = TIMEOUT, .grace_ms = GRACE, .hold_ms = hold_ms };
    return (struct script){ .roster = roster_new(&options, 1000000), .now = 1000000 };
}

static const struct row { const char *name; uint16_t number, routers; const char *before, *script, *want; } rows[] = {
    { "alone, at once",             0, 1, "", "r0", "100 active 0 | r0" },
    { "waits for all routers",      0, 2, "", "g1 r0 +3000", "" },
    { "until they are there",       0, 2, "", "g1 r0 +2000 r1", "100 active 0,1 | r0 r1 g1" },
    { "or the grace time is over",  0, 2, "", "g1 r0 +4900", "" },
    { "then without them",          0, 2, "", "g1 r0 +5000", "100 active 0 | r0 g1" },
    { "starting is not there",      0, 2, "", "r0 r1* +4000", "" },
    { "nobody leads starting",      0, 1, "", "r0* g1 +20000", "" },
    { "the lowest leads",           1, 2, "", "r0 r1 +20000", "" },
    { "the lowest ready leads",     1, 2, "", "r0* r1 +5000", "101 active 1 | r0* r1" },
    { "members come at once",       0, 1, "r0", "g1 p2", "200 active 0 | r0 g1; 300 active 0 | r0 g1 p2" },
    { "and go at once",             0, 1, "r0 g1 p2", "-g1", "400 active 0 | r0 p2" },
    { "or in silence",              0, 1, "r0 g1 p2 g1=300 p2=300", "!p2 +2900", "" },
    { "after the time-out",         0, 1, "r0 g1 p2 g1=300 p2=300", "!p2 +3000", "400 active 0 | r0 g1" },
    { "load is no news",            0, 1, "r0 g1", "g1=200 g1=200", "" },
    { "a state is",                 0, 1, "r0 g1", "g1!", "300 active 0 | r0 g1!" },
    { "a restart is",               0, 1, "r0 g1", "g1:2", "300 active 0 | r0 g1" },
    { "what has ended stays so",    0, 1, "r0 g1:1 g1:2", "g1:1", "" },
    { "an owner comes: hold",       0, 1, "r0 g1", "r1", "300 hold 0,1 | r0 r1 g1" },
    { "all settle",                 0, 1, "r0 g1 r1", "r0+300 g1+300 r1+300", "300 active 0,1 | r0 r1 g1" },
    { "not all",                    0, 1, "r0 g1 r1", "r0+300 r1+300", "" },
    { "of another view",            0, 1, "r0 g1 r1", "r0+300 r1+300 g1+200", "" },
    { "draining ones need not",     0, 1, "r0 g1 g2!", "r1 r0+400 r1+400 g1+400", "400 hold 0,1 | r0 r1 g1 g2!; 400 active 0,1 | r0 r1 g1 g2!" },
    { "others wait meanwhile",      0, 1, "r0 g1 r1", "p5 g7 r0+300 r1+300 g1+300",
      "300 active 0,1 | r0 r1 g1; 400 active 0,1 | r0 r1 g1 g7 p5" },
    { "another owner waits too",    0, 1, "r0 r1", "r2 r0+200 r1+200", "200 active 0,1 | r0 r1; 300 hold 0,1,2 | r0 r1 r2" },
    { "a gateway dies holding",     0, 1, "r0 g1 r1", "r0+300 -g1", "400 hold 0,1 | r0 r1" },
    { "a draining one likewise",    0, 1, "r0 g1! r1", "-g1", "400 hold 0,1 | r0 r1" },
    { "a presence may die",         0, 1, "r0 p1 r1", "-p1", "" },
    { "a gateway restarts holding", 0, 1, "r0 g1 r1", "g1:2", "400 hold 0,1 | r0 r1 g1" },
    { "the new owner dies: off",    0, 1, "r0 g1 r1", "-r1", "400 active 0 | r0 g1" },
    { "an owner drains",            0, 2, "r0 r1 g1", "r1!", "300 hold 0 | r0 r1! g1" },
    { "and goes",                   0, 2, "r0 r1 g1 r1! r0+300 g1+300", "-r1", "400 active 0 | r0 g1" },
    { "an owner dies",              0, 2, "r0 r1 g1", "-r1 r0+300 g1+300", "300 hold 0 | r0 g1; 300 active 0 | r0 g1" },
    { "restarted unnoticed",        0, 2, "r0 r1", "r1:2 r0+200 r0+300 r1+300",
      "200 hold 0 | r0 r1; 200 active 0 | r0 r1; 300 hold 0,1 | r0 r1; 300 active 0,1 | r0 r1" },
    { "the last one drains",        0, 1, "r0 g1", "r0!", "300 active 0 | r0! g1" },
    { "drains itself: the next",    0, 2, "r0 r1=100", "r0! +2000", "" },
    { "takes over",                 1, 2, "r0=500 r1 +1000", "-r0", "" },
    { "not settled in time",        0, 1, "r0 r1 +9900", "+100", "300 hold 0,1 | r0 r1" },
    { "above what anybody has",     0, 1, "g1=4201 g2=77", "r0", "4300 hold 0 | r0 g1 g2" },
    { "overtaken: again, once",     0, 1, "r0 g1 g1=200 +500", "g1=701 +2900", "" },
    { "overtaken: above",           0, 1, "r0 g1 g1=200 +500", "g1=701 +3000", "800 active 0 | r0 g1" },
    { "a member lags",              0, 1, "r0 g1", "+3000", "200 active 0 | r0 g1" },
};

TEST(roster_decides_every_row)
{
    const struct row *r;
    EACH(r, rows) {
        struct script s = start(r->number, r->routers, 10000);
        struct buf said = { 0 };
        run(&s, r->before, &said);
        run(&s, r->script, &said);
        SAME(buf_span(&said), r->want);
        roster_destroy(&s.roster);
        buf_fini(&said);
    }
}

/* A follower becomes the leader, with a roster that another router made. */
static enum err follow(struct script *s, uint64_t view, enum roster_phase phase, const char *owners, const char *members, struct buf *said)
{
    struct buf o = { 0 }, list = { 0 }, record = { 0 };
    struct span rest = span_of(owners);
    while (rest.len) msg_add_str(&o, span_cut(&rest, ' '));
    for (rest = span_of(members); rest.len;) {
        struct span word = span_cut(&rest, ' ');
        buf_clear(&record);
        msg_encode_MEMBER(&record, &(struct msg_MEMBER){ .role = (uint8_t)role_by(word.ptr[0]), .number = (uint16_t)(word.ptr[1] - '0'),
            .epoch = 1, .state = MEMBER_READY, .endpoint = SPAN(""), .public = SPAN("") });
        msg_add_str(&list, buf_span(&record));
    }
    struct msg_ROSTER m = { .view = view, .phase = (uint8_t)phase, .owners = buf_span(&o), .members = buf_span(&list), .before = SPAN("") };
    struct roster_out out;
    enum err e = roster_on_roster(s->roster, &m, s->now, &out);
    buf_clear(said);
    print(said, &out);
    buf_fini(&o), buf_fini(&list), buf_fini(&record);
    return e;
}

TEST(roster_follower_takes_over)
{
    struct script s = start(1, 3, 0);
    struct buf said = { 0 };
    run(&s, "r0=100 r1 r2=100 g1=100", &said);
    EQUAL_ERR(follow(&s, 100, ROSTER_ACTIVE, "0 1 2", "r0 r1 r2 g1", &said), OK);
    SAME(buf_span(&said), "");
    EQUAL(roster_coordinator(s.roster), 0);
    run(&s, "!r0 +4000", &said);
    SAME(buf_span(&said), "201 hold 1,2 | r1 r2 g1");
    EQUAL(roster_coordinator(s.roster), 1);
    CHECK(roster_holding(s.roster));
    struct buf waits = { 0 };
    roster_unsettled(s.roster, &waits);
    EQUAL(msg_count_strs(buf_span(&waits)), 3);
    run(&s, "r0:2 r1+201 r2+201 g1+201", &said);       /* it comes back while we hold: we end what we began */
    SAME(buf_span(&said), "201 active 1,2 | r1 r2 g1; 301 hold 0,1,2 | r0 r1 r2 g1");
    run(&s, "r0:2=301 r0+301 r1+301 r2+301 g1+301", &said);
    SAME(buf_span(&said), "301 active 0,1,2 | r0 r1 r2 g1");
    EQUAL(roster_coordinator(s.roster), 0);
    run(&s, "g5", &said);
    SAME(buf_span(&said), "");                          /* it is his now */
    EQUAL(roster_live(s.roster, ROLE_GATEWAY), 2);
    EQUAL(roster_live(s.roster, ROLE_NONE), 5);
    buf_fini(&said), buf_fini(&waits);
    roster_destroy(&s.roster);
}

TEST(roster_takes_over_a_hold)
{
    struct script s = start(1, 2, 0);
    struct buf said = { 0 };
    run(&s, "r0=100 r1 g1=100", &said);
    EQUAL_ERR(follow(&s, 100, ROSTER_ACTIVE, "0", "r0 r1 g1", &said), OK);
    EQUAL_ERR(follow(&s, 200, ROSTER_HOLD, "0 1", "r0 r1 g1", &said), OK);
    run(&s, "-r0", &said);
    SAME(buf_span(&said), "301 hold 1 | r1 g1");
    EQUAL_ERR(follow(&s, 200, ROSTER_ACTIVE, "0 1", "r0 r1 g1", &said), OK);        /* late: an older view */
    EQUAL(roster_view(s.roster), 301);
    CHECK(roster_holding(s.roster));
    buf_fini(&said);
    roster_destroy(&s.roster);
}

TEST(roster_does_not_hold_its_own_stall_against_others)
{
    struct script s = start(0, 1, 0);
    struct buf said = { 0 };
    struct roster_out out;
    run(&s, "r0 g1 g1=200", &said);
    roster_expire(s.roster, s.now += 60000, &out);
    CHECK(!out.send);
    EQUAL(roster_live(s.roster, ROLE_GATEWAY), 1);
    buf_clear(&said);
    s.count = 0;
    run(&s, "+3000", &said);
    SAME(buf_span(&said), "300 active 0 | r0");
    buf_fini(&said);
    roster_destroy(&s.roster);
}

/* ---- three routers, four gateways, a network, and what may happen to them */

enum { ROUTERS = 3, GATEWAYS = 4, ALL = ROUTERS + GATEWAYS, FLYING = 20000 };

struct daemon {
    bool     on;
    uint64_t epoch, next_beat, settle_at, settled;
    enum member_state state;
    struct view   *view;
    struct roster *roster;      /* routers */
};

struct letter { uint64_t at, epoch, number; int from, to; enum msg_type type; struct blob *body; };   /* number: view or SETTLED's */

struct sim {
    struct daemon d[ALL];
    struct letter flying[FLYING];
    size_t   count;
    uint64_t now, dice, epochs, last_at[ALL][ALL];
    struct { uint64_t view; struct owners owners; } active[4096];
    size_t   actives;
};

static uint64_t roll(struct sim *s, uint64_t n)
{
    s->dice ^= s->dice << 13, s->dice ^= s->dice >> 7, s->dice ^= s->dice << 17;
    return (s->dice >> 20) % n;
}

static enum role role_at(int i) { return i < ROUTERS ? ROLE_ROUTER : ROLE_GATEWAY; }
static uint16_t number_at(int i) { return (uint16_t)(i < ROUTERS ? i : i - ROUTERS); }

static void post(struct sim *s, int from, int to, enum msg_type type, uint64_t number, struct span body)
{
    uint64_t at = s->now + 1 + roll(s, 30);
    if (at < s->last_at[from][to]) at = s->last_at[from][to];       /* a link keeps order */
    s->last_at[from][to] = at;
    CHECK(s->count < FLYING);
    s->flying[s->count++] = (struct letter){ at, s->d[from].epoch, number, from, to, type, blob_new(body) };
}

static void take(struct sim *s, int i, const struct msg_ROSTER *roster)
{
    struct daemon *d = &s->d[i];
    enum view_change change;
    uint64_t before = view_number(d->view);
    EQUAL_ERR(view_take(d->view, roster, &change), OK);
    CHECK(view_number(d->view) >= before);
    if (change == VIEW_HOLDING) d->settle_at = s->now + roll(s, 400);
    if (change != VIEW_ACTIVE) return;
    for (size_t k = 0; k < s->actives; k++)         /* one view has the same owners for everybody */
        if (s->active[k].view == view_number(d->view)) {
            CHECK(memcmp(&s->active[k].owners.number, &view_owners(d->view)->number, view_owners(d->view)->count * 2) == 0);
            return;
        }
    CHECK(s->actives < 4096);
    s->active[s->actives].view = view_number(d->view);
    s->active[s->actives++].owners = *view_owners(d->view);
}

/* A view that was held is active: then all who had to settle have done so, or are dead. */
static void check_settled(struct sim *s, const struct msg_ROSTER *roster)
{
    struct span members = roster->members, record;
    while (msg_next_str(&members, &record)) {
        struct msg_MEMBER m;
        EQUAL_ERR(msg_decode_MEMBER(&m, record), OK);
        struct daemon *d = &s->d[m.role == ROLE_ROUTER ? m.number : ROUTERS + m.number];
        struct span owners = roster->owners, text;
        bool owner = false;
        uint64_t number;
        while (m.role == ROLE_ROUTER && msg_next_str(&owners, &text))
            owner |= span_to_uint(text, VIEW_OWNERS_MAX, &number) && number == m.number;
        if ((owner || (m.role == ROLE_GATEWAY && m.state == MEMBER_READY)) && d->on && d->epoch == m.epoch)
            CHECK(d->settled == roster->view);
    }
}

static void spread(struct sim *s, int from, const struct roster_out *out)
{
    if (!out->send) return;
    struct buf body = { 0 };
    if (out->roster.phase == ROSTER_ACTIVE && view_holding(s->d[from].view) && view_number(s->d[from].view) == out->roster.view)
        check_settled(s, &out->roster);
    msg_encode_ROSTER(&body, &out->roster);
    for (int to = 0; to < ALL; to++)
        if (to != from && s->d[to].on) post(s, from, to, MSG_ROSTER, out->roster.view, span_skip(buf_span(&body), MSG_HEAD_BYTES));
    take(s, from, &out->roster);
    buf_fini(&body);
}

static void beat_on(struct sim *s, int i)
{
    struct daemon *d = &s->d[i];
    struct buf body = { 0 };
    msg_encode_MEMBER(&body, &(struct msg_MEMBER){ .role = (uint8_t)role_at(i), .number = number_at(i), .epoch = d->epoch,
        .state = (uint8_t)d->state, .endpoint = SPAN(""), .public = SPAN("") });
    for (int to = 0; to < ROUTERS; to++) post(s, i, to, MSG_BEAT, view_number(d->view), buf_span(&body));
    buf_fini(&body);
    d->next_beat = s->now + BEAT;
}

static void bear(struct sim *s, int i)
{
    struct daemon *d = &s->d[i];
    *d = (struct daemon){ .on = true, .epoch = ++s->epochs, .state = MEMBER_READY, .view = view_new() };
    if (i < ROUTERS) d->roster = roster_new(&(struct roster_options){ .number = (uint16_t)i, .routers = ROUTERS,
        .beat_timeout_ms = TIMEOUT, .grace_ms = GRACE, .hold_ms = 10000 }, s->now);
    d->state = roll(s, 2) ? MEMBER_READY : MEMBER_STARTING;
    beat_on(s, i);
}

static void die(struct sim *s, int i)
{
    s->d[i].on = false;
    view_destroy(&s->d[i].view);
    roster_destroy(&s->d[i].roster);
}

static void arrive(struct sim *s, struct letter *l)
{
    struct daemon *d = &s->d[l->to];
    if (!d->on) return;
    struct roster_out out = { 0 };
    struct span body = blob_span(l->body);
    struct msg_MEMBER m;
    struct msg_ROSTER roster;
    switch ((unsigned)l->type) {
    case MSG_BEAT:
        EQUAL_ERR(msg_decode_MEMBER(&m, body), OK);
        (void)roster_on_beat(d->roster, &m, l->number, s->now, &out);
        break;
    case MSG_BYE:
        (void)roster_on_bye(d->roster, body, s->now, &out);
        break;
    case MSG_SETTLED:
        if (l->epoch == s->d[l->from].epoch) (void)roster_on_settled(d->roster, role_at(l->from), number_at(l->from), l->number, s->now, &out);
        break;
    default:
        EQUAL_ERR(msg_decode_ROSTER(&roster, body), OK);
        take(s, l->to, &roster);
        if (d->roster) EQUAL_ERR(roster_on_roster(d->roster, &roster, s->now, &out), OK);
    }
    spread(s, l->to, &out);
}

static void move_on(struct sim *s)
{
    s->now += 5;
    for (size_t i = 0; i < s->count;) {
        if (s->flying[i].at > s->now) { i++; continue; }
        struct letter l = s->flying[i];
        memmove(&s->flying[i], &s->flying[i + 1], (--s->count - i) * sizeof l);
        arrive(s, &l);
        blob_drop(&l.body);
    }
    for (int i = 0; i < ALL; i++) {
        struct daemon *d = &s->d[i];
        if (!d->on) continue;
        struct roster_out out = { 0 };
        if (d->roster && roster_deadline(d->roster) <= s->now) roster_expire(d->roster, s->now, &out), spread(s, i, &out);
        if (s->now >= d->next_beat) beat_on(s, i);
        if (d->settle_at && s->now >= d->settle_at) {
            d->settle_at = 0;
            if (!view_holding(d->view)) continue;
            d->settled = view_number(d->view);
            post(s, i, (int)(d->settled % ROSTER_COORDINATORS), MSG_SETTLED, d->settled, SPAN(""));
        }
    }
}

static void befall(struct sim *s)
{
    int i = (int)roll(s, ALL);
    struct daemon *d = &s->d[i];
    uint64_t what = roll(s, 6);
    if (!d->on) {
        bear(s, i);
    } else if (what < 2) {
        die(s, i);
        if (what == 0) bear(s, i);              /* so fast that nobody heard a silence */
    } else if (what == 2) {
        struct buf id = { 0 };
        member_id_encode(&id, role_at(i), number_at(i));
        for (int to = 0; to < ROUTERS; to++) post(s, i, to, MSG_BYE, 0, buf_span(&id));
        buf_fini(&id);
        die(s, i);
    } else {
        d->state = what == 3 ? MEMBER_DRAINING : MEMBER_READY;
        beat_on(s, i);
    }
}

static void check_converged(struct sim *s)
{
    uint64_t view = 0;
    size_t live = 0, ready = 0;
    for (int i = 0; i < ALL; i++) {
        if (!s->d[i].on) continue;
        live++;
        ready += i < ROUTERS && s->d[i].state == MEMBER_READY;
        if (!view) view = view_number(s->d[i].view);
    }
    for (int i = 0; i < ALL; i++) {
        const struct daemon *d = &s->d[i];
        if (!d->on) continue;
        EQUAL(view_number(d->view), view);
        CHECK(!view_holding(d->view));
        EQUAL(view_count(d->view), live);
        EQUAL(view_owners(d->view)->count, ready);
        for (int k = 0; k < ALL; k++) {
            const struct member *m = view_find(d->view, role_at(k), number_at(k));
            CHECK((m != NULL) == s->d[k].on && (!m || (m->epoch == s->d[k].epoch && m->state == s->d[k].state)));
        }
        for (size_t k = 0; k < view_owners(d->view)->count; k++) CHECK(s->d[view_owners(d->view)->number[k]].state == MEMBER_READY);
        if (d->roster) EQUAL(roster_view(d->roster), view);
        if (d->roster) EQUAL(roster_coordinator(d->roster), view_owners(d->view)->number[0]);
    }
}

TEST(roster_views_converge_through_restarts)
{
    static struct sim s;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        s = (struct sim){ .dice = seed * 0x9e3779b97f4a7c15, .now = 1000000 };
        for (int i = 0; i < ALL; i++) bear(&s, i);
        for (int round = 0; round < 6; round++) {
            for (uint64_t n = roll(&s, 12); n > 0; n--) {
                befall(&s);
                for (uint64_t end = s.now + (roll(&s, 3) ? roll(&s, 600) : roll(&s, 6000)); s.now < end;) move_on(&s);
            }
            for (int i = 0; i < ALL; i++)       /* then peace; at least one router is ready */
                if (s.d[i].on && (s.d[i].state == MEMBER_STARTING || i == 1)) s.d[i].state = MEMBER_READY;
            if (!s.d[1].on) bear(&s, 1), s.d[1].state = MEMBER_READY;
            for (uint64_t end = s.now + 30000; s.now < end;) move_on(&s);
            check_converged(&s);
            uint64_t view = view_number(s.d[1].view);
            for (uint64_t end = s.now + 10000; s.now < end;) move_on(&s);
            EQUAL(view_number(s.d[1].view), view);      /* and stay so */
        }
        for (int i = 0; i < ALL; i++) if (s.d[i].on) die(&s, i);
        while (s.count) blob_drop(&s.flying[--s.count].body);
    }
}
