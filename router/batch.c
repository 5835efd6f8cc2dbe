#include "batch.h"

#include "err.h"
#include "little.h"
#include "msg.h"

#include <stdlib.h>

struct batch {
    uint64_t     id;
    struct blob *envelope;
    size_t       count, open, bytes;
    struct { struct blob *json, *attachments; } at[];
};

void batches_init(struct batches *self, const struct siphash_key *seed, size_t bytes)
{
    *self = (struct batches){ .bytes = bytes };
    map_init(&self->at, seed, NULL);
}

static void drop(struct batches *self, struct batch *b)
{
    map_drop_u64(&self->at, b->id);
    blob_drop(&b->envelope);
    for (size_t i = 0; i < b->count; i++) blob_drop(&b->at[i].json), blob_drop(&b->at[i].attachments);
    free(b);
}

void batches_fini(struct batches *self)
{
    struct map_walk walk = { 0 };
    for (struct batch *b; (b = map_next(&self->at, &walk)); ) drop(self, b);
    map_fini(&self->at);
}

uint64_t batch_new(struct batches *self, struct blob **envelope, size_t count)
{
    struct batch *b = calloc(1, sizeof *b + count * sizeof b->at[0]);
    NEED(b && count);
    b->id = ++self->ids;
    b->envelope = *envelope, *envelope = NULL;
    b->count = b->open = count;
    map_put_u64(&self->at, b->id, b);
    return b->id;
}

/* An asker's envelope begins with his identity, which is never empty: a member's with an empty frame. */
enum { MEMBER_BYTES = 4 + 8 + 4 };

struct blob *batch_envelope(uint64_t batch, size_t place)
{
    char bytes[MEMBER_BYTES] = { 0 };
    little_put(little_put(bytes + 4, batch, 8), place, 4);
    return blob_new((struct span){ bytes, sizeof bytes });
}

static bool is_member(struct span envelope)
{
    return envelope.len == MEMBER_BYTES && little_get(envelope.ptr, 4) == 0;
}

/* ---- answers */

static struct span too_large(void)
{
    return SPAN("{\"ok\":false,\"error\":{\"code\":\"too-large\",\"message\":\"done, but the answers to this batch are over router.command_queue_bytes\",\"field\":\"\"}}");
}

static void keep(struct batches *self, struct batch *b, size_t place, struct span json, struct span attachments)
{
    if (json.len + attachments.len > self->bytes - b->bytes) json = too_large(), attachments = SPAN("");
    else b->bytes += json.len + attachments.len;
    b->at[place].json = blob_new(json);
    if (attachments.len) b->at[place].attachments = blob_new(attachments);
    b->open--;
}

/* Its answer, with the count of its attachments as one more member. */
static void add_part(struct buf *list, struct buf *frames, const struct batch *b, size_t i)
{
    struct span json = blob_span(b->at[i].json);
    if (!b->at[i].attachments) {
        buf_add(list, json);
        return;
    }
    struct span attachments = blob_span(b->at[i].attachments);
    buf_add(list, span_head(json, json.len - 1));
    buf_add_format(list, ",\"attachments\":%zu}", msg_count_strs(attachments));
    buf_add(frames, attachments);
}

bool batch_on_answer(struct batches *self, struct span member, struct span json, struct span attachments, bool *whole,
                     struct blob **envelope, struct buf *list, struct buf *frames)
{
    *whole = false;
    if (!is_member(member)) return false;
    struct batch *b = map_find_u64(&self->at, little_get(member.ptr + 4, 8));
    size_t place = little_get(member.ptr + 12, 4);
    if (!b || place >= b->count || b->at[place].json) return true;
    keep(self, b, place, json, attachments);
    if (b->open) return true;
    *whole = true;
    buf_add_byte(list, '[');
    for (size_t i = 0; i < b->count; i++) {
        if (i) buf_add_byte(list, ',');
        add_part(list, frames, b, i);
    }
    buf_add_byte(list, ']');
    *envelope = b->envelope, b->envelope = NULL;
    drop(self, b);
    return true;
}
