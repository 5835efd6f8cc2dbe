#include "presence_inside.h"

#include "json.h"
#include "namespace.h"

#include <stdlib.h>

/* ---- a user leaves the table */

static void on_forget(void *self, struct user *u)
{
    struct presence *p = self;
    for (struct session *s = u->sessions; s; s = s->next) lease_drop(s);
    while (u->absent) presence_absence_over(p, u, u->absent->nsp, !p->moves);     /* not where it goes on at another presence */
    store_forget(&p->store, u);
}

/* ---- what the sweep finds */

bool presence_owns(const struct presence *self, struct span key)
{
    return self->member && user_owner(key, self->owner, self->owner_count) == self->o.number;
}

static bool sweep_ours(void *self, struct span key)
{
    return presence_owns(self, key);
}

static void sweep_restored(void *self, struct span key, const struct sweep_record *record, bool whole)
{
    struct presence *p = self;
    struct user *u = users_restore(&p->users, key, record->quoted, record->last_disconnect);
    if (u) p->stats->restored_users++, u->records |= RECORD_USER;
    else u = users_find(&p->users, key);
    if (!u || u->sockets || !record->online || !(whole && p->synced)) return;
    if (!u->gone || u->gone < record->last_connect) u->gone = p->now.wall;     /* it went while nobody was there to see it */
    store_touch(&p->store, u, NULL, p->now.mono);
}

/* Another run announced this user, and nobody has told its sockets: the followers are still to hear of it. */
static void sweep_stale(void *self, struct span key, struct span name)
{
    struct presence *p = self;
    if (!p->synced) return;
    uint64_t text;
    struct user *u = users_find(&p->users, key);
    if (!u) u = users_restore(&p->users, key, !span_to_uint(span_skip(key, (size_t)span_find(key, '/') + 1), UINT64_MAX, &text), p->now.wall);
    uint16_t nsp = u ? names_hold_text(&p->users.names, name) : USERS_NO_NSP;
    if (nsp == USERS_NO_NSP) return;
    (void)users_place_need(&p->users, u, nsp);
    presence_announce(p, u, nsp, false);
    users_place_spare(&p->users, u, nsp);
    names_drop(&p->users.names, nsp);
}

static bool sweep_named(void *self, struct span name)
{
    const struct config *c = ((struct presence *)self)->o.config;
    return namespace_find(c, name) < c->namespace_count;
}

static const struct sweep_hooks hooks = { sweep_ours, sweep_restored, sweep_stale, sweep_named };

/* ---- life */

/* Namespaces of the topology have their numbers for as long as they stand in it. */
static void keep_names(struct presence *self)
{
    const struct config *c = self->o.config;
    struct names *names = &self->users.names;
    for (size_t i = 0; i < c->namespace_count; i++) {
        struct span name = span_of(c->namespaces[i].name);
        uint16_t number = namespace_is_pattern(name) ? NAMES_NONE : names_hold_text(names, name);
        if (number == NAMES_NONE) continue;
        if (names_kept(names, number)) names_drop(names, number);       /* held by that already */
        else names_keep(names, number);
    }
}

static bool in_topology(void *self, struct span name)
{
    const struct config *c = ((struct presence *)self)->o.config;
    size_t i = namespace_find(c, name);
    return i < c->namespace_count && !namespace_is_pattern(span_of(c->namespaces[i].name));
}

void presence_reload(struct presence *self, struct generation *generation)
{
    self->o.generation = generation;
    names_let_go(&self->users.names, in_topology, self);
    keep_names(self);
    presence_rooms_ours(self);
}

struct presence *presence_new(const struct presence_options *options)
{
    const struct config *c = options->config;
    struct presence *self = calloc(1, sizeof *self);
    NEED(self);
    self->o = *options;
    self->stats = options->stats;
    users_init(&self->users, &options->seed, c->presence.max_users);
    self->users.on_forget = on_forget, self->users.on_forget_self = self;
    keep_names(self);
    absents_init(&self->absents);
    leases_init(&self->leases, c->presence.lease_ms);
    keeps_init(&self->keeps, &(struct siphash_key){ options->seed.k0 + 4, options->seed.k1 }, c->presence.recovery_count, c->presence.recovery_bytes);
    announce_init(&self->announce, options->id, options->epoch, options->stats);
    rolls_init(&self->rolls, &(struct siphash_key){ options->seed.k0 + 7, options->seed.k1 }, c->presence.max_room_sockets);
    watches_init(&self->watches, &(struct siphash_key){ options->seed.k0 + 5, options->seed.k1 }, c->presence.max_watches, c->presence.max_watches_per_user);
    store_init(&self->store, &(struct store_options){ .prefix = span_of(c->presence.key_prefix), .write_behind_ms = c->presence.write_behind_ms,
               .max_pending = c->presence.max_pending_count }, &self->users, &self->watches, &hooks, self, options->stats);
    presence_limits_init(self);
    store_count(&self->store, &self->counters);
    return self;
}

void presence_destroy(struct presence **self_p)
{
    struct presence *self = *self_p;
    if (!self) return;
    self->moves = true;
    users_fini(&self->users);
    keeps_fini(&self->keeps);
    watches_fini(&self->watches);
    rolls_fini(&self->rolls);
    leases_fini(&self->leases);
    announce_fini(&self->announce);
    store_fini(&self->store);
    counters_fini(&self->counters);
    effects_fini(&self->effects);
    rules_effects_fini(&self->ruled);
    for (size_t i = 0; i < self->held_count; i++) blob_drop(&self->held[i].fields);
    for (size_t i = 0; i < self->early_count; i++) blob_drop(&self->early[i].fields);
    for (size_t i = 0; i < self->owing_count; i++) blob_drop(&self->owing[i].json);
    free(self->held), free(self->owing);
    buf_fini(&self->scratch), buf_fini(&self->key), buf_fini(&self->body);
    free(self);
    *self_p = NULL;
}

/* ---- sockets come */

static void admitted(struct presence *self, uint16_t gateway, uint64_t ref, bool allowed, const struct place *place)
{
    if (!ref) return;
    msg_encode_ADMITTED(&self->scratch, &(struct msg_ADMITTED){
        .ref = ref, .allowed = allowed, .first = allowed && place && place->count == 1, .count = place ? place->count : 0 });
    effects_add_buf(&self->effects, ROLE_GATEWAY, gateway, MSG_ADMITTED, &self->scratch, 0);
}

/* A socket whose gateway has died for certain makes room. */
static bool give_way(struct user *u, uint16_t nsp, struct session **dead)
{
    for (*dead = u->sessions; *dead; *dead = (*dead)->next)
        if ((*dead)->nsp == nsp && (*dead)->lease->dead) return true;
    return false;
}

/* What is due in Redis for it is the caller's. */
static struct blob *drop_session(struct presence *self, struct session *s)
{
    struct user *u = s->user;
    struct blob *ended = store_ending(&self->store, s);
    lease_drop(s);
    users_down(&self->users, s, self->now.wall);
    store_touch(&self->store, u, NULL, self->now.mono);
    return ended;
}

static void end_session(struct presence *self, struct session *s)
{
    struct blob *ended = drop_session(self, s);
    store_ended(&self->store, &ended, self->now.mono);
}

static void arrived(struct presence *self, struct user *u, struct place *place, bool known)
{
    bool back = place->away;
    if (back) presence_absence_over(self, u, place->nsp, false);
    if (known) {
        place->online_due = place->offline_due = false;
        self->stats->sessions_known++;
        return;
    }
    self->stats->sessions_up++;
    if (place->count != 1 || back) return;
    if (place->offline_due) place->offline_due = false;         /* gone and back, and nobody was told */
    else if (self->synced) presence_announce(self, u, place->nsp, true);
    else place->online_due = true;
}

static enum err up_of(struct presence *self, const struct msg_SESSION_UP *m, struct users_up *up)
{
    if (m->sid.len == 0 || m->nsp.len == 0) return ERR_MISSING;
    if (m->sid.len > USERS_SID_MAX || m->nsp.len > USERS_NSP_MAX) return ERR_LIMIT;
    enum err e = json_check(m->user, 1);
    if (e != OK) return e;
    buf_clear(&self->key);
    e = user_key(&self->key, m->realm, m->user);
    if (e != OK) return e;
    if (m->claims.len && (!span_starts(m->claims, '{') || json_check(m->claims, JSON_MAX_DEPTH) != OK)) return ERR_SYNTAX;
    if (m->claims.len > USERS_CLAIMS_MAX) self->stats->claims_dropped++;
    *up = (struct users_up){ .key = buf_span(&self->key), .sid = m->sid, .address = m->address, .agent = m->agent, .claims = m->claims,
                             .quoted = json_type_of(m->user) == JSON_STRING, .records = presence_records(self, m->nsp), .nsp = names_hold_text(&self->users.names, m->nsp),
                             .since = m->since ? m->since : self->now.wall, .now = self->now.wall };
    return up->nsp == USERS_NO_NSP ? ERR_FULL : OK;
}

/* Told already: by this gateway, or by another one that had the socket before. */
static bool is_known(struct presence *self, const struct users_up *up, struct lease *lease, const struct msg_SESSION_UP *m)
{
    struct session *s = users_session(&self->users, up->nsp, up->sid);
    if (!s) return false;
    if (!span_same(users_key(s->user), up->key)) {
        presence_leave(self, s);
        return false;
    }
    lease_drop(s);
    lease_add(lease, s);
    s->doubted = false;
    if (m->known) lease->retold = true;
    struct place *place = users_place(s->user, up->nsp);
    if (m->known) place->online_due = false;
    admitted(self, lease->number, m->ref, true, place);
    return true;
}

static enum err take_up(struct presence *self, struct lease *lease, const struct msg_SESSION_UP *up_message, const struct users_up *up_p, struct span fields)
{
    const struct msg_SESSION_UP m = *up_message;
    const struct users_up up = *up_p;
    if (is_known(self, &up, lease, &m)) return OK;
    if (m.limit && !m.known && !self->synced) return presence_hold(self, lease->number, lease->epoch, MSG_SESSION_UP, fields);

    struct user *u = users_find(&self->users, up.key);
    struct place *place = u ? users_place(u, up.nsp) : NULL;
    struct session *dead = NULL, *s = NULL;
    bool over = m.limit && !m.known && place && place->count >= m.limit;
    if (!over || give_way(u, up.nsp, &dead)) s = users_up(&self->users, &up);
    if (!s) {
        self->stats->admitted_refused++;
        admitted(self, lease->number, m.ref, false, place);
        return over ? OK : ERR_FULL;
    }
    lease_add(lease, s);
    if (dead) end_session(self, dead), self->stats->sessions_lapsed++;
    place = users_place(s->user, up.nsp);
    store_touch(&self->store, s->user, s, self->now.mono);
    self->stats->admitted_total++;
    admitted(self, lease->number, m.ref, true, place);
    arrived(self, s->user, place, m.known);
    return OK;
}

static enum err on_up(struct presence *self, struct lease *lease, struct span fields)
{
    struct msg_SESSION_UP m;
    struct users_up up;
    enum err e = msg_decode_SESSION_UP(&m, fields);
    if (e == OK) e = up_of(self, &m, &up);
    if (e != OK) return e;
    e = take_up(self, lease, &m, &up, fields);
    names_drop(&self->users.names, up.nsp);
    return e;
}

/* ---- sockets go */

void presence_leave(struct presence *self, struct session *s)
{
    struct user *u = s->user;
    uint16_t nsp = s->nsp;
    uint64_t grace = presence_grace(self, nsp);
    struct blob *ended = drop_session(self, s);
    struct place *place = users_place(u, nsp);
    if (place->count) store_ended(&self->store, &ended, self->now.mono);
    else if (grace && !place->online_due) absents_add(&self->absents, u, nsp, &ended, self->now.mono + grace);
    else {
        store_ended(&self->store, &ended, self->now.mono);
        presence_gone(self, u, nsp);
    }
}

static enum err on_down(struct presence *self, struct lease *lease, struct span fields)
{
    struct msg_SESSION_DOWN m;
    enum err e = msg_decode_SESSION_DOWN(&m, fields);
    if (e != OK) return e;
    struct session *s = users_session(&self->users, users_nsp(&self->users, m.nsp), m.sid);
    if (s && s->lease == lease) {
        self->stats->sessions_down++;
        presence_leave(self, s);
        return OK;
    }
    if (self->held_count) return presence_hold(self, lease->number, lease->epoch, MSG_SESSION_DOWN, fields);   /* its UP is there, perhaps */
    self->stats->sessions_unknown++;        /* or it has moved on to another gateway */
    return OK;
}

static enum err on_active(struct presence *self, struct span fields)
{
    struct msg_ACTIVE m;
    struct msg_ACTIVITY a;
    struct span one;
    enum err e = msg_decode_ACTIVE(&m, fields);
    while (e == OK && msg_next_str(&m.users, &one)) {
        e = msg_decode_ACTIVITY(&a, one);
        struct user *u = e == OK ? users_find(&self->users, a.user) : NULL;
        if (!u || !u->sockets || a.time <= u->active) continue;
        u->active = a.time < self->now.wall ? a.time : self->now.wall;
        self->stats->activities_in++;
        store_active(&self->store, u, self->now.mono);
    }
    return e;
}

static void end_lease(struct presence *self, struct lease *lease)
{
    while (lease->sessions) {
        self->stats->sessions_lapsed++;
        presence_leave(self, lease->sessions);
    }
    presence_keep_away(self, lease, false);
    presence_rooms_end(self, lease, false);
    counters_on_gone(&self->counters, lease->number, lease->epoch, (struct counters_time){ self->now.mono, self->now.wall });
    lease_end(&self->leases, lease);
}

/* What it has not told again since the link was cut. */
static void end_doubted(struct presence *self, struct lease *lease)
{
    if (!lease->doubted || !lease->retold) return;
    lease->doubted = false;
    for (struct session *s = lease->sessions, *next; s; s = next) {
        next = s->lease_next;
        if (!s->doubted) continue;
        self->stats->sessions_lapsed++;
        presence_leave(self, s);
    }
    presence_keep_away(self, lease, true);
    presence_rooms_end(self, lease, true);
}

/* ---- events */

enum err presence_take(struct presence *self, uint16_t number, uint64_t epoch, enum msg_type type, struct span fields)
{
    struct lease *lease = leases_need(&self->leases, number, epoch);
    struct msg_SYNCED synced;
    enum err e;
    switch ((unsigned)type) {
    case MSG_SESSION_UP:   return on_up(self, lease, fields);
    case MSG_SESSION_DOWN: return on_down(self, lease, fields);
    case MSG_LIMIT_SAY:    return presence_limits_say(self, lease, fields);
    case MSG_ACTIVE:       return on_active(self, fields);
    case MSG_ROOM_IN:      return presence_room_in(self, lease, fields);
    case MSG_ROOM_OUT:     return presence_room_out(self, lease, fields);
    case MSG_WATCH:        return presence_watch(self, lease, fields);
    case MSG_SYNCED:
        e = msg_decode_SYNCED(&synced, fields);
        if (e == OK) end_doubted(self, lease), presence_on_synced(self, lease, synced.view);
        return e;
    default: return presence_keeps(type) ? presence_keep(self, lease, type, fields) : ERR_UNKNOWN;
    }
}

void presence_on_message(struct presence *self, enum role role, uint16_t number, uint64_t epoch, enum msg_type type, struct span fields,
                         struct presence_time now)
{
    self->now = now;
    enum err e = role == ROLE_GATEWAY && type != MSG_ASK ? presence_take(self, number, epoch, type, fields)
               : role == ROLE_ROUTER && type == MSG_ASK  ? presence_ask(self, number, fields)
               : role == ROLE_ROUTER && type == MSG_EMITTED ? OK        /* no announcement asks for one */
               : ERR_UNKNOWN;
    if (e != OK) self->stats->refused_bus[e]++;
}

void presence_on_view(struct presence *self, struct presence_time now)
{
    self->now = now;
    leases_on_view(&self->leases, self->o.view, now.mono);
    announce_on_view(&self->announce, self->o.view, &self->effects);
    presence_take_view(self);
}

void presence_on_lost(struct presence *self, enum role role, uint16_t number, uint64_t epoch, struct presence_time now)
{
    self->now = now;
    if (role == ROLE_ROUTER) announce_on_lost(&self->announce, number, self->o.view, &self->effects);
    if (role == ROLE_GATEWAY && epoch) leases_on_reborn(&self->leases, number, epoch, now.mono);
    for (struct lease *l = role == ROLE_GATEWAY ? self->leases.first : NULL; l; l = l->next)
        if (l->number == number && (!epoch || l->epoch == epoch)) lease_doubt(l), keeps_doubt(l), rolls_doubt(l);
    presence_check_sync(self);
}

void presence_on_sent(struct presence *self, const struct effect *effect, uint64_t link_number, uint64_t epoch)
{
    announce_on_sent(&self->announce, effect->number, effect->ticket, link_number, epoch);
}

void presence_on_confirm(struct presence *self, uint16_t router, uint64_t up_to)
{
    announce_on_confirm(&self->announce, router, up_to);
}

void presence_on_time(struct presence *self, struct presence_time now)
{
    self->now = now;
    for (struct lease *l; (l = leases_expire(&self->leases, now.mono)); ) end_lease(self, l);
    for (struct absent *a; (a = absents_due(&self->absents, now.mono)); ) presence_absence_over(self, a->user, a->nsp, true);
    keeps_expire(&self->keeps, now.mono);
    presence_rooms_due(self);
    presence_check_sync(self);
    counters_on_time(&self->counters, (struct counters_time){ now.mono, now.wall });
    presence_ask_due(self, false);
    store_expire(&self->store, now.mono);
}

/* ---- what comes out */

struct effects *presence_effects(struct presence *self) { return &self->effects; }
struct store *presence_store(struct presence *self)     { return &self->store; }
bool presence_synced(const struct presence *self)       { return self->synced; }
uint64_t presence_load(const struct presence *self)     { return self->users.online; }

void presence_measure(struct presence *self)
{
    struct presence_stats *s = self->stats;
    s->users_online = self->users.online, s->users_remembered = self->users.remembered, s->users_evicted = self->users.evicted;
    s->sessions_open = self->users.by_session.count, s->sessions_held = self->held_count;
    s->users_away = self->absents.count;
    s->leases_live = self->leases.count - self->leases.lapsing, s->leases_lapsing = self->leases.lapsing;
    s->announcements_open = announce_open(&self->announce);
    s->synced_all = self->synced;
    s->redis_pending = self->o.redis ? store_pending(&self->store) : 0;
    s->recoverable_open = self->keeps.by_pid.count - self->keeps.away, s->recoverable_away = self->keeps.away;
    s->recoverable_bytes = keeps_bytes(&self->keeps);
    s->recoverable_expired = self->keeps.expired, s->recoverable_evicted = self->keeps.evicted;
    s->rooms_open = self->rolls.rolls.count, s->rooms_sockets = self->rolls.sittings.count;
    s->watches_open = self->watches.ties.count;
    s->watches_bytes = watches_bytes(&self->watches);
    s->watches_restored = self->store.watch.taken;
    s->limits_open = self->counters.by_key.count, s->limits_out = self->counters.out;
    s->limits_bytes = self->counters.bytes + map_bytes(&self->counters.by_key) + map_bytes(&self->counters.by_user);
    s->memory_bytes = users_bytes(&self->users);
    s->namespaces_known = self->users.names.by_text.count;
}

void presence_drain(struct presence *self)
{
    store_drain(&self->store);
}

bool presence_quiet(const struct presence *self)
{
    return announce_open(&self->announce) == 0 && (!self->o.redis || store_quiet(&self->store));
}
