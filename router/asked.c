/* Who waits for which answer: outsiders for their commands, daemons for an EMIT
 * that we sent on. */
#include "router_internal.h"

#include "json.h"

#include <stdlib.h>

enum { PATIENCE_MS = 15000 };       /* an owner that says nothing for so long: the view will have changed by then */

struct asked *asked_add(struct router *self, uint64_t deadline)
{
    if (self->asked.count >= ASKED_MAX) return NULL;
    struct asked *a = calloc(1, sizeof *a);
    NEED(a);
    a->ref = ++self->refs;
    a->deadline = deadline;
    map_put_u64(&self->asked, a->ref, a);
    return a;
}

static void drop(struct router *self, struct asked *a)
{
    map_drop_u64(&self->asked, a->ref);
    blob_drop(&a->envelope), blob_drop(&a->client_ref);
    if (a->gathers) gather_fini(&a->gather);
    free(a);
}

uint64_t asked_for_peer(struct router *self, const struct from *from, uint64_t peer_ref, struct router_time now)
{
    struct asked *a = asked_add(self, now.mono + PATIENCE_MS);
    if (!a) return 0;
    a->role = from->role, a->number = from->number, a->peer_ref = peer_ref;
    return a->ref;
}

static void begin(const struct asked *a, struct buf *json, bool ok)
{
    buf_add_format(json, "{\"ok\":%s", ok ? "true" : "false");
    if (a->client_ref) buf_add_literal(json, ",\"ref\":"), buf_add(json, blob_span(a->client_ref));
}

static void answer(struct router *self, struct asked *a, const struct buf *json)
{
    struct blob *envelope = a->envelope;
    a->envelope = NULL;
    router_reply(self, envelope, buf_span(json));
    drop(self, a);
}

void asked_on_emitted(struct router *self, const struct msg_EMITTED *m)
{
    struct asked *a = map_find_u64(&self->asked, m->ref);
    if (!a || a->gathers) return;
    if (a->role) {
        struct msg_EMITTED on = *m;
        on.ref = a->peer_ref;
        msg_encode_EMITTED(&self->scratch, &on);
        effects_add_buf(&self->effects, a->role, a->number, MSG_EMITTED, &self->scratch, 0);
        drop(self, a);
        return;
    }
    struct buf json = { 0 };
    begin(a, &json, true);
    /* 64 bits: as a text, since JavaScript's numbers have 53. */
    buf_add_format(&json, ",\"epoch\":\"%llu\",\"seq\":%llu,\"gateways\":%u", (unsigned long long)m->epoch, (unsigned long long)m->seq, m->gateways);
    if (m->duplicate) buf_add_literal(&json, ",\"duplicate\":true");
    if (a->counts) {
        buf_add_format(&json, ",\"reached\":%u,\"complete\":%s,\"missing\":[", m->reached, m->complete ? "true" : "false");
        struct span rest = m->missing, id;
        for (bool comma = false; msg_next_str(&rest, &id); comma = true) {
            if (comma) buf_add_byte(&json, ',');
            json_quote(&json, id);
        }
        buf_add_byte(&json, ']');
    }
    buf_add_byte(&json, '}');
    answer(self, a, &json);
    buf_fini(&json);
}

void asked_finish_gather(struct router *self, struct asked *a)
{
    struct buf json = { 0 };
    begin(a, &json, true);
    gather_merge(&a->gather, &json);
    buf_add_byte(&json, '}');
    answer(self, a, &json);
    buf_fini(&json);
}

enum err asked_on_told(struct router *self, struct span id, const struct msg_TOLD *m)
{
    struct asked *a = map_find_u64(&self->asked, m->ref);
    if (!a || !a->gathers) return ERR_GONE;
    if (!gather_on_told(&a->gather, id, (enum err)m->error, m->json)) return ERR_DUPLICATE;
    if (gather_complete(&a->gather)) asked_finish_gather(self, a);
    return OK;
}

static void expire(struct router *self, struct asked *a)
{
    self->o.stats->command_late++;
    if (a->gathers) {
        asked_finish_gather(self, a);
    } else if (a->role) {
        drop(self, a);
    } else {
        struct buf json = { 0 };
        begin(a, &json, false);
        buf_add_literal(&json, ",\"error\":{\"code\":\"timeout\",\"message\":\"no owner has confirmed it in time; it may still be delivered\",\"field\":\"\"}}");
        answer(self, a, &json);
        buf_fini(&json);
    }
}

void asked_expire(struct router *self, struct router_time now)
{
    struct map_walk walk = { 0 };
    struct asked *a;
    while ((a = map_next(&self->asked, &walk)))
        if (now.mono >= a->deadline) expire(self, a);
}

void asked_fini(struct router *self)
{
    struct map_walk walk = { 0 };
    struct asked *a;
    while ((a = map_next(&self->asked, &walk))) drop(self, a);
    map_fini(&self->asked);
}
