/* Who waits for which answer: outsiders for their commands, daemons for an EMIT
 * that we sent on. */
#include "router_internal.h"

#include "json.h"
#include "renumber.h"

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
    blob_drop(&a->envelope), blob_drop(&a->client_ref), blob_drop(&a->push.nsp);
    if (a->gathers) gather_fini(&a->gather);
    free(a);
}

uint64_t asked_for_peer(struct router *self, const struct from *from, const struct msg_EMIT *emit, struct router_time now)
{
    struct msg_BODY body = { 0 };
    (void)msg_decode_BODY(&body, emit->body);
    struct asked *a = asked_add(self, now.mono + PATIENCE_MS + body.ack_timeout);
    if (!a) return 0;
    a->role = from->role, a->number = from->number, a->peer_ref = emit->ref;
    return a->ref;
}

static void begin(const struct asked *a, struct buf *json, bool ok)
{
    buf_add_format(json, "{\"ok\":%s", ok ? "true" : "false");
    if (a->client_ref) buf_add_literal(json, ",\"ref\":"), buf_add(json, blob_span(a->client_ref));
}

static void answer_with(struct router *self, struct asked *a, const struct buf *json, struct span attachments)
{
    struct blob *envelope = a->envelope;
    a->envelope = NULL;
    router_reply(self, envelope, buf_span(json), attachments);
    drop(self, a);
}

static void answer(struct router *self, struct asked *a, const struct buf *json)
{
    answer_with(self, a, json, SPAN(""));
}

/* ---- emits */

/* One socket's answer; its attachments go behind those of the others, and are counted on. */
static void add_ack(struct buf *json, const struct msg_ACKED *acked, struct buf *attachments, unsigned *attachment_count)
{
    struct renumber r = { .base = *attachment_count };
    buf_add_literal(json, "{\"socket\":");
    json_quote(json, acked->socket);
    buf_add_literal(json, ",\"user\":");
    buf_add(json, acked->user.len ? acked->user : SPAN("null"));
    buf_add_literal(json, ",\"args\":");
    renumber(json, acked->args, (unsigned)msg_count_strs(acked->attachments), &r);
    buf_add_byte(json, '}');
    for (unsigned i = 0; i < r.count; i++) {
        struct span rest = acked->attachments, one = { "", 0 };
        for (unsigned k = 0; k <= r.used[i]; k++) (void)msg_next_str(&rest, &one);
        msg_add_str(attachments, one);
    }
    *attachment_count += r.count;
}

/* How many of them there are. */
static uint32_t add_acks(struct buf *json, const struct msg_EMITTED *m, struct buf *attachments)
{
    struct span rest = m->acks, one;
    struct msg_ACKED acked;
    uint32_t count = 0;
    unsigned attachment_count = 0;
    buf_add_format(json, ",\"answered\":%u,\"acks\":[", m->answered);
    while (msg_next_str(&rest, &one)) {
        if (msg_decode_ACKED(&acked, one) != OK) continue;
        if (count++) buf_add_byte(json, ',');
        add_ack(json, &acked, attachments, &attachment_count);
    }
    buf_add_byte(json, ']');
    return count;
}

static void add_counts(struct buf *json, const struct asked *a, const struct msg_EMITTED *m, struct buf *attachments)
{
    bool complete = m->complete;
    buf_add_format(json, ",\"reached\":%u", m->reached);
    if (a->acks) complete = (add_acks(json, m, attachments) == m->reached) && complete;
    buf_add_format(json, ",\"complete\":%s,\"missing\":[", complete ? "true" : "false");
    struct span rest = m->missing, id;
    for (bool comma = false; msg_next_str(&rest, &id); comma = true) {
        if (comma) buf_add_byte(json, ',');
        json_quote(json, id);
    }
    buf_add_byte(json, ']');
}

/* What each gateway has done; who has not told is in 'missing'. */
static void add_apart(struct buf *json, const struct msg_EMITTED *m)
{
    struct span rest = m->by, one;
    uint64_t gateway, count;
    buf_add_literal(json, ",\"gateways\":[");
    for (bool comma = false; msg_next_str(&rest, &one); comma = true) {
        if (!span_to_uint(span_cut(&one, ' '), UINT16_MAX, &gateway) || !span_to_uint(one, UINT32_MAX, &count)) continue;
        buf_add_format(json, "%s{\"id\":\"gateway-%llu\",\"reached\":%llu}", comma ? "," : "", (unsigned long long)gateway, (unsigned long long)count);
    }
    buf_add_byte(json, ']');
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
    struct buf json = { 0 }, attachments = { 0 };
    begin(a, &json, true);
    /* 64 bits: as a text, since JavaScript's numbers have 53. */
    buf_add_format(&json, ",\"epoch\":\"%llu\",\"seq\":%llu", (unsigned long long)m->epoch, (unsigned long long)m->seq);
    if (a->apart) add_apart(&json, m);
    else buf_add_format(&json, ",\"gateways\":%u", m->gateways);
    if (m->duplicate) buf_add_literal(&json, ",\"duplicate\":true");
    if (a->counts) add_counts(&json, a, m, &attachments);
    buf_add_byte(&json, '}');
    answer_with(self, a, &json, buf_span(&attachments));
    buf_fini(&json), buf_fini(&attachments);
}

/* ---- questions */

void asked_finish_gather(struct router *self, struct asked *a, struct router_time now)
{
    if (a->push.nsp) {
        pushes_told(self, a, now);
        drop(self, a);
        return;
    }
    struct buf json = { 0 };
    bool refused = gather_refused(&a->gather);
    begin(a, &json, !refused);
    if (refused) buf_add_literal(&json, ",\"error\":{\"code\":\"refused\",\"message\":\"what was in force stays: 'daemons' says what is wrong\",\"field\":\"reload\"}");
    gather_merge(&a->gather, &json);
    buf_add_byte(&json, '}');
    answer(self, a, &json);
    buf_fini(&json);
}

enum err asked_on_told(struct router *self, struct span id, const struct msg_TOLD *m, struct router_time now)
{
    struct asked *a = map_find_u64(&self->asked, m->ref);
    if (!a || !a->gathers) return ERR_GONE;
    if (!gather_on_told(&a->gather, id, (enum err)m->error, m->json)) return ERR_DUPLICATE;
    if (gather_complete(&a->gather)) asked_finish_gather(self, a, now);
    return OK;
}

static void expire(struct router *self, struct asked *a, struct router_time now)
{
    self->o.stats->command_late++;
    if (a->gathers) {
        asked_finish_gather(self, a, now);
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
        if (now.mono >= a->deadline) expire(self, a, now);
}

void asked_fini(struct router *self)
{
    struct map_walk walk = { 0 };
    struct asked *a;
    while ((a = map_next(&self->asked, &walk))) drop(self, a);
    map_fini(&self->asked);
}
