#include "gather.h"

#include "base64.h"
#include "json.h"

#include <stdlib.h>

/* What is gathered by each verb: whom it asks, the list's name, its sort key. */
static const struct plan {
    enum role   roles[5];
    const char *list, *key;
} plans[VERB_COUNT] = {
    [VERB_sockets] = { { ROLE_GATEWAY }, "sockets", "id" },
    [VERB_rooms]   = { { ROLE_GATEWAY }, "rooms", "room" },
    [VERB_who]     = { { ROLE_PRESENCE }, "users", "user" },
    [VERB_online]  = { { ROLE_PRESENCE }, "users", "user" },
    [VERB_limits]  = { { ROLE_PRESENCE }, "limits", "key" },
    [VERB_reload]  = { { ROLE_ROUTER, ROLE_GATEWAY, ROLE_PRESENCE, ROLE_AUTH }, "daemons", "id" },
    [VERB_drain]   = { { ROLE_ROUTER, ROLE_GATEWAY, ROLE_PRESENCE, ROLE_AUTH }, "daemons", "id" },
    [VERB_revoke]  = { { ROLE_NONE }, "gateways", "id" },           /* revoke.c asks */
    [VERB_unrevoke] = { { ROLE_NONE }, "gateways", "id" },
    [VERB_watch]   = { { ROLE_PRESENCE }, "follows", "user" },
    [VERB_health]  = { { ROLE_ROUTER, ROLE_GATEWAY, ROLE_PRESENCE, ROLE_AUTH }, "daemons", "id" },
};

/* Who is in a room, gateways know. */
const enum role *gather_roles(const struct request *r)
{
    return plans[r->verb == VERB_who && r->field[FIELD_room].len ? VERB_rooms : r->verb].roles;
}

void gather_init(struct gather *self, const struct request *r, struct span json, uint64_t deadline)
{
    *self = (struct gather){ .verb = r->verb, .limit = r->limit, .room = r->verb == VERB_who && r->field[FIELD_room].len, .deadline = deadline, .asked = blob_new(json) };
}

void gather_fini(struct gather *self)
{
    blob_drop(&self->asked);
    buf_fini(&self->waiting), buf_fini(&self->parts), buf_fini(&self->failed);
}

void gather_expect(struct gather *self, struct span id)
{
    buf_add(&self->waiting, id);
    buf_add_byte(&self->waiting, ' ');
}

static bool cross_off(struct buf *ids, struct span id)
{
    struct span rest = buf_span(ids);
    while (rest.len) {
        struct span one = span_cut(&rest, ' ');
        if (!span_same(one, id)) continue;
        size_t at = (size_t)(one.ptr - ids->ptr), n = id.len + 1;
        memmove(ids->ptr + at, ids->ptr + at + n, ids->len - at - n);
        ids->len -= n;
        return true;
    }
    return false;
}

void gather_fail(struct gather *self, struct span id)
{
    buf_add(&self->failed, id);
    buf_add_byte(&self->failed, ' ');
}

bool gather_on_told(struct gather *self, struct span id, enum err error, struct span json)
{
    if (!cross_off(&self->waiting, id)) return false;
    if (error != OK || json_check(json, JSON_MAX_DEPTH) != OK || json_type_of(json) != JSON_OBJECT) {
        gather_fail(self, id);
    } else {
        struct buf str = { 0 };
        buf_add(&str, json);
        msg_add_str(&self->parts, buf_span(&str));
        buf_fini(&str);
    }
    return true;
}

bool gather_refused(const struct gather *self)
{
    struct span parts = buf_span(&self->parts), part, list, element;
    while (self->verb == VERB_reload && msg_next_str(&parts, &part))
        for (list = json_find(part, SPAN("daemons")); json_next(&list, &element); )
            if (json_string_is(json_find(element, SPAN("reload")), SPAN("refused"))) return true;
    return false;
}

bool gather_complete(const struct gather *self)
{
    return self->waiting.len == 0;
}

/* ---- merging */

struct item { struct span key, value; bool unquoted; };
struct items { struct item *at; size_t count, cap; struct buf texts; };        /* texts: of keys that had escapes */

static int by_key(const void *a, const void *b)
{
    return span_order(((const struct item *)a)->key, ((const struct item *)b)->key);
}

/* A key sorts by its text: 42 and "42" are neighbours. What escapes mean is kept apart; where, is said when all are there. */
static void add_item(struct items *items, struct span element, const char *name)
{
    if (items->count == items->cap) {
        items->cap = items->cap ? items->cap * 2 : 64;
        items->at = realloc(items->at, items->cap * sizeof *items->at);
        NEED(items->at);
    }
    struct span key = json_find(element, span_of(name));
    struct item item = { json_type_of(key) == JSON_STRING ? json_inside(key) : key, element, false };
    if (json_type_of(key) == JSON_STRING && span_find(key, '\\') >= 0) {
        size_t before = items->texts.len;
        json_unquote(&items->texts, key);
        item.key.len = items->texts.len - before, item.unquoted = true;
    }
    items->at[items->count++] = item;
}

static void sort(struct items *items)
{
    const char *text = items->texts.ptr;
    for (size_t i = 0; i < items->count; i++)
        if (items->at[i].unquoted) items->at[i].key.ptr = text, text += items->at[i].key.len;
    if (items->count) qsort(items->at, items->count, sizeof *items->at, by_key);
}

static struct items collect(const struct gather *self)
{
    const struct plan *plan = &plans[self->verb];
    struct span parts = buf_span(&self->parts), part, element;
    struct items items = { 0 };
    while (msg_next_str(&parts, &part)) {
        struct span list = json_find(part, span_of(plan->list));
        if (json_type_of(list) != JSON_ARRAY) continue;
        while (json_next(&list, &element)) add_item(&items, element, plan->key);
    }
    sort(&items);
    return items;
}

static void items_fini(struct items *items)
{
    free(items->at);
    buf_fini(&items->texts);
}

static void add_ids(struct buf *json, struct span ids, bool *comma)
{
    while (ids.len) {
        if (*comma) buf_add_byte(json, ',');
        json_quote(json, span_cut(&ids, ' '));
        *comma = true;
    }
}

/* One room, or user, of several gateways is one. */
static size_t add_joint(struct buf *json, const char *name, const struct item *items, size_t at, size_t count)
{
    uint64_t sum = 0, n;
    size_t i = at;
    for (; i < count && span_same(items[i].key, items[at].key); i++)
        if (json_to_uint(json_find(items[i].value, SPAN("sockets")), UINT64_MAX, &n)) sum += n;
    buf_add_format(json, "{\"%s\":", name);
    buf_add(json, json_find(items[at].value, span_of(name)));
    buf_add_literal(json, ",\"sockets\":");
    buf_add_uint(json, sum);
    buf_add_byte(json, '}');
    return i;
}

/* Where the parts say how many: of what fits, over all pages; of what was done. */
static void add_sums(const struct gather *self, struct buf *json)
{
    static const char *const names[] = { "total", "reached", "routers" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct span parts = buf_span(&self->parts), part;
        uint64_t sum = 0, n;
        bool any = false;
        while (msg_next_str(&parts, &part))
            if (json_to_uint(json_find(part, span_of(names[i])), UINT64_MAX, &n)) sum += n, any = true;
        if (any) buf_add_format(json, ",\"%s\":%llu", names[i], (unsigned long long)sum);
    }
}

/* Of a change of watch lists: does Redis have it everywhere? */
static void add_stored(const struct gather *self, struct buf *json)
{
    struct span parts = buf_span(&self->parts), part, stored;
    bool any = false, all = true;
    while (msg_next_str(&parts, &part)) {
        stored = json_find(part, SPAN("stored"));
        any = any || stored.len;
        all = all && json_is_true(stored);
    }
    if (any) buf_add_format(json, ",\"stored\":%s", all ? "true" : "false");
}

static int by_value(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* How many different users there are in a room: each gateway has given a mark of each of its own. */
static void add_users(const struct gather *self, struct buf *json)
{
    struct span parts = buf_span(&self->parts), part;
    struct buf bytes = { 0 };
    size_t users = 0;
    while (msg_next_str(&parts, &part)) {
        struct span text = json_find(part, SPAN("marks"));
        if (json_type_of(text) == JSON_STRING) (void)base64_decode(&bytes, json_inside(text));
    }
    size_t count = bytes.len / sizeof(uint64_t);
    uint64_t *marks = malloc((count + 1) * sizeof *marks);
    NEED(marks);
    if (count) memcpy(marks, bytes.ptr, count * sizeof *marks);
    qsort(marks, count, sizeof *marks, by_value);
    for (size_t i = 0; i < count; i++) users += i == 0 || marks[i] != marks[i - 1];
    buf_add_format(json, ",\"total\":%zu", users);
    free(marks);
    buf_fini(&bytes);
}

void gather_merge(const struct gather *self, struct buf *json)
{
    const struct plan *plan = &plans[self->verb];
    bool paged = self->verb == VERB_sockets || self->verb == VERB_rooms || self->verb == VERB_who || self->verb == VERB_watch;
    struct items items = collect(self);
    size_t i = 0, given = 0;
    buf_add_format(json, ",\"%s\":[", plan->list);
    while (i < items.count && (!paged || given < self->limit)) {
        if (given++) buf_add_byte(json, ',');
        if (self->verb == VERB_rooms || self->room) {
            i = add_joint(json, plan->key, items.at, i, items.count);
        } else {
            buf_add(json, items.at[i++].value);
        }
    }
    buf_add_byte(json, ']');
    if (paged && i < items.count) {
        buf_add_literal(json, ",\"next\":");
        json_quote(json, items.at[i - 1].key);
    }
    items_fini(&items);
    add_sums(self, json);
    add_stored(self, json);
    if (self->room) add_users(self, json);
    bool comma = false;
    buf_add_format(json, ",\"complete\":%s,\"missing\":[", self->waiting.len || self->failed.len ? "false" : "true");
    add_ids(json, buf_span(&self->waiting), &comma);
    add_ids(json, buf_span(&self->failed), &comma);
    buf_add_byte(json, ']');
}
