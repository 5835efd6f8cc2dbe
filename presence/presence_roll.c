/* presence_roll - who is in a room: heard from gateways, told to the room. */
#include "presence_inside.h"

#include "json.h"
#include "namespace.h"
#include "rules_roll.h"

static const struct rules_roll *rule_of(const struct presence *self, struct span key, struct span *nsp, struct span *address, size_t *entry)
{
    const struct config *c = self->o.config;
    address_split(key, nsp, address);
    *entry = namespace_find(c, *nsp);
    const struct rules *rules = self->o.generation && *entry < c->namespace_count ? self->o.generation->rules[*entry] : NULL;
    struct span room = *address;
    return rules && span_eat_prefix(&room, SPAN("room:")) ? rules_roll_find(rules_rolls_of(rules), room) : NULL;
}

enum err presence_room_in(struct presence *self, struct lease *lease, struct span fields)
{
    struct msg_ROOM_IN m;
    struct span nsp, address;
    size_t entry;
    enum err e = msg_decode_ROOM_IN(&m, fields);
    if (e == OK) e = json_check(m.member, JSON_MAX_DEPTH);
    if (e != OK) return e;
    if (m.sid.len == 0 || m.sid.len > USERS_SID_MAX || m.who.len > USER_KEY_MAX) return ERR_LIMIT;
    const struct rules_roll *rule = rule_of(self, m.key, &nsp, &address, &entry);
    if (!rule) return OK;               /* it has another topology yet */
    if (m.known) lease->retold = true;
    return rolls_in(&self->rolls, lease, &(struct rolls_in){ .key = m.key, .sid = m.sid, .who = m.who, .member = m.member, .known = m.known,
        .whole = !self->synced, .states = rules_roll_has_state(rule), .every_ms = rules_roll_every(rule) }, self->now.mono);
}

enum err presence_room_out(struct presence *self, const struct lease *lease, struct span fields)
{
    struct msg_ROOM_OUT m;
    enum err e = msg_decode_ROOM_OUT(&m, fields);
    if (e == OK) rolls_out(&self->rolls, lease, m.key, m.sid, self->now.mono);
    return e;
}

void presence_rooms_end(struct presence *self, struct lease *lease, bool doubted)
{
    for (struct sitting *s = lease->sittings, *next; s; s = next) {
        next = s->lease_next;
        if (!doubted || s->doubted) rolls_end(&self->rolls, s, self->now.mono);
    }
}

static bool is_ours(const void *self, const struct roll *r)
{
    struct span nsp, address;
    size_t entry;
    return presence_owns(self, roll_key(r)) && rule_of(self, roll_key(r), &nsp, &address, &entry);
}

void presence_rooms_ours(struct presence *self)
{
    rolls_keep(&self->rolls, is_ours, self);
}

/* ---- told */

struct telling {
    const struct rules_roll *rule;
    const struct roll       *roll;
    struct template_scope    scope;
    struct span              nsp, address;
};

static void say(struct presence *self, const struct telling *t, bool state, const struct buf *extra, struct span to, struct span except)
{
    struct template_scope scope = t->scope;
    struct buf args = { 0 };
    scope.extra = buf_span(extra);
    rules_roll_say(t->rule, state, &scope, &args);
    presence_send(self, t->nsp, false, to, except, buf_span(&args));
    self->stats->rooms_told++;
    buf_fini(&args);
}

static void begin_extra(const struct telling *t, struct buf *extra, uint32_t more)
{
    struct span room = t->address;
    (void)span_eat_prefix(&room, SPAN("room:"));
    buf_add_literal(extra, "{\"room\":");
    json_quote(extra, room);
    buf_add_format(extra, ",\"count\":%u,\"more\":%u", t->roll->count, more);
}

static void add_list(struct buf *extra, const char *name, const struct buf *list)
{
    buf_add_format(extra, ",\"%s\":", name);
    buf_add(extra, buf_span(list));
}

static void say_state(struct presence *self, const struct telling *t)
{
    struct buf members = { 0 }, extra = { 0 }, to = { 0 };
    uint32_t more = rolls_list(t->roll, &members, rules_roll_most(t->rule)), count = 0;
    begin_extra(t, &extra, more);
    add_list(&extra, "members", &members);
    buf_add_byte(&extra, '}');
    struct span rest = buf_span(&t->roll->fresh), one;
    if (t->roll->whole) {
        msg_add_str(&to, t->address);
        say(self, t, true, &extra, buf_span(&to), SPAN(""));
    } else while (msg_next_str(&rest, &one)) {
        msg_add_str(&to, one);
        if (++count < self->o.config->router.max_addresses_count && rest.len) continue;
        say(self, t, true, &extra, buf_span(&to), SPAN(""));
        buf_clear(&to), count = 0;
    }
    buf_fini(&members), buf_fini(&extra), buf_fini(&to);
}

/* Who gets the state does not get what is in it already; where that is all, or too many to name, they do. */
static void say_difference(struct presence *self, const struct telling *t, const struct buf *joined, const struct buf *left, uint32_t more)
{
    struct buf extra = { 0 }, to = { 0 };
    bool named = t->roll->fresh_count <= self->o.config->router.max_addresses_count;
    begin_extra(t, &extra, more);
    add_list(&extra, "joined", joined), add_list(&extra, "left", left);
    buf_add_byte(&extra, '}');
    msg_add_str(&to, t->address);
    if (t->roll->count) say(self, t, false, &extra, buf_span(&to), named ? buf_span(&t->roll->fresh) : SPAN(""));
    buf_fini(&extra), buf_fini(&to);
}

static void tell(struct presence *self, struct roll *r)
{
    const struct config *c = self->o.config;
    struct span parts[NAMESPACE_PARTS_MAX];
    struct telling t = { .roll = r };
    struct buf joined = { 0 }, left = { 0 };
    size_t entry;
    t.rule = rule_of(self, roll_key(r), &t.nsp, &t.address, &entry);       /* is_ours */
    uint32_t more = rolls_take(r, &joined, &left, rules_roll_most(t.rule));
    bool changed = joined.len > 2 || left.len > 2 || more;
    t.scope = (struct template_scope){ .nsp = namespace_shown(&c->namespaces[entry], t.nsp), .nsp_parts = parts, .now_ms = self->now.wall };
    t.scope.nsp_part_count = namespace_parts(span_of(c->namespaces[entry].name), t.nsp, parts);
    if (changed) say_difference(self, &t, &joined, &left, more);
    if (r->count && rules_roll_has_state(t.rule) && (r->whole || r->fresh_count)) say_state(self, &t);
    buf_fini(&joined), buf_fini(&left);
    rolls_done(&self->rolls, r);
}

void presence_rooms_due(struct presence *self)
{
    for (struct roll *r; (r = rolls_due(&self->rolls, self->now.mono)); ) {
        if (!is_ours(self, r)) presence_rooms_ours(self);
        else if (!self->synced) rolls_later(&self->rolls, r, self->now.mono);
        else tell(self, r);
    }
}
