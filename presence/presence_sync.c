/* presence - which users are ours, and whether everything about them has been told. */
#include "presence_inside.h"

#include <stdlib.h>

/* ---- users of others are let go: silently, since the gateways tell them to their new owner */

static void let_go(struct presence *self, struct user *u)
{
    self->stats->sessions_moved += u->sockets;
    self->moves = true;
    users_forget(&self->users, u);
    self->moves = false;
}

static void let_go_of_others(struct presence *self)
{
    struct map_walk walk = { 0 };
    for (struct user *u; (u = map_next(&self->users.by_key, &walk)); )
        if (user_owner(users_key(u), self->owner, self->owner_count) != self->o.number) let_go(self, u);
}

/* What a gateway told us while it had an older view than we. */
static void let_go_of_lease(struct presence *self, struct lease *lease)
{
    for (struct session *s = lease->sessions, *next; s; s = next) {
        next = s->lease_next;
        struct user *u = s->user;
        if (user_owner(users_key(u), self->owner, self->owner_count) == self->o.number) continue;
        while (next && next->user == u) next = next->lease_next;      /* it goes with all its sessions */
        let_go(self, u);
    }
}

/* ---- held messages */

enum err presence_hold(struct presence *self, uint16_t number, uint64_t epoch, enum msg_type type, struct span fields)
{
    if (self->held_count >= PRESENCE_HELD_MAX) return ERR_FULL;
    if (self->held_count == self->held_cap) {
        self->held_cap = self->held_cap ? 2 * self->held_cap : 64;
        self->held = realloc(self->held, self->held_cap * sizeof *self->held);
        NEED(self->held);
    }
    self->held[self->held_count++] = (struct held){ number, epoch, type, blob_new(fields) };
    return OK;
}

static void release_held(struct presence *self)
{
    struct held *held = self->held;
    size_t count = self->held_count;
    self->held = NULL;
    self->held_count = self->held_cap = 0;
    for (size_t i = 0; i < count; i++) {
        const struct lease *lease = leases_find(&self->leases, held[i].number, held[i].epoch);
        enum err e = lease && !lease->dead ? presence_take(self, held[i].number, held[i].epoch, held[i].type, blob_span(held[i].fields)) : OK;
        if (e != OK) self->stats->refused_bus[e]++;
        blob_drop(&held[i].fields);
    }
    free(held);
}

/* ---- synced: all that had to wait happens now */

static void release_announcements(struct presence *self)
{
    struct map_walk walk = { 0 };
    for (struct user *u; (u = map_next(&self->users.by_key, &walk)); )
        for (size_t i = u->place_count; i-- > 0; ) {        /* backwards: the last one takes the place of one that goes */
            struct place *place = &u->places[i];
            if (place->online_due && place->count) presence_announce(self, u, place->nsp, true);
            if (place->offline_due && !place->count) presence_announce(self, u, place->nsp, false);
            place->online_due = place->offline_due = false;
            users_place_spare(&self->users, u, place->nsp);
        }
}

static void sync_done(struct presence *self)
{
    self->synced = true;
    counters_synced(&self->counters, self->now.mono);
    release_announcements(self);
    release_held(self);
    presence_ask_due(self, true);
    store_settled(&self->store, true);
    store_sweep(&self->store, true);
    watch_store_recall(&self->store.watch);     /* and once more: who owned them before may have been late */
}

void presence_check_sync(struct presence *self)
{
    if (self->synced || !self->member) return;
    bool late = self->now.mono >= self->grace;
    bool recalls = self->o.redis && store_recalls(&self->store);
    if ((leases_awaited(&self->leases, NULL) || recalls) && !late) return;
    self->counters.blind = leases_awaited(&self->leases, NULL) != NULL;
    if (self->counters.blind) self->stats->synced_late++;
    sync_done(self);
}

void presence_on_synced(struct presence *self, struct lease *lease, uint64_t view)
{
    leases_on_synced(&self->leases, lease, view);
    if (!leases_awaited(&self->leases, NULL)) self->counters.blind = false;
    if (self->member && view <= view_number(self->o.view)) let_go_of_lease(self, lease), presence_rooms_ours(self);
    presence_check_sync(self);
}

/* ---- the roster */

static bool has(const uint16_t *numbers, size_t count, uint16_t number)
{
    for (size_t i = 0; i < count; i++)
        if (numbers[i] == number) return true;
    return false;
}

void presence_take_view(struct presence *self)
{
    uint16_t numbers[PRESENCE_OWNERS_MAX];
    size_t count = view_of_role(self->o.view, ROLE_PRESENCE, numbers, PRESENCE_OWNERS_MAX);
    bool was = self->member, now = has(numbers, count, self->o.number), more = now && !was, fewer = false;
    for (size_t i = 0; i < self->owner_count; i++) more = more || (now && !has(numbers, count, self->owner[i]));
    for (size_t i = 0; i < count; i++) fewer = fewer || !has(self->owner, self->owner_count, numbers[i]);
    if (count == 0 || (!was && !now)) return;       /* nobody else to have them; or not our time yet */
    memcpy(self->owner, numbers, count * sizeof *numbers);
    self->owner_count = count;
    self->member = now;
    if (fewer || !now) let_go_of_others(self), presence_keep_ours(self), presence_watch_ours(self), presence_rooms_ours(self);
    presence_limits_view(self, more, fewer || !now);
    if (more) {
        self->synced = false;
        store_settled(&self->store, false);
        self->grace = self->now.mono + self->o.config->presence.lease_ms;
        leases_await(&self->leases, self->o.view);
        watch_store_recall(&self->store.watch);
        if (!was) store_sweep(&self->store, false);         /* what is known of users that are not here */
    }
    presence_check_sync(self);
}
