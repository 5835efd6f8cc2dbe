#include "lease.h"

#include <stdlib.h>

void leases_init(struct leases *self, uint64_t lease_ms)
{
    *self = (struct leases){ .lease_ms = lease_ms };
}

void leases_fini(struct leases *self)
{
    while (self->first) lease_end(self, self->first);
}

struct lease *leases_find(const struct leases *self, uint16_t number, uint64_t epoch)
{
    struct lease *l = self->first;                  /* as many as gateways */
    while (l && (l->number != number || l->epoch != epoch)) l = l->next;
    return l;
}

static void lapse(struct leases *self, struct lease *l, uint64_t now)
{
    l->awaited = 0;
    if (l->deadline) return;
    l->deadline = now + self->lease_ms;
    self->lapsing++;
}

struct lease *leases_need(struct leases *self, uint16_t number, uint64_t epoch)
{
    struct lease *l = leases_find(self, number, epoch);
    if (l) return l;
    l = calloc(1, sizeof *l);
    NEED(l);
    *l = (struct lease){ .next = self->first, .number = number, .epoch = epoch };
    for (const struct lease *i = self->first; i; i = i->next)
        if (i->number == number && i->epoch > epoch) l->dead = true;
    self->first = l;
    self->count++;
    return l;
}

void lease_add(struct lease *self, struct session *s)
{
    s->lease = self;
    s->lease_next = self->sessions, s->lease_at = &self->sessions;
    if (s->lease_next) s->lease_next->lease_at = &s->lease_next;
    self->sessions = s;
    self->count++;
}

void lease_drop(struct session *s)
{
    if (!s->lease) return;
    *s->lease_at = s->lease_next;
    if (s->lease_next) s->lease_next->lease_at = s->lease_at;
    s->lease->count--;
    s->lease = NULL;
}

void leases_on_view(struct leases *self, const struct view *view, uint64_t now)
{
    for (struct lease *l = self->first; l; l = l->next) {
        const struct member *m = view_find(view, ROLE_GATEWAY, l->number);
        if (m && m->epoch > l->epoch) l->dead = true;
        if (!m || m->epoch != l->epoch) {
            lapse(self, l, now);
        } else if (l->deadline && !l->dead) {
            l->deadline = 0;
            self->lapsing--;
        }
    }
}

void leases_on_reborn(struct leases *self, uint16_t number, uint64_t epoch, uint64_t now)
{
    for (struct lease *l = self->first; l; l = l->next)
        if (l->number == number && l->epoch < epoch) l->dead = true, lapse(self, l, now);
}

void lease_doubt(struct lease *self)
{
    self->doubted = true, self->retold = false;
    for (struct session *s = self->sessions; s; s = s->lease_next) s->doubted = true;
}

struct lease *leases_expire(struct leases *self, uint64_t now)
{
    struct lease *l = self->first;
    while (l && !(l->deadline && now >= l->deadline)) l = l->next;
    return l;
}

void lease_end(struct leases *self, struct lease *lease)
{
    NEED(lease->count == 0);
    struct lease **at = &self->first;
    while (*at != lease) at = &(*at)->next;
    *at = lease->next;
    self->count--;
    if (lease->deadline) self->lapsing--;
    free(lease);
}

void leases_await(struct leases *self, const struct view *view)
{
    for (struct lease *l = self->first; l; l = l->next) l->awaited = 0;
    for (size_t i = 0; i < view_count(view); i++) {
        const struct member *m = view_member(view, i);
        if (m->role != ROLE_GATEWAY || m->state == MEMBER_STARTING) continue;     /* one that drains still has clients */
        struct lease *l = leases_need(self, m->number, m->epoch);
        if (l->synced < view_number(view)) l->awaited = view_number(view);
    }
}

void leases_on_synced(struct leases *self, struct lease *lease, uint64_t view)
{
    (void)self;
    if (view > lease->synced) lease->synced = view;
    if (lease->synced >= lease->awaited) lease->awaited = 0;
}

const struct lease *leases_awaited(const struct leases *self, const struct lease *after)
{
    const struct lease *l = after ? after->next : self->first;
    while (l && !l->awaited) l = l->next;
    return l;
}
