/* presence - what users may do how often: which counters are ours, and when they may be granted from. */
#include "presence_inside.h"

#include "json.h"

static struct counters_time time_of(const struct presence *self) { return (struct counters_time){ self->now.mono, self->now.wall }; }

static bool lives(void *self, uint16_t gateway, uint64_t epoch)
{
    const struct lease *l = leases_find(&((struct presence *)self)->leases, gateway, epoch);
    return l && !l->dead && !l->deadline;
}

static bool ours(void *self, struct span user) { return presence_owns(self, user); }

void presence_limits_init(struct presence *self)
{
    const struct presence_options *o = &self->o;
    struct siphash_key seeds[2] = { { o->seed.k0 + 5, o->seed.k1 }, { o->seed.k0 + 6, o->seed.k1 } };
    counters_init(&self->counters, &(struct counters_options){ .seed = seeds, .prefix = span_of(o->config->presence.key_prefix), .max = o->config->presence.max_counters,
                  .redis = o->redis, .turns = (uint32_t)o->seed.k0, .effects = &self->effects, .stats = self->stats, .hooks = { lives, self } }, self->now.mono);
}

/* What may be somebody else's to count waits: until all gateways have said what they have, or our roster shows what theirs did. */
static bool must_wait(const struct presence *self, const struct msg_LIMIT_SAY *m)
{
    return m->how == LIMIT_WANT && !counters_knows(&self->counters, m) && (!self->synced || !presence_owns(self, m->user));
}

enum err presence_limits_say(struct presence *self, const struct lease *lease, struct span fields)
{
    struct msg_LIMIT_SAY m;
    enum err e = msg_decode_LIMIT_SAY(&m, fields);
    if (e != OK) return e;
    bool later = lease->synced > view_number(self->o.view);     /* it knows of a roster in which this user is ours, perhaps */
    if (must_wait(self, &m)) return !self->synced || later ? presence_hold(self, lease->number, lease->epoch, MSG_LIMIT_SAY, fields) : OK;
    return counters_on_say(&self->counters, lease->number, lease->epoch, &m, time_of(self));
}

void presence_limits_view(struct presence *self, bool more, bool fewer)
{
    if (fewer) counters_drop(&self->counters, ours, self);
    if (more) counters_taken_over(&self->counters, self->now.mono);
    self->counters.gateways = self->leases.count - self->leases.lapsing;
}

/* ---- the verb */

struct subject { struct buf user, event; bool mine; };

static void subject_init(struct subject *s, const struct presence *self, struct span request)
{
    struct buf realm = { 0 };
    struct span event = json_find(request, SPAN("event")), name = json_find(request, SPAN("realm"));
    *s = (struct subject){ 0 };
    if (json_type_of(name) == JSON_STRING) json_unquote(&realm, name);
    if (json_type_of(event) == JSON_STRING) json_unquote(&s->event, event);
    s->mine = user_key(&s->user, buf_span(&realm), json_find(request, SPAN("limits"))) == OK && presence_owns(self, buf_span(&s->user));
    buf_fini(&realm);
}

static void subject_fini(struct subject *s) { buf_fini(&s->user), buf_fini(&s->event); }

bool presence_limits_settled(struct presence *self, struct span request)
{
    struct subject s;
    subject_init(&s, self, request);
    bool settled = !s.mine || counters_settle(&self->counters, buf_span(&s.user), buf_span(&s.event), time_of(self));
    subject_fini(&s);
    return settled;
}

void presence_limits_answer(struct presence *self, struct span request, struct buf *json)
{
    struct subject s;
    subject_init(&s, self, request);
    buf_add_literal(json, "{\"limits\":[");
    if (s.mine) {
        counters_print(&self->counters, json, buf_span(&s.user), buf_span(&s.event), time_of(self));
        if (span_starts(json_find(request, SPAN("reset")), 't')) counters_reset(&self->counters, buf_span(&s.user), buf_span(&s.event), time_of(self));
    }
    buf_add_literal(json, "]}");
    subject_fini(&s);
}
