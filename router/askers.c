#include "askers.h"

#include "backlog.h"
#include "err.h"

#include <stdlib.h>

enum { PARTS = 3 };

struct asker {
    struct backlog waiting;         /* of each answer: envelope, JSON, attachments */
    size_t         bytes;
    uint32_t       len;
    char           identity[];
};

static struct span identity_of(const void *value)
{
    const struct asker *a = value;
    return span_from(a->identity, a->len);
}

void askers_init(struct askers *self, const struct siphash_key *seed, const struct askers_limits *limits, struct router_stats *stats)
{
    *self = (struct askers){ .limits = *limits, .stats = stats };
    map_init(&self->at, seed, identity_of);
}

static void forget(struct askers *self, struct asker *a)
{
    map_drop(&self->at, identity_of(a));
    self->bytes -= a->bytes;
    self->stats->replies_dropped += a->waiting.count / PARTS;
    self->stats->replies_waiting_bytes = self->bytes;
    backlog_fini(&a->waiting);
    free(a);
}

void askers_fini(struct askers *self)
{
    struct map_walk walk = { 0 };
    for (struct asker *a; (a = map_next(&self->at, &walk)); ) forget(self, a);
    map_fini(&self->at);
}

static void drop(struct reply *reply)
{
    blob_drop(&reply->envelope), blob_drop(&reply->json), blob_drop(&reply->attachments);
}

static size_t cost_of(struct span envelope, struct span json, struct span attachments)
{
    return envelope.len + json.len + attachments.len + ASKERS_OVERHEAD;
}

static struct asker *add(struct askers *self, struct span identity)
{
    struct asker *a = malloc(sizeof *a + identity.len);
    NEED(a);
    *a = (struct asker){ .len = (uint32_t)identity.len };
    if (identity.len) memcpy(a->identity, identity.ptr, identity.len);
    backlog_init(&a->waiting);
    map_put(&self->at, identity_of(a), a);
    return a;
}

static void keep(struct askers *self, struct asker *a, struct span identity, struct reply *reply)
{
    size_t cost = cost_of(blob_span(reply->envelope), blob_span(reply->json), blob_span(reply->attachments));
    if (cost > self->limits.all - self->bytes || (a && cost > self->limits.each - a->bytes) || (!a && self->at.count >= ASKERS_MAX)) {
        self->stats->replies_dropped++;
        drop(reply);
        return;
    }
    if (!a) a = add(self, identity);        /* its first answer may be as large as it likes */
    backlog_add(&a->waiting, reply->envelope), backlog_add(&a->waiting, reply->json);
    backlog_add(&a->waiting, reply->attachments ? reply->attachments : blob_new(SPAN("")));
    *reply = (struct reply){ 0 };
    a->bytes += cost, self->bytes += cost;
    self->stats->replies_waiting_bytes = self->bytes;
}

void askers_give(struct askers *self, struct reply *reply, askers_send *send, void *send_self)
{
    struct span rest = blob_span(reply->envelope), identity = { "", 0 };
    (void)msg_next_str(&rest, &identity);
    struct asker *a = map_find(&self->at, identity);
    enum askers_fate fate = a ? ASKER_FULL : send(send_self, blob_span(reply->envelope), blob_span(reply->json), blob_span(reply->attachments));
    if (fate == ASKER_FULL) {
        keep(self, a, identity, reply);
    } else {
        if (fate == ASKER_GONE) self->stats->replies_dropped++;
        drop(reply);
    }
}

/* What waits for one, as far as it takes it. */
static bool flush_one(struct askers *self, struct asker *a, askers_send *send, void *send_self)
{
    bool moved = false;
    while (a->waiting.count) {
        struct span part[PARTS];
        for (unsigned i = 0; i < PARTS; i++) part[i] = blob_span(backlog_at(&a->waiting, a->waiting.front + i));
        enum askers_fate fate = send(send_self, part[0], part[1], part[2]);
        if (fate == ASKER_FULL) return moved;
        if (fate == ASKER_GONE) break;
        size_t cost = cost_of(part[0], part[1], part[2]);
        a->bytes -= cost, self->bytes -= cost;
        for (unsigned i = 0; i < PARTS; i++) {
            struct blob *took = backlog_take(&a->waiting);
            blob_drop(&took);
        }
        moved = true;
    }
    forget(self, a);
    return moved;
}

bool askers_flush(struct askers *self, askers_send *send, void *send_self)
{
    bool moved = false;
    struct map_walk walk = { 0 };
    for (struct asker *a; (a = map_next(&self->at, &walk)); ) moved |= flush_one(self, a, send, send_self);
    self->stats->replies_waiting_bytes = self->bytes;
    return moved;
}
