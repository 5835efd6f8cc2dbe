#include "view.h"

#include <stdlib.h>

struct view {
    uint64_t       number, settled;
    bool           holding;
    struct owners  owners, coming;
    struct member *members;         /* by role and number */
    size_t         count;
    char          *texts;           /* what the members' endpoint and public point into */
};

struct view *view_new(void)
{
    struct view *self = calloc(1, sizeof *self);
    NEED(self);
    return self;
}

void view_destroy(struct view **self)
{
    if (!*self) return;
    free((*self)->members);
    free((*self)->texts);
    free(*self);
    *self = NULL;
}

/* ---- a roster's lists, checked and copied before anything changes */

static enum err decode_owners(struct owners *owners, struct span strs)
{
    struct span text;
    *owners = (struct owners){ .count = 0 };
    while (msg_next_str(&strs, &text)) {
        uint64_t number;
        if (!span_to_uint(text, RANK_NOBODY - 1, &number)) return ERR_SYNTAX;
        if (owners->count == VIEW_OWNERS_MAX) return ERR_LIMIT;
        if (owners->count && number <= owners->number[owners->count - 1]) return ERR_RANGE;
        owners->number[owners->count++] = (uint16_t)number;
    }
    return OK;
}

static char *keep(char **at, struct span text)
{
    char *kept = *at;
    if (text.len) memcpy(kept, text.ptr, text.len);
    kept[text.len] = '\0';
    *at += text.len + 1;
    return kept;
}

static enum err decode_member(struct member *m, char **texts, struct span record)
{
    struct msg_MEMBER wire;
    enum err e = msg_decode_MEMBER(&wire, record);
    if (e != OK) return e;
    if (wire.role >= ROLE_COUNT) return ERR_UNKNOWN;
    if (wire.role == ROLE_NONE || wire.state > MEMBER_DRAINING || wire.number == RANK_NOBODY) return ERR_RANGE;
    if (span_find(wire.endpoint, '\0') >= 0 || span_find(wire.public, '\0') >= 0) return ERR_SYNTAX;
    *m = (struct member){
        .role = (enum role)wire.role, .number = wire.number, .epoch = wire.epoch,
        .state = (enum member_state)wire.state, .version = wire.version, .pid = wire.pid, .load = wire.load,
        .endpoint = keep(texts, wire.endpoint), .public = keep(texts, wire.public),
    };
    struct buf id = { 0 };
    member_id_encode(&id, m->role, m->number);
    NEED(id.len < sizeof m->id);
    memcpy(m->id, id.ptr, id.len);
    buf_fini(&id);
    return OK;
}

static int order(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    if (x->role != y->role) return x->role < y->role ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

/* Into 'fresh', whose members and texts the caller frees or keeps. */
static enum err decode_members(struct view *fresh, struct span strs)
{
    size_t count = msg_count_strs(strs);
    if (count > VIEW_MEMBERS_MAX) return ERR_LIMIT;
    fresh->members = calloc(count + 1, sizeof *fresh->members);
    fresh->texts = malloc(strs.len + 2 * count + 1);
    NEED(fresh->members && fresh->texts);
    char *texts = fresh->texts;
    struct span record;
    while (msg_next_str(&strs, &record)) {
        enum err e = decode_member(&fresh->members[fresh->count], &texts, record);
        if (e == ERR_UNKNOWN) continue;
        if (e != OK) return e;
        fresh->count++;
    }
    qsort(fresh->members, fresh->count, sizeof *fresh->members, order);
    for (size_t i = 1; i < fresh->count; i++)
        if (order(&fresh->members[i - 1], &fresh->members[i]) == 0) return ERR_DUPLICATE;
    return OK;
}

/* ---- taking one */

static bool same_owners(const struct owners *a, const struct owners *b)
{
    return a->count == b->count && memcmp(a->number, b->number, a->count * sizeof a->number[0]) == 0;
}

/* Who owns after this roster, and what that means for those who send. Who has
 * missed the settled view, or came while it was held, learns its owners here. */
static enum view_change move(struct view *self, const struct owners *owners, const struct owners *before,
                             const struct msg_ROSTER *roster)
{
    bool was_holding = self->holding, first = self->number == 0;
    self->holding = roster->phase == ROSTER_HOLD;
    self->number = roster->view;
    if (self->holding) {
        self->coming = *owners;
        if (before->count) self->owners = *before;
        self->settled = roster->settled;
        return VIEW_HOLDING;
    }
    bool moved = was_holding || first || !same_owners(owners, &self->owners);
    self->owners = self->coming = *owners;
    self->settled = roster->view;
    return moved ? VIEW_ACTIVE : VIEW_MEMBERS;
}

enum err view_take(struct view *self, const struct msg_ROSTER *roster, enum view_change *change)
{
    *change = VIEW_SAME;
    if (roster->phase > ROSTER_ACTIVE || roster->view == 0) return ERR_RANGE;
    bool released = roster->view == self->number && self->holding && roster->phase == ROSTER_ACTIVE;
    if (roster->view <= self->number && !released) return OK;

    struct view fresh = { 0 };
    struct owners owners, before;
    enum err e = decode_owners(&owners, roster->owners);
    if (e == OK) e = decode_owners(&before, roster->before);
    if (e == OK) e = decode_members(&fresh, roster->members);
    if (e == OK) {
        free(self->members), free(self->texts);
        self->members = fresh.members, self->texts = fresh.texts, self->count = fresh.count;
        *change = move(self, &owners, &before, roster);
    } else {
        free(fresh.members), free(fresh.texts);
    }
    return e;
}

/* ---- asking */

uint64_t view_number(const struct view *self)
{
    return self->number;
}

uint64_t view_settled(const struct view *self)
{
    return self->settled;
}

bool view_holding(const struct view *self)
{
    return self->holding;
}

const struct owners *view_owners(const struct view *self)
{
    return &self->owners;
}

const struct owners *view_coming(const struct view *self)
{
    return &self->coming;
}

uint16_t view_owner(const struct view *self, struct span room_key)
{
    uint16_t owner, standby;
    rank_pick(self->owners.number, self->owners.count, rank_hash(room_key), &owner, &standby);
    return owner;
}

size_t view_count(const struct view *self)
{
    return self->count;
}

const struct member *view_member(const struct view *self, size_t i)
{
    NEED(i < self->count);
    return &self->members[i];
}

const struct member *view_find(const struct view *self, enum role role, uint16_t number)
{
    struct member key = { .role = role, .number = number };
    return self->count ? bsearch(&key, self->members, self->count, sizeof key, order) : NULL;
}

size_t view_of_role(const struct view *self, enum role role, uint16_t *numbers, size_t max)
{
    size_t count = 0;
    for (size_t i = 0; i < self->count && count < max; i++)
        if (self->members[i].role == role && self->members[i].state == MEMBER_READY)
            numbers[count++] = self->members[i].number;
    return count;
}
