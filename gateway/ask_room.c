/* ask_room - the users of a room, this gateway's part: those of a page, and a mark of each one, so that
 * who sits on two gateways is counted once. */
#include "gate_state.h"

#include "base64.h"
#include "json.h"

#include <stdlib.h>

struct sitter { struct span text; const struct socket *socket; };       /* text: of his user's id */

static int by_text(const void *a, const void *b)
{
    return span_order(((const struct sitter *)a)->text, ((const struct sitter *)b)->text);
}

static int by_value(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void add_text(struct buf *texts, struct span user)
{
    if (json_type_of(user) == JSON_STRING) json_unquote(texts, user);
    else buf_add(texts, user);
}

/* Its sockets with a user, those of one user side by side. */
static struct sitter *collect(const struct room *room, struct buf *texts, size_t *count)
{
    struct sitter *all = malloc((room->count + 1) * sizeof *all);
    NEED(all);
    *count = 0;
    for (uint32_t i = 0; i < room->count; i++) {
        const struct socket *s = room->members[i].socket;
        size_t before = texts->len;
        if (socket_user(s).len == 0 || s->state != SOCKET_OPEN) continue;
        add_text(texts, socket_user(s));
        all[(*count)++] = (struct sitter){ { NULL, texts->len - before }, s };
    }
    const char *text = texts->ptr;
    for (size_t i = 0; i < *count; text += all[i++].text.len) all[i].text.ptr = text;
    qsort(all, *count, sizeof *all, by_text);
    return all;
}

/* The same at every gateway. */
static uint64_t mark_of(struct span text)
{
    static const struct siphash_key key = { 0 };
    return siphash_1_3(&key, text);
}

static void add_marks(struct buf *json, uint64_t *marks, size_t count)
{
    qsort(marks, count, sizeof *marks, by_value);
    buf_add_literal(json, "],\"marks\":\"");
    base64_encode(json, span_from((const char *)marks, count * sizeof *marks));
    buf_add_literal(json, "\"}");
}

void ask_room(struct gate *g, struct buf *json, struct span nsp, struct span name, struct span prefix, struct span after, uint64_t limit)
{
    struct buf texts = { 0 };
    size_t count = 0, users = 0;
    uint64_t given = 0;
    buf_clear(&g->key), buf_clear(&g->text);
    address_encode(&g->text, ADDRESS_ROOM, name);
    address_key(&g->key, nsp, buf_span(&g->text));
    const struct room *room = registry_room(&g->registry, buf_span(&g->key));
    struct sitter *all = room ? collect(room, &texts, &count) : NULL;
    uint64_t *marks = malloc((count + 1) * sizeof *marks);
    NEED(marks);
    buf_add_literal(json, "{\"users\":[");
    for (size_t i = 0, next; i < count; i = next) {
        for (next = i + 1; next < count && span_same(all[next].text, all[i].text); ) next++;
        if (!span_has_prefix(all[i].text, prefix)) continue;
        marks[users++] = mark_of(all[i].text);
        if (given > limit || (after.len && span_order(all[i].text, after) <= 0)) continue;     /* one more than asked: it says that there is more */
        if (given++) buf_add_byte(json, ',');
        buf_add_literal(json, "{\"user\":");
        buf_add(json, socket_user(all[i].socket));
        buf_add_format(json, ",\"sockets\":%zu}", next - i);
    }
    add_marks(json, marks, users);
    free(all), free(marks);
    buf_fini(&texts);
}
