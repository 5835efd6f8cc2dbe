#include "handover.h"

void handover_begin(struct handover *self, const struct view *view)
{
    self->view = view_number(view);
    self->gave = self->settled = false;
}

void handover_end(struct handover *self)
{
    self->view = 0;
}

void handover_on_fence(struct handover *self, enum role role, uint16_t number, uint64_t view)
{
    if (number < HANDOVER_NUMBERS && (role == ROLE_ROUTER || role == ROLE_GATEWAY)) {
        uint64_t *seen = &self->fences[role == ROLE_GATEWAY][number];
        if (view > *seen) *seen = view;
    }
}

void handover_on_handed(struct handover *self, uint16_t number, uint64_t view)
{
    if (number < VIEW_OWNERS_MAX && view > self->handed[number]) self->handed[number] = view;
}

bool handover_passed(const struct handover *self, enum role role, uint16_t number)
{
    if (self->view == 0) return false;
    if (self->gave || number >= HANDOVER_NUMBERS) return true;
    return (role == ROLE_ROUTER || role == ROLE_GATEWAY) && self->fences[role == ROLE_GATEWAY][number] == self->view;
}

static bool fenced(const struct handover *self, const struct view *view)
{
    for (size_t i = 0; i < view_count(view); i++) {
        const struct member *m = view_member(view, i);
        if (m->role != ROLE_ROUTER && m->role != ROLE_GATEWAY) continue;
        if (m->number < HANDOVER_NUMBERS && self->fences[m->role == ROLE_GATEWAY][m->number] != self->view) return false;
    }
    return true;
}

static bool handed(const struct handover *self, const struct view *view)
{
    const struct owners *old = view_owners(view);
    for (size_t i = 0; i < old->count; i++)
        if (view_find(view, ROLE_ROUTER, old->number[i]) && self->handed[old->number[i]] != self->view) return false;
    return true;
}

enum handover_step handover_step(struct handover *self, const struct view *view)
{
    if (self->view == 0 || !fenced(self, view)) return HANDOVER_WAIT;
    if (!self->gave) {
        self->gave = true;
        return HANDOVER_GIVE;
    }
    if (!self->settled && handed(self, view)) {
        self->settled = true;
        return HANDOVER_SETTLED;
    }
    return HANDOVER_WAIT;
}
