/* presence_keep - what gateways tell and ask about sockets that may come back. */
#include "presence_inside.h"

#include "namespace.h"

/* Until when one of a namespace may come back, that leaves now. */
static uint64_t until(const struct presence *self, struct span nsp)
{
    const struct config *c = self->o.config;
    size_t entry = namespace_find(c, nsp);
    return self->now.mono + (entry < c->namespace_count ? c->namespaces[entry].recovery_ms : 0);
}

static void leave(struct presence *self, struct kept *k)
{
    keeps_leave(&self->keeps, k, until(self, kept_nsp(k)));
}

void presence_keep_away(struct presence *self, struct lease *lease, bool doubted)
{
    for (struct kept *k = lease->kept, *next; k; k = next) {
        next = k->lease_next;
        if (!doubted || k->doubted) leave(self, k);
    }
}

void presence_keep_ours(struct presence *self)
{
    struct map_walk walk = { 0 };
    for (struct kept *k; (k = map_next(&self->keeps.by_pid, &walk)); )
        if (!presence_owns(self, kept_pid(k))) keeps_forget(&self->keeps, k);
}

static enum err on_save(struct presence *self, struct lease *lease, struct span fields)
{
    struct msg_SAVE m;
    enum err e = msg_decode_SAVE(&m, fields);
    if (e != OK) return e;
    if (m.how == SAVE_AGAIN) lease->retold = true;
    return keeps_save(&self->keeps, lease, &m, self->now.wall);
}

static enum err on_rooms(struct presence *self, struct lease *lease, struct span fields)
{
    struct msg_SAVE_ROOMS m;
    enum err e = msg_decode_SAVE_ROOMS(&m, fields);
    if (e != OK) return e;
    e = keeps_rooms(&self->keeps, lease, &m, self->now.wall);
    return e == ERR_GONE ? OK : e;      /* it was not kept: full; or somebody else has it now */
}

static enum err on_end(struct presence *self, struct lease *lease, struct span fields)
{
    struct msg_SAVE_END m;
    enum err e = msg_decode_SAVE_END(&m, fields);
    struct kept *k = e == OK ? keeps_find(&self->keeps, m.pid) : NULL;
    if (!k || k->lease != lease) return e;
    if (m.away) leave(self, k);
    else keeps_forget(&self->keeps, k);
    return OK;
}

static enum err on_resume(struct presence *self, struct lease *lease, struct span fields)
{
    struct msg_RESUME m;
    struct kept *k;
    enum err e = msg_decode_RESUME(&m, fields);
    if (e != OK) return e;
    struct kept *had = keeps_find(&self->keeps, m.pid);
    struct lease *before = had ? had->lease : NULL;
    struct msg_RESUMED answer = { .ref = m.ref };
    answer.error = (uint8_t)keeps_resume(&self->keeps, lease, &m, &k);
    if (k) answer.sid = kept_sid(k), answer.since = k->since, answer.rooms = buf_span(&k->rooms), self->stats->resumed_total++;
    else self->stats->resumed_refused[answer.error]++;
    if (k && before) {      /* half open there, or not noticed yet; said first, since it may be the same gateway */
        msg_encode_RESUMED_AWAY(&self->scratch, &(struct msg_RESUMED_AWAY){ .pid = m.pid, .sid = answer.sid, .nsp = m.nsp });
        effects_add_buf(&self->effects, ROLE_GATEWAY, before->number, MSG_RESUMED_AWAY, &self->scratch, 0);
    }
    msg_encode_RESUMED(&self->scratch, &answer);
    effects_add_buf(&self->effects, ROLE_GATEWAY, lease->number, MSG_RESUMED, &self->scratch, 0);
    return OK;
}

static enum err (*const on[MSG_COUNT])(struct presence *self, struct lease *lease, struct span fields) = {
    [MSG_SAVE] = on_save, [MSG_SAVE_ROOMS] = on_rooms, [MSG_SAVE_END] = on_end, [MSG_RESUME] = on_resume,
};

bool presence_keeps(enum msg_type type)
{
    return on[type] != NULL;
}

enum err presence_keep(struct presence *self, struct lease *lease, enum msg_type type, struct span fields)
{
    return on[type](self, lease, fields);
}
