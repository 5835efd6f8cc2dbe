#include "permits.h"

#include <stdlib.h>

struct permit {
    struct wheel_timer timer;
    struct quota_limit limit;       /* as the rule has it */
    struct quota    quota;          /* what was used here: as long as it counts, or may be told */
    struct permit_wait *waits, **waits_end;
    uint64_t        good_until;     /* what is held; a fixed window: its end */
    uint64_t        refused_until, reset;   /* mono; Unix ms */
    uint64_t        asked, give_up; /* mono: of the question that is open, 0: none is; when those who wait are refused, 0: nobody waits */
    uint64_t        epoch;          /* of the presence that was asked, or told: its life */
    uint32_t        held, fresh;    /* permits unused; used and not told yet */
    uint32_t        low;            /* so few left: more is asked for */
    uint32_t        wanted, waiting;    /* by the question that is open; in the row */
    uint32_t        turn;
    uint16_t        presence;
    uint16_t        user_len, key_len, event_len;
    bool            counted;        /* a limit of this gateway alone */
    char            text[];         /* user NUL key event */
};

static struct span user_of(const struct permit *p) { return span_from(p->text, p->user_len); }
static struct span key_of(const struct permit *p) { return span_from(p->text + p->user_len + 1, p->key_len); }
static struct span event_of(const struct permit *p) { return span_from(p->text + p->user_len + 1 + p->key_len, p->event_len); }
static struct span id_of(const void *value)
{
    const struct permit *p = value;
    return span_from(p->text, (size_t)p->user_len + 1 + p->key_len);
}

/* ---- the table */

void permits_init(struct permits *self, const struct permits_options *o, uint64_t mono)
{
    *self = (struct permits){ .effects = o->effects, .hooks = o->hooks, .max = o->max, .wait_ms = o->wait_ms, .born = mono };
    map_init(&self->by_key, o->seed, id_of);
    wheel_init(&self->wheel, 0, mono);
    self->decided_end = &self->decided;
}

static void destroy(struct permits *self, struct permit *p)
{
    wheel_cancel(&self->wheel, &p->timer);
    (void)map_drop(&self->by_key, id_of(p));
    self->held -= p->held, self->waiting -= p->waiting;
    for (struct permit_wait *w = p->waits; w; w = w->next) w->permit = NULL;
    self->bytes -= sizeof *p + p->user_len + p->key_len + p->event_len + 1U;
    quota_fini(&p->quota);
    free(p);
}

void permits_fini(struct permits *self)
{
    struct map_walk walk = { 0 };
    for (struct permit *p; (p = map_next(&self->by_key, &walk)); ) destroy(self, p);
    map_fini(&self->by_key);
    buf_fini(&self->scratch), buf_fini(&self->key), buf_fini(&self->uses);
}

static struct permit *find(struct permits *self, struct span user, struct span key)
{
    buf_clear(&self->key);
    buf_add(&self->key, user), buf_add_byte(&self->key, 0), buf_add(&self->key, key);
    return map_find(&self->by_key, buf_span(&self->key));
}

static struct permit *need(struct permits *self, const struct permits_ask *a)
{
    struct permit *p = find(self, a->user, a->key);
    if (p || self->by_key.count >= self->max) return p;
    size_t n = a->user.len + 1 + a->key.len + a->event.len;
    p = calloc(1, sizeof *p + n);
    NEED(p && a->user.len <= UINT16_MAX && a->key.len <= UINT16_MAX && a->event.len <= UINT16_MAX);
    p->user_len = (uint16_t)a->user.len, p->key_len = (uint16_t)a->key.len, p->event_len = (uint16_t)a->event.len;
    if (a->user.len) memcpy(p->text, a->user.ptr, a->user.len);
    memcpy(p->text + a->user.len + 1, a->key.ptr, a->key.len);
    if (a->event.len) memcpy(p->text + a->user.len + 1 + a->key.len, a->event.ptr, a->event.len);
    p->waits_end = &p->waits;
    p->limit = a->limit;
    p->counted = a->user.len == 0;
    self->bytes += sizeof *p + n;
    (void)map_put(&self->by_key, id_of(p), p);
    return p;
}

/* ---- what was used */

/* A bucket's uses are told by their times: presence alone knows what has come back of them all. */
static struct quota_limit kept_as(const struct permit *p)
{
    struct quota_limit l = p->limit;
    if (l.kind == QUOTA_BUCKET && !p->counted) l.kind = QUOTA_SLIDING;
    return l;
}

static uint32_t used(struct permit *p, uint64_t mono)
{
    struct quota_limit l = kept_as(p);
    return quota_used(&p->quota, &l, mono);
}

static void hold(struct permits *self, struct permit *p, uint32_t held)
{
    self->held = self->held - p->held + held;
    p->held = held;
}

/* ---- said to presence */

static void say(struct permits *self, struct permit *p, struct msg_LIMIT_SAY *m, uint32_t count, uint64_t mono)
{
    struct quota_limit l = kept_as(p);
    buf_clear(&self->uses);
    quota_tell(&p->quota, &l, mono, count, &self->uses);
    m->user = user_of(p), m->key = key_of(p), m->event = event_of(p);
    m->count = p->limit.count, m->window = p->limit.window_ms, m->kind = p->limit.kind;
    m->turn = p->turn, m->used = p->fresh, m->uses = buf_span(&self->uses);
    p->fresh = 0;
    msg_encode_LIMIT_SAY(&self->scratch, m);
    effects_add_buf(self->effects, ROLE_PRESENCE, p->presence, MSG_LIMIT_SAY, &self->scratch, 0);
}

static void give_back(struct permits *self, struct permit *p, bool recalled, uint64_t mono)
{
    uint32_t back = p->held;
    if (!back && !p->fresh && !recalled) return;
    hold(self, p, 0);
    if (p->epoch) say(self, p, &(struct msg_LIMIT_SAY){ .how = LIMIT_GIVE, .back = back, .recalled = recalled }, p->fresh, mono);
}

static void tell(struct permits *self, struct permit *p, enum limit_say how, uint64_t mono)
{
    uint64_t left = p->limit.kind == QUOTA_FIXED && p->good_until > mono ? p->good_until - mono : 0;
    uint32_t all = used(p, mono);
    if (!all && !p->held && !p->fresh) return;
    say(self, p, &(struct msg_LIMIT_SAY){ .how = (uint8_t)how, .back = p->held, .left = (uint32_t)left }, all, mono);
}

static void want(struct permits *self, struct permit *p, uint64_t mono)
{
    if (p->asked || !p->epoch) return;
    p->asked = mono ? mono : 1;
    p->wanted = p->waiting;
    self->asked++;
    say(self, p, &(struct msg_LIMIT_SAY){ .how = LIMIT_WANT, .asked = p->asked, .want = p->wanted }, p->fresh, mono);
}

/* Who owns it now; a new one has to hear what there is before it is asked. */
static void find_owner(struct permits *self, struct permit *p, uint64_t mono)
{
    uint16_t presence;
    uint64_t epoch;
    if (p->counted) return;
    if (!self->hooks.owner(self->hooks.self, user_of(p), &presence, &epoch)) {
        p->epoch = 0, p->asked = 0;
        if (!self->nobody_since) self->nobody_since = mono;
        return;
    }
    self->nobody_since = 0;
    if (p->presence == presence && p->epoch == epoch) return;
    p->presence = presence, p->epoch = epoch, p->asked = 0;
    if (p->refused_until && !p->reset) p->refused_until = 0;     /* that was for want of an owner */
    tell(self, p, LIMIT_TELL, mono);
}

/* ---- time */

static void arm(struct permits *self, struct permit *p, uint64_t mono)
{
    struct quota_limit l = kept_as(p);
    uint64_t at = quota_clears_at(&p->quota, &l);
    if (p->held && p->good_until < at) at = p->good_until;
    if (p->held && !at) at = p->good_until;
    if (!at && p->refused_until > mono) at = p->refused_until;
    if (p->waits && (!at || p->give_up < at)) at = p->give_up;
    if (!at && p->asked) at = mono + self->wait_ms;
    if (!at) destroy(self, p);
    else wheel_set(&self->wheel, &p->timer, at > mono ? at : mono + 1);
}

/* What is over: a fixed window with all in it; of the others, permits that nobody used in time. */
static void refresh(struct permits *self, struct permit *p, uint64_t mono)
{
    if (p->refused_until && p->refused_until <= mono) p->refused_until = p->reset = 0;
    if (p->good_until && p->good_until <= mono) {
        p->good_until = 0;
        if (p->limit.kind != QUOTA_FIXED) give_back(self, p, false, mono);
        else hold(self, p, 0), p->fresh = 0, quota_clear(&p->quota);
    }
    (void)used(p, mono);
}

/* ---- taking */

/* Not known where nobody could be asked: then a window later. */
static uint64_t reset_of(const struct permit *p, struct permits_time now)
{
    if (p->reset) return p->reset;
    return now.wall + (p->limit.kind == QUOTA_FIXED && p->good_until > now.mono ? p->good_until - now.mono : p->limit.window_ms);
}

static void decide(struct permits *self, struct permit *p, bool yes, struct permits_time now)
{
    struct permit_wait *w = p->waits;
    p->waits = w->next;
    if (!p->waits) p->waits_end = &p->waits, p->give_up = 0;
    p->waiting--, self->waiting--;
    *w = (struct permit_wait){ .permit = p, .yes = yes, .reset = yes ? 0 : reset_of(p, now) };      /* decided, and not yet taken note of */
    *self->decided_end = w;
    self->decided_end = &w->next;
}

static void use(struct permits *self, struct permit *p, uint64_t mono)
{
    struct quota_limit l = kept_as(p);
    hold(self, p, p->held - 1);
    p->fresh++;
    if (l.kind == QUOTA_FIXED && !p->quota.until) p->quota.until = p->good_until;
    quota_add(&p->quota, &l, mono, 1);
    if (p->held <= p->low) want(self, p, mono);
}

static enum permits_answer take_counted(struct permits *self, struct permit *p, struct permits_time now, uint64_t *reset)
{
    if (quota_take(&p->quota, &p->limit, now.mono)) {
        arm(self, p, now.mono);
        return PERMITS_YES;
    }
    *reset = now.wall + (quota_frees_at(&p->quota, &p->limit) - now.mono);
    return PERMITS_NO;
}

void permits_wait(struct permits *self, struct permit *p, struct permit_wait *wait, struct permits_time now)
{
    *wait = (struct permit_wait){ .permit = p };
    *p->waits_end = wait;
    p->waits_end = &wait->next;
    p->waiting++, self->waiting++;
    if (!p->give_up) p->give_up = now.mono + self->wait_ms;
    want(self, p, now.mono);
    arm(self, p, now.mono);
}

enum permits_answer permits_take(struct permits *self, const struct permits_ask *a, struct permits_time now, uint64_t *reset, struct permit **permit)
{
    struct permit *p = need(self, a);
    if (!p) {
        self->full++;
        *reset = now.wall + a->limit.window_ms;
        return PERMITS_NO;
    }
    if (p->limit.kind != a->limit.kind || p->limit.window_ms != a->limit.window_ms) p->quota.until = 0, p->quota.count = 0;
    p->limit = a->limit;
    if (p->counted) return take_counted(self, p, now, reset);
    refresh(self, p, now.mono);
    if (!p->epoch) find_owner(self, p, now.mono);
    bool alone = !p->epoch && self->nobody_since + self->wait_ms <= now.mono;
    if (p->held && !p->waits) {
        use(self, p, now.mono);
        arm(self, p, now.mono);
        return PERMITS_YES;
    }
    if ((p->refused_until || alone) && !p->waits) {
        *reset = reset_of(p, now);
        self->alone += alone;
        arm(self, p, now.mono);
        return PERMITS_NO;
    }
    *permit = p;
    return PERMITS_WAIT;
}

struct permit_wait *permits_decided(struct permits *self)
{
    struct permit_wait *w = self->decided;
    if (!w) return NULL;
    self->decided = w->next;
    if (!self->decided) self->decided_end = &self->decided;
    w->next = NULL, w->permit = NULL;
    return w;
}

static bool cut_out(struct permit_wait **at, struct permit_wait ***end, struct permit_wait *wait)
{
    while (*at && *at != wait) at = &(*at)->next;
    if (!*at) return false;
    *at = wait->next;
    if (*end == &wait->next) *end = at;
    return true;
}

void permits_forget(struct permits *self, struct permit_wait *wait)
{
    struct permit *p = wait->permit;
    if (!p) return;
    if (!cut_out(&self->decided, &self->decided_end, wait) && cut_out(&p->waits, &p->waits_end, wait)) {
        p->waiting--, self->waiting--;
        if (!p->waits) p->give_up = 0;
    }
    *wait = (struct permit_wait){ 0 };
}

/* ---- granted, recalled */

/* In order: those for whom there is one; where it was the last, the others of that question; then the rest asks. */
static void serve(struct permits *self, struct permit *p, uint32_t refused, struct permits_time now)
{
    while (p->waits && p->held) use(self, p, now.mono), decide(self, p, true, now);
    while (p->waits && refused--) decide(self, p, false, now);
    while (p->waits && p->refused_until > now.mono) decide(self, p, false, now);
    if (p->waits) want(self, p, now.mono);
    arm(self, p, now.mono);
}

void permits_on_grant(struct permits *self, uint16_t presence, uint64_t epoch, const struct msg_LIMIT_GRANT *m, struct permits_time now)
{
    struct permit *p = find(self, m->user, m->key);
    if (!p || p->presence != presence || p->epoch != epoch) return;     /* of somebody who owns it no more: worth nothing, and not counted by the new one */
    if (m->asked < self->born || m->asked > now.mono) return;           /* by a life of ours before this one */
    refresh(self, p, now.mono);
    uint32_t wanted = p->asked == m->asked ? p->wanted : 0;
    if (p->asked == m->asked) p->asked = 0;
    if (m->turn != p->turn && p->limit.kind == QUOTA_FIXED) hold(self, p, 0), p->fresh = 0, quota_clear(&p->quota), p->good_until = 0;
    p->turn = m->turn;
    uint64_t good = m->asked + m->left;
    if (m->permits && good > now.mono) {
        hold(self, p, p->held + m->permits);
        if (p->limit.kind != QUOTA_FIXED && p->held > m->permits) { if (good < p->good_until) p->good_until = good; }
        else p->good_until = good > p->good_until ? good : p->good_until;
        if (p->limit.kind == QUOTA_FIXED && p->quota.until) p->quota.until = p->good_until;
        p->low = m->permits / 2;
        p->refused_until = p->reset = 0;
    } else if (m->permits && p->limit.kind != QUOTA_FIXED) {
        hold(self, p, p->held + m->permits);        /* come too late to be used */
        give_back(self, p, false, now.mono);
    }
    uint32_t refused = m->last && wanted > m->permits ? wanted - m->permits : 0;
    if (m->last) p->refused_until = m->asked + m->frees, p->reset = m->reset;
    serve(self, p, refused, now);
}

void permits_on_recall(struct permits *self, uint16_t presence, uint64_t epoch, const struct msg_LIMIT_RECALL *m, struct permits_time now)
{
    struct permit *p = find(self, m->user, m->key);
    self->recalled++;
    if (!p) {
        msg_encode_LIMIT_SAY(&self->scratch, &(struct msg_LIMIT_SAY){ .how = LIMIT_GIVE, .user = m->user, .key = m->key, .recalled = 1 });
        effects_add_buf(self->effects, ROLE_PRESENCE, presence, MSG_LIMIT_SAY, &self->scratch, 0);
        return;
    }
    if (p->presence != presence || p->epoch != epoch) return;
    refresh(self, p, now.mono);
    if (m->forget) {
        hold(self, p, 0);
        p->fresh = 0, p->good_until = p->refused_until = p->reset = 0;
        quota_clear(&p->quota);
    } else {
        give_back(self, p, true, now.mono);
    }
    arm(self, p, now.mono);
}

/* ---- owners, time */

void permits_view(struct permits *self, struct permits_time now)
{
    struct map_walk walk = { 0 };
    for (struct permit *p; (p = map_next(&self->by_key, &walk)); ) {
        refresh(self, p, now.mono);
        find_owner(self, p, now.mono);
        if (p->waits) want(self, p, now.mono);
    }
}

void permits_tell(struct permits *self, uint16_t presence, uint64_t epoch, struct permits_time now)
{
    struct map_walk walk = { 0 };
    for (struct permit *p; (p = map_next(&self->by_key, &walk)); ) {
        if (p->counted || !p->epoch || p->presence != presence) continue;
        refresh(self, p, now.mono);
        enum limit_say how = p->epoch == epoch ? LIMIT_AGAIN : LIMIT_TELL;
        p->epoch = epoch;
        tell(self, p, how, now.mono);
        p->asked = 0;
        if (p->waits) want(self, p, now.mono);
    }
}

void permits_on_time(struct permits *self, struct permits_time now)
{
    for (struct wheel_timer *t; (t = wheel_expire(&self->wheel, now.mono)); ) {
        struct permit *p = WHEEL_OWNER(t, struct permit, timer);
        refresh(self, p, now.mono);
        if (p->waits && p->give_up <= now.mono) {
            p->asked = 0;
            p->refused_until = now.mono + PERMITS_ALONE_MS, p->reset = 0;
            while (p->waits) self->alone++, decide(self, p, false, now);
        }
        if (p->asked && p->asked + self->wait_ms <= now.mono) p->asked = 0;
        arm(self, p, now.mono);
    }
}

uint64_t permits_deadline(const struct permits *self) { return wheel_deadline(&self->wheel); }
size_t permits_bytes(const struct permits *self) { return self->bytes + map_bytes(&self->by_key); }
