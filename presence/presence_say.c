/* presence - who came and who went, as the namespaces' rules say it. */
#include "presence_inside.h"

#include "address.h"
#include "namespace.h"

void presence_send(struct presence *self, struct span nsp, bool is_volatile, struct span to, struct span except, struct span args)
{
    msg_encode_BODY(&self->body, &(struct msg_BODY){
        .kind = BODY_EMIT, .flags = is_volatile ? BODY_VOLATILE : 0, .nsp = nsp, .to = to, .except = except, .args = args, .time = self->now.wall });
    announce_send(&self->announce, buf_span(&self->body), self->o.view, &self->effects);
    buf_clear(&self->body);
}

static void send(struct presence *self, const struct rules_effect *e, uint16_t nsp, struct span to, struct span except)
{
    presence_send(self, users_nsp_name(&self->users, nsp), e->is_volatile, to, except, e->args);
}

/* Worth a word? Of users of other presences nobody here knows; of who is addressed and not there, routers think no further. */
static bool may_be_there(const struct presence *self, const struct person *p, uint16_t nsp)
{
    if (!presence_owns(self, person_key(p))) return true;
    const struct user *u = users_find(&self->users, person_key(p));
    const struct place *place = u ? users_place(u, nsp) : NULL;
    return place && place->count;
}

/* So many addresses at a time; who is addressed by the first of them gets none of the others. */
static void send_to_watchers(struct presence *self, const struct rules_effect *e, const struct user *u, uint16_t nsp)
{
    const struct person *p = watches_find(&self->watches, users_key(u));
    struct buf to = { 0 }, except = { 0 }, name = { 0 }, address = { 0 };
    size_t count = msg_count_strs(e->to), max = self->o.config->router.max_addresses_count;
    buf_add(&to, e->to), buf_add(&except, e->except);
    for (const struct tie *t = p ? p->ties[TIE_FOLLOWED] : NULL; t; t = t->next[TIE_FOLLOWED]) {
        if (!may_be_there(self, t->ends[TIE_FOLLOWER], nsp)) continue;
        if (count >= max) {
            send(self, e, nsp, buf_span(&to), buf_span(&except));
            if (except.len == e->except.len) buf_add(&except, e->to);
            buf_clear(&to);
            count = 0;
        }
        buf_clear(&name), buf_clear(&address);
        user_name(&name, person_key(t->ends[TIE_FOLLOWER]));
        address_encode(&address, ADDRESS_USER, buf_span(&name));
        msg_add_str(&to, buf_span(&address));
        count++;
        self->stats->watchers_told++;
    }
    if (to.len) send(self, e, nsp, buf_span(&to), buf_span(&except));
    buf_fini(&to), buf_fini(&except), buf_fini(&name), buf_fini(&address);
}

void presence_announce(struct presence *self, struct user *u, uint16_t nsp, bool online)
{
    const struct config *c = self->o.config;
    struct span name = users_nsp_name(&self->users, nsp), parts[NAMESPACE_PARTS_MAX];
    size_t entry = namespace_find(c, name);
    const struct rules *rules = self->o.generation && entry < c->namespace_count ? self->o.generation->rules[entry] : NULL;
    if (!rules) return;
    struct span realm, text;
    user_split(users_key(u), &realm, &text);
    users_id(&self->scratch, u);
    struct template_scope scope = { .user = buf_span(&self->scratch), .realm = realm, .claims = blob_span(u->claims),
                                    .nsp = namespace_shown(&c->namespaces[entry], name), .nsp_parts = parts, .now_ms = self->now.wall };
    scope.nsp_part_count = namespace_parts(span_of(c->namespaces[entry].name), name, parts);
    uint64_t random[2] = { siphash_1_3(&self->o.seed, users_key(u)) ^ self->announce.number, self->now.wall };
    memcpy(scope.random, random, sizeof random);        /* {new.id}: different each time; nothing here has to be unguessable */
    enum err e = online ? rules_online(rules, &scope, &self->ruled) : rules_offline(rules, &scope, &self->ruled);
    if (e != OK) self->stats->announcements_dropped++;
    buf_clear(&self->scratch);
    for (size_t i = 0; i < self->ruled.count; i++) {
        const struct rules_effect *effect = &self->ruled.at[i];
        if (effect->watchers) send_to_watchers(self, effect, u, nsp);
        else if (effect->to.len) send(self, effect, nsp, effect->to, effect->except);
    }
}

/* ---- what the namespace wants */

static const struct config_namespace *entry_of(const struct presence *self, struct span name)
{
    size_t entry = namespace_find(self->o.config, name);
    return entry < self->o.config->namespace_count ? &self->o.config->namespaces[entry] : NULL;
}

uint8_t presence_records(const struct presence *self, struct span nsp)
{
    static const struct { const char *name; uint8_t bit; } names[] = {
        { "connections", RECORD_CONNECTIONS }, { "mapping", RECORD_MAPPING }, { "socket", RECORD_SOCKET },
        { "user", RECORD_USER }, { "online_users", RECORD_ONLINE_USERS },
    };
    const struct config_namespace *ns = entry_of(self, nsp);
    uint8_t bits = 0;
    for (size_t i = 0; ns && i < ns->records.count; i++)
        for (size_t k = 0; k < sizeof names / sizeof names[0]; k++)
            if (strcmp(ns->records.at[i], names[k].name) == 0) bits |= names[k].bit;
    return bits;
}

uint64_t presence_grace(const struct presence *self, uint16_t nsp)
{
    const struct config_namespace *ns = entry_of(self, users_nsp_name(&self->users, nsp));
    return ns ? ns->grace_ms : 0;
}

/* ---- nobody is there any more */

void presence_gone(struct presence *self, struct user *u, uint16_t nsp)
{
    struct place *place = users_place(u, nsp);
    if (self->synced) presence_announce(self, u, nsp, false);
    else if (place->online_due) place->online_due = false;      /* came and gone, and nobody was told */
    else place->offline_due = true;
    users_place_spare(&self->users, u, nsp);
}

void presence_absence_over(struct presence *self, struct user *u, uint16_t nsp, bool gone)
{
    struct blob *ended = absents_end(&self->absents, u, nsp);
    if (self->moves) {          /* its entry stays, so that the next one finds it */
        blob_drop(&ended);
        return;
    }
    store_ended(&self->store, &ended, self->now.mono);
    if (!gone) return;
    store_touch(&self->store, u, NULL, self->now.mono);
    presence_gone(self, u, nsp);
}
