#include "supervise.h"

#include <stdlib.h>

struct supervise {
    struct supervise_options o;
    struct unit *at;            /* sorted by kind, then number */
    size_t       count, cap;
    bool         booting, stopping, ended;
    uint32_t     main_op;       /* of the boot, then of the stop */
};

/* ---- effects */

static void tell(struct supervise_out *out, struct supervise_effect e)
{
    if (out->count == out->cap) {
        out->cap = out->cap ? out->cap * 2 : 16;
        out->at = realloc(out->at, out->cap * sizeof *out->at);
        NEED(out->at);
    }
    out->at[out->count++] = e;
}

void supervise_out_fini(struct supervise_out *out)
{
    free(out->at);
    *out = (struct supervise_out){ 0 };
}

static void finish_op(uint32_t op, struct supervise_out *out)
{
    if (op) tell(out, (struct supervise_effect){ .what = OP_DONE, .op = op });
}

static void fail_op(uint32_t op, struct unit_id id, const char *text, struct supervise_out *out)
{
    if (op) tell(out, (struct supervise_effect){ .what = OP_FAILED, .op = op, .unit = id, .text = text });
}

/* ---- the list */

static int order(struct unit_id a, struct unit_id b)
{
    if (a.kind != b.kind) return a.kind < b.kind ? -1 : 1;
    return a.number < b.number ? -1 : a.number > b.number;
}

static struct unit *find(const struct supervise *self, struct unit_id id)
{
    for (size_t i = 0; i < self->count; i++)
        if (order(self->at[i].id, id) == 0) return &self->at[i];
    return NULL;
}

static struct unit *insert(struct supervise *self, struct unit_id id)
{
    if (self->count == self->cap) {
        self->cap = self->cap ? self->cap * 2 : 16;
        self->at = realloc(self->at, self->cap * sizeof *self->at);
        NEED(self->at);
    }
    size_t i = self->count++;
    for (; i > 0 && order(self->at[i - 1].id, id) > 0; i--) self->at[i] = self->at[i - 1];
    self->at[i] = (struct unit){ .id = id, .state = UNIT_WAITING, .pause_ms = self->o.pause_ms, .deadline = UINT64_MAX };
    return &self->at[i];
}

static void forget(struct supervise *self, struct unit_id id, struct supervise_out *out)
{
    struct unit *u = find(self, id);
    NEED(u);
    size_t i = (size_t)(u - self->at);
    memmove(u, u + 1, (--self->count - i) * sizeof *u);
    tell(out, (struct supervise_effect){ .what = SAY_FORGOTTEN, .unit = id });
}

/* ---- transitions */

static void enter(struct unit *u, enum unit_state state, uint64_t now, uint64_t deadline)
{
    u->state = state, u->since = now, u->deadline = deadline;
}

static void start(struct supervise *self, struct unit *u, uint64_t now, struct supervise_out *out)
{
    u->late = u->again = false;
    enter(u, UNIT_STARTING, now, now + self->o.start_ms);
    tell(out, (struct supervise_effect){ .what = DO_START, .unit = u->id });
}

static void stop(struct supervise *self, struct unit *u, uint64_t now, struct supervise_out *out)
{
    u->late = false;
    enter(u, UNIT_STOPPING, now, now + self->o.stop_ms);
    tell(out, (struct supervise_effect){ .what = DO_TERM, .unit = u->id });
}

static bool running(const struct unit *u)
{
    return u->state == UNIT_STARTING || u->state == UNIT_UP || u->state == UNIT_STOPPING;
}

/* One unit's part of an operation is done; the last one's answers it. */
static void settle(struct supervise *self, uint32_t op, struct supervise_out *out)
{
    if (!op) return;
    for (size_t i = 0; i < self->count; i++)
        if (self->at[i].op == op) return;
    finish_op(op, out);
}

static void abandon(struct supervise *self, uint32_t op)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->at[i].op == op) self->at[i].op = 0;
}

/* ---- by stages */

static const unsigned stage_of[UNIT_KINDS] = { [UNIT_ROUTER] = 1, [UNIT_AUTH] = 2, [UNIT_PRESENCE] = 2, [UNIT_GATEWAY] = 3 };

static void boot_on(struct supervise *self, uint64_t now, struct supervise_out *out)
{
    unsigned stage = UINT32_MAX;
    for (size_t i = 0; i < self->count; i++)
        if (self->at[i].state != UNIT_UP && stage_of[self->at[i].id.kind] < stage) stage = stage_of[self->at[i].id.kind];
    if (stage == UINT32_MAX) {
        self->booting = false;
        finish_op(self->main_op, out);
        self->main_op = 0;
        return;
    }
    for (size_t i = 0; i < self->count; i++)
        if (stage_of[self->at[i].id.kind] == stage && self->at[i].state == UNIT_WAITING) start(self, &self->at[i], now, out);
}

static void stop_on(struct supervise *self, uint64_t now, struct supervise_out *out)
{
    for (size_t i = self->count; i-- > 0;) {    /* what has no process is simply gone */
        struct unit *u = &self->at[i];
        u->leaving = true, u->again = false;
        if (!running(u)) forget(self, u->id, out);
    }
    unsigned stage = 0;
    for (size_t i = 0; i < self->count; i++)
        if (stage_of[self->at[i].id.kind] > stage) stage = stage_of[self->at[i].id.kind];
    bool one_by_one = self->count && stage == stage_of[UNIT_ROUTER];
    for (size_t i = self->count; i-- > 0;) {
        struct unit *u = &self->at[i];
        if (stage_of[u->id.kind] != stage) continue;
        if (u->state != UNIT_STOPPING) stop(self, u, now, out);
        if (one_by_one) break;
    }
    if (self->count || self->ended) return;
    self->ended = true;
    finish_op(self->main_op, out);
    self->main_op = 0;
    tell(out, (struct supervise_effect){ .what = ALL_GONE });
}

static void go_on(struct supervise *self, uint64_t now, struct supervise_out *out)
{
    if (self->stopping) stop_on(self, now, out);
    else if (self->booting) boot_on(self, now, out);
}

/* ---- requests */

void supervise_add(struct supervise *self, struct unit_id id)
{
    if (!find(self, id)) insert(self, id);
}

void supervise_adopt(struct supervise *self, struct unit_id id, uint64_t now)
{
    supervise_add(self, id);
    struct unit *u = find(self, id);
    u->was_up = true;
    enter(u, UNIT_UP, now, now + SUPERVISE_STABLE_MS);
}

void supervise_boot(struct supervise *self, uint32_t op, uint64_t now, struct supervise_out *out)
{
    self->booting = true, self->main_op = op;
    boot_on(self, now, out);
}

void supervise_stop(struct supervise *self, uint32_t op, uint64_t now, struct supervise_out *out)
{
    static const struct unit_id nobody = { UNIT_REDIS, 0 };
    for (size_t i = 0; i < self->count; i++) {      /* who waits for anything else waits in vain */
        uint32_t vain = self->at[i].op;
        if (!vain) continue;
        abandon(self, vain);
        fail_op(vain, nobody, "the topology is being stopped", out);
    }
    if (self->main_op) fail_op(self->main_op, nobody, self->stopping ? "somebody else stops it, too" : "the topology is being stopped", out);
    self->booting = false, self->stopping = true, self->main_op = op;
    stop_on(self, now, out);
}

void supervise_forget_op(struct supervise *self, uint32_t op)
{
    abandon(self, op);
    if (self->main_op == op) self->main_op = 0;
}

static bool refused(struct supervise *self, uint32_t op, struct unit_id id, struct supervise_out *out)
{
    if (!self->booting && !self->stopping) return false;
    fail_op(op, id, self->booting ? "the topology is still starting" : "the topology is being stopped", out);
    return true;
}

static bool is_last_router(const struct supervise *self, enum unit_kind kind, size_t left)
{
    return kind == UNIT_ROUTER && left == 0 && supervise_count(self, kind) > 0;
}

static void remove_unit(struct supervise *self, struct unit *u, uint32_t op, uint64_t now, struct supervise_out *out)
{
    struct unit_id id = u->id;
    u->leaving = true, u->again = false;
    if (!running(u)) {
        forget(self, id, out);
        return;
    }
    u->op = op;
    if (u->state != UNIT_STOPPING) stop(self, u, now, out);
}

void supervise_scale(struct supervise *self, enum unit_kind kind, uint16_t count, uint32_t op, uint64_t now, struct supervise_out *out)
{
    struct unit_id id = { kind, 0 };
    if (refused(self, op, id, out)) return;
    if (is_last_router(self, kind, count)) {
        fail_op(op, id, "at least one router must stay", out);
        return;
    }
    for (size_t i = 0; i < self->count; i++)
        if (self->at[i].id.kind == kind && (self->at[i].op || self->at[i].leaving)) {
            fail_op(op, self->at[i].id, "is still on its way: try again", out);
            return;
        }
    size_t have = supervise_count(self, kind);
    for (id.number = 0; have < count; id.number++) {
        if (find(self, id)) continue;
        struct unit *u = insert(self, id);
        u->op = op, have++;
        start(self, u, now, out);
    }
    for (size_t i = self->count; i-- > 0 && have > count;)
        if (self->at[i].id.kind == kind) remove_unit(self, &self->at[i], op, now, out), have--;
    settle(self, op, out);
}

void supervise_restart(struct supervise *self, struct unit_id id, uint32_t op, uint64_t now, struct supervise_out *out)
{
    struct unit *u = find(self, id);
    if (refused(self, op, id, out)) return;
    if (!u || u->op || u->leaving) {
        fail_op(op, id, u ? "is still on its way: try again" : "there is none", out);
        return;
    }
    u->op = op, u->restarts++;
    u->pause_ms = self->o.pause_ms;
    if (!running(u)) start(self, u, now, out);
    else u->again = true, stop(self, u, now, out);
}

void supervise_drain(struct supervise *self, struct unit_id id, uint32_t op, uint64_t now, struct supervise_out *out)
{
    struct unit *u = find(self, id);
    if (refused(self, op, id, out)) return;
    if (!u || u->op || u->leaving) {
        fail_op(op, id, u ? "is still on its way: try again" : "there is none", out);
        return;
    }
    if (is_last_router(self, id.kind, supervise_count(self, id.kind) - 1)) {
        fail_op(op, id, "at least one router must stay", out);
        return;
    }
    remove_unit(self, u, op, now, out);
    settle(self, op, out);
}

/* ---- what processes do */

void supervise_on_ready(struct supervise *self, struct unit_id id, uint64_t now, struct supervise_out *out)
{
    struct unit *u = find(self, id);
    if (!u || u->state != UNIT_STARTING) return;
    uint32_t op = u->op;
    u->op = 0, u->was_up = true;
    enter(u, UNIT_UP, now, now + SUPERVISE_STABLE_MS);
    tell(out, (struct supervise_effect){ .what = SAY_READY, .unit = id, .op = self->booting ? self->main_op : op });
    settle(self, op, out);
    go_on(self, now, out);
}

static void rest(struct supervise *self, struct unit *u, uint64_t now)
{
    enter(u, UNIT_PAUSED, now, now + u->pause_ms);
    uint64_t next = (uint64_t)u->pause_ms * 2;
    u->pause_ms = next > SUPERVISE_PAUSE_MAX_MS ? SUPERVISE_PAUSE_MAX_MS : (uint32_t)next;
    if (u->pause_ms < self->o.pause_ms) u->pause_ms = self->o.pause_ms;
}

static void on_death(struct supervise *self, struct unit *u, const char *text, uint64_t now, struct supervise_out *out)
{
    uint32_t op = u->op;
    struct unit_id id = u->id;
    bool fresh = !u->was_up;
    if (self->booting && fresh) {
        fail_op(self->main_op, id, text, out);
        self->main_op = 0, self->booting = false, self->stopping = true;
        return;                                     /* go_on stops the rest */
    }
    if (op) {
        abandon(self, op);
        fail_op(op, id, text, out);
        if (fresh) {
            forget(self, id, out);
            return;
        }
    }
    rest(self, u, now);
}

void supervise_on_exit(struct supervise *self, struct unit_id id, int code, uint64_t now, struct supervise_out *out)
{
    struct unit *u = find(self, id);
    if (!u || !running(u)) return;
    uint32_t op = u->op;
    bool asked = u->state == UNIT_STOPPING;
    const char *text = u->late ? asked ? "killed: it was not gone in time" : "killed: it was not ready in time"
                     : asked ? "stopped" : u->state == UNIT_STARTING ? "it ended before it was ready" : "it died";
    tell(out, (struct supervise_effect){ .what = SAY_EXIT, .unit = id, .code = code, .text = text, .op = self->stopping ? self->main_op : op });
    enter(u, UNIT_WAITING, now, UINT64_MAX);
    if (u->leaving) {
        forget(self, id, out);
        settle(self, op, out);
    } else if (asked && u->again) {
        start(self, u, now, out);
    } else {
        on_death(self, u, text, now, out);
    }
    go_on(self, now, out);
}

/* ---- time */

void supervise_expire(struct supervise *self, uint64_t now, struct supervise_out *out)
{
    for (size_t i = 0; i < self->count; i++) {
        struct unit *u = &self->at[i];
        if (now < u->deadline) continue;
        u->deadline = UINT64_MAX;
        switch (u->state) {
        case UNIT_STARTING: case UNIT_STOPPING:
            u->late = true;
            tell(out, (struct supervise_effect){ .what = DO_KILL, .unit = u->id });
            break;
        case UNIT_UP:
            u->pause_ms = self->o.pause_ms;
            break;
        case UNIT_PAUSED:
            u->restarts++;
            start(self, u, now, out);
            break;
        case UNIT_WAITING: case UNIT_STATES:
            break;
        }
    }
}

uint64_t supervise_deadline(const struct supervise *self)
{
    uint64_t first = UINT64_MAX;
    for (size_t i = 0; i < self->count; i++)
        if (self->at[i].deadline < first) first = self->at[i].deadline;
    return first;
}

/* ---- life and looking */

struct supervise *supervise_new(const struct supervise_options *options)
{
    struct supervise *self = calloc(1, sizeof *self);
    NEED(self);
    self->o = *options;
    return self;
}

void supervise_destroy(struct supervise **self)
{
    if (!*self) return;
    free((*self)->at);
    free(*self);
    *self = NULL;
}

const struct unit *supervise_find(const struct supervise *self, struct unit_id id)
{
    return find(self, id);
}

const struct unit *supervise_next(const struct supervise *self, const struct unit *after)
{
    size_t i = after ? (size_t)(after - self->at) + 1 : 0;
    return i < self->count ? &self->at[i] : NULL;
}

bool supervise_stopping(const struct supervise *self)
{
    return self->stopping;
}

size_t supervise_count(const struct supervise *self, enum unit_kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < self->count; i++) n += self->at[i].id.kind == kind && !self->at[i].leaving;
    return n;
}
