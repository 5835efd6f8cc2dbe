#include "marks.h"

#include "msg.h"

#include <stdlib.h>

struct publish_entry {
    struct publish        publish;
    struct publish_entry *next;
    uint32_t              len;
    char                  id[];
};

struct mark {
    uint64_t number;
    uint32_t len;
    char     key[];
};

enum { MARKS_MAX = 65536 };     /* lives of origins remembered; far more than any cluster has */

static struct span mark_key(const void *value)
{
    const struct mark *m = value;
    return span_from(m->key, m->len);
}

static struct span publish_key(const void *value)
{
    const struct publish_entry *e = value;
    return span_from(e->id, e->len);
}

void marks_init(struct marks *self, const struct siphash_key *seed, size_t limit, uint64_t age_ms)
{
    struct siphash_key other = { seed->k0 ^ 0x9e3779b97f4a7c15ull, seed->k1 };      /* a seed each, says map.h */
    *self = (struct marks){ .limit = limit, .age_ms = age_ms };
    map_init(&self->numbers, seed, mark_key);
    map_init(&self->ids, &other, publish_key);
}

static void drop_oldest(struct marks *self)
{
    struct publish_entry *e = self->oldest;
    map_drop(&self->ids, publish_key(e));
    self->oldest = e->next;
    if (!self->oldest) self->newest = NULL;
    free(e);
}

void marks_fini(struct marks *self)
{
    struct map_walk walk = { 0 };
    struct mark *m;
    while ((m = map_next(&self->numbers, &walk))) free(m);
    map_fini(&self->numbers);
    while (self->oldest) drop_oldest(self);
    map_fini(&self->ids);
    buf_fini(&self->scratch);
}

/* ---- numbers of origins */

static struct span key_of(struct marks *self, uint16_t router, uint16_t holder, uint64_t epoch, struct span origin, uint64_t origin_epoch)
{
    buf_clear(&self->scratch);
    buf_add_uint(&self->scratch, router), buf_add_byte(&self->scratch, ' ');
    buf_add_uint(&self->scratch, holder), buf_add_byte(&self->scratch, ' ');
    buf_add_uint(&self->scratch, epoch), buf_add_byte(&self->scratch, ' ');
    buf_add(&self->scratch, origin), buf_add_byte(&self->scratch, ' ');
    buf_add_uint(&self->scratch, origin_epoch);
    return buf_span(&self->scratch);
}

static void raise_to(struct marks *self, struct span key, uint64_t number)
{
    struct mark *m = map_find(&self->numbers, key);
    if (!m) {
        if (self->numbers.count >= MARKS_MAX) return;
        m = malloc(sizeof *m + key.len);
        NEED(m);
        *m = (struct mark){ .len = (uint32_t)key.len };
        memcpy(m->key, key.ptr, key.len);
        map_put(&self->numbers, mark_key(m), m);
    }
    if (number > m->number) m->number = number;
}

void marks_see(struct marks *self, uint16_t router, uint16_t holder, uint64_t epoch, struct span origin, uint64_t origin_epoch, uint64_t number)
{
    raise_to(self, key_of(self, router, holder, epoch, origin, origin_epoch), number);
}

bool marks_seen(struct marks *self, uint16_t router, uint16_t holder, uint64_t epoch, struct span origin, uint64_t origin_epoch, uint64_t number)
{
    const struct mark *m = map_find(&self->numbers, key_of(self, router, holder, epoch, origin, origin_epoch));
    return m && number <= m->number;
}

/* Both ids of a mark are this router's: it tells what it has sequenced itself. */
static bool own(struct span text, uint16_t router)
{
    uint64_t of, holder;
    return span_to_uint(span_cut(&text, ' '), UINT16_MAX, &of) && span_to_uint(span_cut(&text, ' '), UINT16_MAX, &holder) && of == router && holder == router;
}

void marks_give(struct marks *self, uint16_t router, struct buf *strs)
{
    struct map_walk walk = { 0 };
    const struct mark *m;
    while ((m = map_next(&self->numbers, &walk))) {
        if (!own(mark_key(m), router)) continue;
        buf_clear(&self->scratch);
        buf_add(&self->scratch, mark_key(m)), buf_add_byte(&self->scratch, ' ');
        buf_add_uint(&self->scratch, m->number);
        msg_add_str(strs, buf_span(&self->scratch));
    }
}

void marks_take(struct marks *self, uint16_t router, struct span strs)
{
    struct span text;
    while (msg_next_str(&strs, &text)) {
        ptrdiff_t last = -1;
        for (size_t i = 0; i < text.len; i++)
            if (text.ptr[i] == ' ') last = (ptrdiff_t)i;
        uint64_t number;
        if (last < 0 || !own(text, router)) continue;
        if (span_to_uint(span_skip(text, (size_t)last + 1), UINT64_MAX, &number)) raise_to(self, span_head(text, (size_t)last), number);
    }
}

/* ---- publish ids */

void marks_publish(struct marks *self, struct span id, uint64_t epoch, uint64_t seq, uint32_t gateways, uint64_t time)
{
    if (self->limit == 0 || map_find(&self->ids, id)) return;
    if (self->ids.count >= self->limit) drop_oldest(self);
    struct publish_entry *e = malloc(sizeof *e + id.len);
    NEED(e);
    *e = (struct publish_entry){ .publish = { epoch, seq, time, gateways }, .len = (uint32_t)id.len };
    memcpy(e->id, id.ptr, id.len);
    if (self->newest) self->newest->next = e;
    else self->oldest = e;
    self->newest = e;
    map_put(&self->ids, publish_key(e), e);
}

const struct publish *marks_published(struct marks *self, struct span id, uint64_t now)
{
    while (self->oldest && self->oldest->publish.time + self->age_ms < now) drop_oldest(self);
    const struct publish_entry *e = map_find(&self->ids, id);
    return e ? &e->publish : NULL;
}

size_t marks_publishes(const struct marks *self)
{
    return self->ids.count;
}
