#include "crowd.h"

#include <stdlib.h>

enum { TEXT_MAX = 4096 };       /* bytes of an endpoint or a list of public ones */

static void one_fini(struct one *o)
{
    free(o->endpoint);
    free(o->public);
}

void crowd_fini(struct crowd *self)
{
    for (size_t i = 0; i < self->count; i++) one_fini(&self->all[i]);
    free(self->all);
    *self = (struct crowd){ 0 };
}

/* ---- finding */

static size_t place(const struct crowd *self, enum role role, uint16_t number)      /* of it, or where it would be */
{
    size_t low = 0, high = self->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct one *o = &self->all[middle];
        if (o->role < role || (o->role == role && o->number < number)) low = middle + 1;
        else high = middle;
    }
    return low;
}

struct one *crowd_find(const struct crowd *self, enum role role, uint16_t number)
{
    size_t at = place(self, role, number);
    if (at == self->count) return NULL;
    struct one *o = &self->all[at];
    return o->role == role && o->number == number ? o : NULL;
}

bool crowd_live(const struct crowd *self, enum role role, uint16_t number)
{
    const struct one *o = crowd_find(self, role, number);
    return o && o->live;
}

/* ---- beats */

static enum err fit(const struct msg_MEMBER *m)
{
    if (m->role == ROLE_NONE || m->role >= ROLE_COUNT || m->state > MEMBER_DRAINING || m->epoch == 0) return ERR_RANGE;
    if (m->number == RANK_NOBODY || (m->role == ROLE_ROUTER && m->number >= VIEW_OWNERS_MAX)) return ERR_RANGE;
    if (m->endpoint.len > TEXT_MAX || m->public.len > TEXT_MAX) return ERR_LIMIT;
    if (span_find(m->endpoint, '\0') >= 0 || span_find(m->public, '\0') >= 0) return ERR_SYNTAX;
    return OK;
}

static void remove_at(struct crowd *self, size_t at)
{
    one_fini(&self->all[at]);
    self->count--;
    memmove(&self->all[at], &self->all[at + 1], (self->count - at) * sizeof self->all[0]);
}

static bool make_room(struct crowd *self)
{
    for (size_t i = 0; self->count == VIEW_MEMBERS_MAX && i < self->count; i++)
        if (!self->all[i].live) remove_at(self, i);
    if (self->count == VIEW_MEMBERS_MAX) return false;
    if (self->count < self->cap) return true;
    self->cap = self->cap ? self->cap * 2 : 16;
    self->all = realloc(self->all, self->cap * sizeof self->all[0]);
    NEED(self->all);
    return true;
}

static struct one *need(struct crowd *self, enum role role, uint16_t number)
{
    struct one *o = crowd_find(self, role, number);
    if (o) return o;
    if (!make_room(self)) return NULL;
    size_t at = place(self, role, number);
    memmove(&self->all[at + 1], &self->all[at], (self->count - at) * sizeof self->all[0]);
    self->all[at] = (struct one){ .role = role, .number = number };
    self->count++;
    return &self->all[at];
}

static void end(struct one *o, struct crowd_news *news)
{
    if (o->live) news->members = true;
    if (o->held) news->held_died = true;
    o->live = o->held = o->awaited = false;
}

static bool set_text(char **text, struct span now)
{
    if (*text && span_same(span_of(*text), now)) return false;
    free(*text);
    *text = malloc(now.len + 1);
    NEED(*text);
    if (now.len) memcpy(*text, now.ptr, now.len);
    (*text)[now.len] = '\0';
    return true;
}

enum err crowd_on_beat(struct crowd *self, const struct msg_MEMBER *m, uint64_t view, uint64_t now, struct crowd_news *news)
{
    enum err e = fit(m);
    if (e != OK) return e;
    struct one *o = need(self, (enum role)m->role, m->number);
    if (!o) return ERR_FULL;
    if (o->ended == m->epoch) return ERR_GONE;
    if (o->epoch != m->epoch) {         /* another life: the one before is over, whether we saw it end or not */
        end(o, news);
        o->ended = o->epoch;
    }
    bool differs = !o->live || o->state != (enum member_state)m->state || o->version != m->version;
    differs |= set_text(&o->endpoint, m->endpoint);
    differs |= set_text(&o->public, m->public);
    if (differs) news->members = true;
    o->live = true;
    o->epoch = m->epoch;
    o->state = (enum member_state)m->state;
    o->version = m->version, o->pid = m->pid, o->load = m->load;
    o->view = view;
    o->heard = now;
    return OK;
}

enum err crowd_on_bye(struct crowd *self, struct span id, struct crowd_news *news)
{
    enum role role;
    uint16_t number;
    enum err e = member_id_decode(id, &role, &number);
    struct one *o = e == OK ? crowd_find(self, role, number) : NULL;
    if (!o) return e == OK ? ERR_UNKNOWN : e;
    end(o, news);
    o->ended = o->epoch;
    return OK;
}

void crowd_silence(struct crowd *self, uint64_t heard_before, const struct one *but, struct crowd_news *news)
{
    for (size_t i = 0; i < self->count; i++) {
        struct one *o = &self->all[i];
        if (o->live && o != but && o->heard < heard_before) end(o, news);
    }
}

/* ---- rosters */

static bool same(const struct one *o, const struct member *m)
{
    return o->role == m->role && o->number == m->number && o->epoch == m->epoch && o->state == m->state &&
           o->version == m->version && strcmp(o->endpoint, m->endpoint) == 0 && strcmp(o->public, m->public) == 0;
}

bool crowd_same(const struct crowd *self, const struct view *view)
{
    size_t members = 0;
    for (size_t i = 0; i < self->count; i++) {
        if (!self->all[i].live) continue;
        if (members == view_count(view) || !same(&self->all[i], view_member(view, members))) return false;
        members++;
    }
    return members == view_count(view);
}

void crowd_list(const struct crowd *self, struct buf *strs)
{
    struct buf record = { 0 };
    for (size_t i = 0; i < self->count; i++) {
        const struct one *o = &self->all[i];
        if (!o->live) continue;
        buf_clear(&record);
        msg_encode_MEMBER(&record, &(struct msg_MEMBER){
            .role = (uint8_t)o->role, .number = o->number, .epoch = o->epoch, .state = (uint8_t)o->state,
            .endpoint = span_of(o->endpoint), .version = o->version, .pid = o->pid, .load = o->load,
            .public = span_of(o->public) });
        msg_add_str(strs, buf_span(&record));
    }
    buf_fini(&record);
}
