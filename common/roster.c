#include "roster.h"
#include "crowd.h"

#include <stdlib.h>

#define NEVER UINT64_MAX

struct roster {
    struct roster_options o;
    struct crowd  crowd;
    struct view  *view;             /* decided here or taken from another router */
    uint64_t      epoch_of[VIEW_OWNERS_MAX];    /* the settled owners' lives; 0: not known */
    uint64_t      top;              /* highest view seen anywhere */
    uint64_t      born, seen;       /* when: made; the last event */
    uint64_t      held_at, sent_at; /* when the present view came; was last sent */
    uint64_t      ahead_at;         /* since when somebody has a higher view than we; NEVER */
    struct crowd_news news;         /* since the present view was decided */
    struct buf    owners, before, members;      /* of roster_out */
};

struct roster *roster_new(const struct roster_options *options, uint64_t now)
{
    NEED(options->number < VIEW_OWNERS_MAX && options->beat_timeout_ms);
    struct roster *self = calloc(1, sizeof *self);
    NEED(self);
    self->o = *options;
    self->view = view_new();
    self->born = self->seen = now;
    self->ahead_at = NEVER;
    return self;
}

void roster_destroy(struct roster **self)
{
    if (!*self) return;
    crowd_fini(&(*self)->crowd);
    view_destroy(&(*self)->view);
    buf_fini(&(*self)->owners), buf_fini(&(*self)->before), buf_fini(&(*self)->members);
    free(*self);
    *self = NULL;
}

/* ---- who leads */

static bool topology_there(const struct roster *self)
{
    for (uint16_t i = 0; i < self->o.routers; i++) {
        const struct one *o = crowd_find(&self->crowd, ROLE_ROUTER, i);
        if (!o || !o->live || o->state != MEMBER_READY) return false;
    }
    return true;
}

static bool may_begin(const struct roster *self)
{
    return self->seen >= self->born + self->o.grace_ms || topology_there(self);
}

/* How fit to lead: less is better. */
enum { READY_INFORMED, DRAINING_INFORMED, STARTING_INFORMED, READY_ONLY, UNFIT };

static int fitness(const struct roster *self, const struct one *o)
{
    static const int informed[] = {
        [MEMBER_READY] = READY_INFORMED, [MEMBER_DRAINING] = DRAINING_INFORMED, [MEMBER_STARTING] = STARTING_INFORMED };
    bool has_view = o->number == self->o.number ? view_number(self->view) > 0 : o->view > 0;
    if (has_view) return informed[o->state];
    return o->state == MEMBER_READY && may_begin(self) ? READY_ONLY : UNFIT;
}

/* Who began a hold ends it, if that life of it lives. */
static bool lives_on(const struct roster *self, uint16_t maker)
{
    const struct one *o = crowd_find(&self->crowd, ROLE_ROUTER, maker);
    const struct member *m = view_find(self->view, ROLE_ROUTER, maker);
    return o && o->live && m && m->epoch == o->epoch;
}

uint16_t roster_coordinator(const struct roster *self)
{
    uint16_t maker = (uint16_t)(view_number(self->view) % ROSTER_COORDINATORS);
    if (view_holding(self->view) && lives_on(self, maker)) return maker;

    int best = UNFIT;
    uint16_t leader = RANK_NOBODY;
    for (size_t i = 0; i < self->crowd.count; i++) {
        const struct one *o = &self->crowd.all[i];
        if (o->role != ROLE_ROUTER || !o->live) continue;
        int his = fitness(self, o);
        if (his < best) best = his, leader = o->number;     /* ascending: the lowest of the fittest */
    }
    return leader;
}

/* ---- who owns */

static bool restarted(const struct roster *self, const struct one *o)
{
    uint64_t before = self->epoch_of[o->number];
    return before && before != o->epoch;
}

static void collect(const struct roster *self, struct owners *owners, enum member_state state, bool newborn)
{
    if (owners->count) return;
    for (size_t i = 0; i < self->crowd.count && owners->count < VIEW_OWNERS_MAX; i++) {
        const struct one *o = &self->crowd.all[i];
        if (o->role == ROLE_ROUTER && o->live && o->state == state && (newborn || !restarted(self, o)))
            owners->number[owners->count++] = o->number;
    }
}

/* READY routers. One that came back so fast that its death went unnoticed is left
 * out for one view: its rooms go to their standbys first, and it begins empty. */
static struct owners owners_now(const struct roster *self)
{
    struct owners owners = { .count = 0 };
    collect(self, &owners, MEMBER_READY, false);
    collect(self, &owners, MEMBER_DRAINING, false);
    collect(self, &owners, MEMBER_READY, true);
    collect(self, &owners, MEMBER_DRAINING, true);
    return owners;
}

static bool owns(const struct owners *owners, uint16_t number)
{
    for (size_t i = 0; i < owners->count; i++)
        if (owners->number[i] == number) return true;
    return false;
}

static bool same_owners(const struct owners *a, const struct owners *b)
{
    return a->count == b->count && memcmp(a->number, b->number, a->count * sizeof a->number[0]) == 0;
}

/* ---- taking and making rosters */

static void forget_hold(struct roster *self)
{
    for (size_t i = 0; i < self->crowd.count; i++) self->crowd.all[i].held = self->crowd.all[i].awaited = false;
}

static void taken(struct roster *self)
{
    if (self->top < view_number(self->view)) self->top = view_number(self->view);
    self->held_at = self->sent_at = self->seen;
    self->ahead_at = NEVER;
    forget_hold(self);
    if (view_holding(self->view)) return;
    const struct owners *owners = view_owners(self->view);
    memset(self->epoch_of, 0, sizeof self->epoch_of);
    for (size_t i = 0; i < owners->count; i++) {
        const struct member *m = view_find(self->view, ROLE_ROUTER, owners->number[i]);
        if (m && m->number < VIEW_OWNERS_MAX) self->epoch_of[m->number] = m->epoch;
    }
}

static void list_owners(struct buf *strs, const struct owners *owners)
{
    struct buf text = { 0 };
    buf_clear(strs);
    for (size_t i = 0; i < owners->count; i++) {
        buf_clear(&text);
        buf_add_uint(&text, owners->number[i]);
        msg_add_str(strs, buf_span(&text));
    }
    buf_fini(&text);
}

static void list_members(struct buf *strs, const struct view *view)
{
    struct buf record = { 0 };
    buf_clear(strs);
    for (size_t i = 0; i < view_count(view); i++) {
        const struct member *m = view_member(view, i);
        buf_clear(&record);
        msg_encode_MEMBER(&record, &(struct msg_MEMBER){
            .role = (uint8_t)m->role, .number = m->number, .epoch = m->epoch, .state = (uint8_t)m->state,
            .endpoint = span_of(m->endpoint), .version = m->version, .pid = m->pid, .load = m->load,
            .public = span_of(m->public) });
        msg_add_str(strs, buf_span(&record));
    }
    buf_fini(&record);
}

static void send(struct roster *self, uint64_t number, enum roster_phase phase, struct roster_out *out)
{
    enum view_change change;
    list_owners(&self->before, view_owners(self->view));
    out->send = true;
    out->roster = (struct msg_ROSTER){
        .view = number, .phase = (uint8_t)phase, .settled = view_settled(self->view),
        .owners = buf_span(&self->owners), .members = buf_span(&self->members), .before = buf_span(&self->before),
    };
    NEED(view_take(self->view, &out->roster, &change) == OK);
    self->sent_at = self->seen;
}

/* The present view once more: as it is, or active at last. */
static void send_again(struct roster *self, enum roster_phase phase, struct roster_out *out)
{
    struct owners coming = *view_coming(self->view);
    list_owners(&self->owners, &coming);
    list_members(&self->members, self->view);
    send(self, view_number(self->view), phase, out);
}

static void decide(struct roster *self, const struct owners *owners, enum roster_phase phase, struct roster_out *out)
{
    list_owners(&self->owners, owners);
    buf_clear(&self->members);
    crowd_list(&self->crowd, &self->members);
    uint64_t round = self->top / ROSTER_COORDINATORS + 1;
    send(self, round * ROSTER_COORDINATORS + self->o.number, phase, out);
    taken(self);
    self->news = (struct crowd_news){ 0 };
    for (size_t i = 0; i < self->crowd.count && phase == ROSTER_HOLD; i++) {
        struct one *o = &self->crowd.all[i];
        /* each router and gateway fences, so none may die unnoticed; the owners and those with clients say SETTLED */
        o->held = o->live && (o->role == ROLE_ROUTER || o->role == ROLE_GATEWAY);
        o->awaited = o->held && (o->role == ROLE_ROUTER ? owns(owners, o->number) : o->state == MEMBER_READY);
    }
}

/* ---- deciding */

static bool passed(uint64_t since, uint64_t ms, uint64_t now)
{
    return since != NEVER && now >= since + ms;
}

static bool settled(const struct roster *self)
{
    for (size_t i = 0; i < self->crowd.count; i++)
        if (self->crowd.all[i].awaited) return false;
    return true;
}

/* Somebody in the view has not taken it for long: the message went down with a link. */
static bool lagging(const struct roster *self)
{
    for (size_t i = 0; i < self->crowd.count; i++) {
        const struct one *o = &self->crowd.all[i];
        bool self_entry = o->role == ROLE_ROUTER && o->number == self->o.number;
        if (o->live && !self_entry && o->view < view_number(self->view)) return true;
    }
    return false;
}

static bool leading(const struct roster *self)
{
    return roster_coordinator(self) == self->o.number;
}

static void act(struct roster *self, struct roster_out *out)
{
    uint64_t timeout = self->o.beat_timeout_ms, now = self->seen;
    if (self->top <= view_number(self->view)) self->ahead_at = NEVER;
    else if (self->ahead_at == NEVER) self->ahead_at = now;
    if (!leading(self)) return;

    bool overtaken = passed(self->ahead_at, timeout, now), holding = view_holding(self->view);
    bool ours = view_number(self->view) % ROSTER_COORDINATORS == self->o.number;
    if (holding && ours && !overtaken && !self->news.held_died &&
        !(self->o.hold_ms && passed(self->held_at, self->o.hold_ms, now))) {
        if (!settled(self)) return;
        send_again(self, ROSTER_ACTIVE, out);
        taken(self);
        self->news.members = true;      /* what has waited is looked at next */
        return;
    }
    if (holding || overtaken || self->news.members || view_number(self->view) == 0) {
        struct owners owners = owners_now(self);
        bool first = self->top == 0, moves = !same_owners(&owners, view_owners(self->view));
        if (moves && !first) decide(self, &owners, ROSTER_HOLD, out);
        else if (moves || holding || overtaken || !crowd_same(&self->crowd, self->view)) decide(self, &owners, ROSTER_ACTIVE, out);
        self->news.members = false;
    }
    if (!out->send && passed(self->sent_at, timeout, now) && lagging(self)) send_again(self, ROSTER_ACTIVE, out);
}

/* Time that passed without any event is ours, a stall: it is not held against others. */
static void at(struct roster *self, uint64_t now, struct roster_out *out)
{
    uint64_t timeout = self->o.beat_timeout_ms, gap = now > self->seen ? now - self->seen : 0;
    for (size_t i = 0; i < self->crowd.count && gap > timeout / 2; i++) self->crowd.all[i].heard += gap;
    if (now > self->seen) self->seen = now;
    const struct one *me = crowd_find(&self->crowd, ROLE_ROUTER, self->o.number);
    if (self->seen >= timeout) crowd_silence(&self->crowd, self->seen - timeout + 1, me, &self->news);
    *out = (struct roster_out){ .send = false };
}

/* ---- events */

enum err roster_on_beat(struct roster *self, const struct msg_MEMBER *member, uint64_t view, uint64_t now, struct roster_out *out)
{
    at(self, now, out);
    enum err e = crowd_on_beat(&self->crowd, member, view, self->seen, &self->news);
    if (e == OK && view > self->top) self->top = view;
    act(self, out);
    return e;
}

enum err roster_on_bye(struct roster *self, struct span id, uint64_t now, struct roster_out *out)
{
    at(self, now, out);
    enum err e = crowd_on_bye(&self->crowd, id, &self->news);
    act(self, out);
    return e;
}

enum err roster_on_roster(struct roster *self, const struct msg_ROSTER *roster, uint64_t now, struct roster_out *out)
{
    at(self, now, out);
    enum view_change change;
    enum err e = view_take(self->view, roster, &change);
    if (e == OK && change != VIEW_SAME) {
        taken(self);
        self->news = (struct crowd_news){ .members = true };
    }
    act(self, out);
    return e;
}

enum err roster_on_settled(struct roster *self, enum role role, uint16_t number, uint64_t view, uint64_t now, struct roster_out *out)
{
    at(self, now, out);
    struct one *o = crowd_find(&self->crowd, role, number);
    bool ours = view_holding(self->view) && view == view_number(self->view) && o && o->awaited;
    if (ours) o->awaited = false;
    act(self, out);
    return ours ? OK : ERR_GONE;
}

void roster_expire(struct roster *self, uint64_t now, struct roster_out *out)
{
    at(self, now, out);
    act(self, out);
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t roster_deadline(const struct roster *self)
{
    uint64_t timeout = self->o.beat_timeout_ms, when = self->seen + timeout / 4;    /* often, so that a stall shows */
    for (size_t i = 0; i < self->crowd.count; i++) {
        const struct one *o = &self->crowd.all[i];
        if (o->live && o->heard + timeout > self->seen) when = sooner(when, o->heard + timeout);
    }
    uint64_t grace = self->born + self->o.grace_ms;
    if (view_number(self->view) == 0 && grace > self->seen) when = sooner(when, grace);
    if (!leading(self) || view_number(self->view) == 0) return when;
    if (!view_holding(self->view) && self->news.members) return self->seen;
    if (view_holding(self->view) && self->o.hold_ms) when = sooner(when, self->held_at + self->o.hold_ms);
    if (self->ahead_at != NEVER) when = sooner(when, self->ahead_at + timeout);
    return when;
}

/* ---- what it knows */

uint64_t roster_view(const struct roster *self)
{
    return view_number(self->view);
}

bool roster_holding(const struct roster *self)
{
    return view_holding(self->view);
}

void roster_unsettled(const struct roster *self, struct buf *strs)
{
    struct buf id = { 0 };
    for (size_t i = 0; i < self->crowd.count; i++) {
        const struct one *o = &self->crowd.all[i];
        if (!o->awaited) continue;
        buf_clear(&id);
        member_id_encode(&id, o->role, o->number);
        msg_add_str(strs, buf_span(&id));
    }
    buf_fini(&id);
}

size_t roster_live(const struct roster *self, enum role role)
{
    size_t count = 0;
    for (size_t i = 0; i < self->crowd.count; i++)
        count += self->crowd.all[i].live && (role == ROLE_NONE || self->crowd.all[i].role == role);
    return count;
}
