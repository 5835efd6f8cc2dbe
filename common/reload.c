#include "reload.h"
#include "config_table.h"
#include "json.h"

enum { ERRORS_MAX = 20 };       /* told in an answer; the log has them all */

struct walk {
    struct reload *report;      /* NULL: values are taken over */
    enum role      role;
    struct buf     key;
};

void reload_fini(struct reload *self)
{
    buf_fini(&self->changed), buf_fini(&self->restart);
}

/* ---- what differs */

/* Whose restart a key needs, by how it begins; else everybody's. */
static const struct { const char *prefix; unsigned roles; } users_of[] = {
    { "listeners.", 1u << ROLE_GATEWAY },   { "gateway.", 1u << ROLE_GATEWAY }, { "compression.", 1u << ROLE_GATEWAY },
    { "namespaces.", 1u << ROLE_GATEWAY | 1u << ROLE_PRESENCE | 1u << ROLE_AUTH },
    { "auth.", 1u << ROLE_AUTH },           { "presence.", 1u << ROLE_PRESENCE },
    { "router.", 1u << ROLE_ROUTER },       { "instances.", 1u << ROLE_ROUTER },
};

static bool concerns(enum role role, struct span key)
{
    for (size_t i = 0; i < sizeof users_of / sizeof users_of[0]; i++)
        if (span_has_prefix(key, span_of(users_of[i].prefix))) return users_of[i].roles >> role & 1u;
    return true;
}

static void note(struct walk *w, bool live)
{
    struct span key = buf_span(&w->key);
    if (concerns(w->role, key)) msg_add_str(live ? &w->report->changed : &w->report->restart, key);
}

/* The file of banned words is the same one: what stands in it may not be. */
static bool same_words(const struct config_row *row, const char *a, const char *b)
{
    const size_t words = offsetof(struct config_namespace, words);
    if (row->table != CONFIG_NAMESPACE || row->offset != offsetof(struct config_namespace, words_file)) return true;
    return span_same(buf_span((const struct buf *)(const void *)(a + words)), buf_span((const struct buf *)(const void *)(b + words)));
}

static bool same_field(const struct config_row *row, const char *a, const char *b)
{
    struct buf x = { 0 }, y = { 0 };
    config_print_field(&x, row, a);
    config_print_field(&y, row, b);
    bool same = span_same(buf_span(&x), buf_span(&y)) && same_words(row, a, b);
    buf_fini(&x), buf_fini(&y);
    return same;
}

static void swap_bytes(char *a, char *b, size_t n)
{
    for (; n; n--, a++, b++) {
        char c = *a;
        *a = *b, *b = c;
    }
}

static void swap_field(const struct config_row *row, char *a, char *b)
{
    bool many = row->kind == ROW_LIST || row->kind == ROW_MAP;
    swap_bytes(a + row->offset, b + row->offset, many ? sizeof(void *) : row->size);
    if (many) swap_bytes(a + row->count_offset, b + row->count_offset, sizeof(size_t));
}

/* The realm is what a namespace's users are known by, to everybody and for as long as they are there. */
static bool is_realm(const struct config_row *row)
{
    return row->table == CONFIG_NAMESPACE && row->offset == offsetof(struct config_namespace, realm);
}

static void walk_table(struct walk *w, enum config_table table, char *running, char *fresh);

/* ---- maps: element by element, by name */

struct elements { char *first; size_t count, size; };

static struct elements elements_of(const struct config_row *row, char *base)
{
    struct elements e = { .count = *(size_t *)(void *)(base + row->count_offset), .size = config_sections[row->sub].size };
    memcpy(&e.first, base + row->offset, sizeof e.first);
    return e;
}

static char *name_of(char *element)
{
    char *name;
    memcpy(&name, element, sizeof name);
    return name;
}

static char *find_element(const struct elements *e, const char *name)
{
    for (size_t i = 0; i < e->count; i++)
        if (strcmp(name_of(e->first + i * e->size), name) == 0) return e->first + i * e->size;
    return NULL;
}

static void enter(struct walk *w, const char *name)
{
    buf_add_byte(&w->key, '.');
    buf_add(&w->key, span_of(name));
}

static void walk_map(struct walk *w, const struct config_row *row, char *running, char *fresh)
{
    struct elements a = elements_of(row, running), b = elements_of(row, fresh);
    size_t mark = w->key.len;
    for (size_t i = 0; i < a.count; i++, w->key.len = mark) {
        char *mine = a.first + i * a.size, *other = find_element(&b, name_of(mine));
        enter(w, name_of(mine));
        if (other) walk_table(w, row->sub, mine, other);
        else if (w->report) note(w, config_row_live(row));
    }
    for (size_t i = 0; w->report && i < b.count; i++, w->key.len = mark) {
        char *other = b.first + i * b.size;
        if (find_element(&a, name_of(other))) continue;
        enter(w, name_of(other));
        note(w, config_row_live(row));
    }
}

/* ---- tables */

static void walk_field(struct walk *w, const struct config_row *row, char *running, char *fresh)
{
    bool live = config_row_live(row) && !is_realm(row);
    if (w->report && !same_field(row, running, fresh)) note(w, live);
    if (w->report) return;
    if (row->table == CONFIG_NAMESPACE ? is_realm(row) : live) swap_field(row, running, fresh);   /* namespaces change hands as a whole: the realm goes back */
}

static void walk_table(struct walk *w, enum config_table table, char *running, char *fresh)
{
    size_t mark = w->key.len;
    for (const struct config_row *r = NULL; (r = config_next_row(table, r)); w->key.len = mark) {
        if (mark) buf_add_byte(&w->key, '.');
        buf_add(&w->key, span_of(r->key));
        if (r->kind == ROW_GROUP) walk_table(w, r->sub, running + r->offset, fresh + r->offset);
        else if (r->kind == ROW_MAP) walk_map(w, r, running, fresh);
        else walk_field(w, r, running, fresh);
        if (r->kind == ROW_MAP && !w->report && config_row_live(r)) swap_field(r, running, fresh);
    }
}

void reload_compare(struct reload *self, const struct config *running, const struct config *fresh, enum role role)
{
    struct walk w = { .report = self, .role = role };
    union { const struct config *borrowed; void *bytes; } a = { running }, b = { fresh };    /* the walk that compares changes neither */
    walk_table(&w, CONFIG_ROOT, a.bytes, b.bytes);
    buf_fini(&w.key);
}

void reload_apply(struct config *running, struct config *fresh)
{
    struct walk w = { 0 };
    walk_table(&w, CONFIG_ROOT, (char *)running, (char *)fresh);
    swap_bytes((char *)&running->tree, (char *)&fresh->tree, sizeof running->tree);
    config_find_prefixes(running);      /* the listeners' are those of the start */
    buf_fini(&w.key);
}

/* ---- told */

const char *reload_outcome(const struct reload *self, struct span errors)
{
    return errors.len ? "refused" : self->changed.len || self->restart.len ? "done" : "unchanged";
}

static void add_keys(struct buf *json, const char *name, const struct buf *strs)
{
    struct span rest = buf_span(strs), key;
    buf_add_format(json, ",\"%s\":[", name);
    for (bool comma = false; msg_next_str(&rest, &key); comma = true) {
        if (comma) buf_add_byte(json, ',');
        json_quote(json, key);
    }
    buf_add_byte(json, ']');
}

/* "file:12:7: what", as node_error writes it; without a place it is all 'what'. */
static void add_error(struct buf *json, struct span line)
{
    struct span rest = line, file = span_cut(&rest, ':'), row = span_cut(&rest, ':'), column = span_cut(&rest, ':');
    uint64_t r, c;
    bool placed = span_to_uint(row, UINT32_MAX, &r) && span_to_uint(column, UINT32_MAX, &c);
    buf_add_byte(json, '{');
    if (placed) {
        buf_add_literal(json, "\"file\":");
        json_quote(json, file);
        buf_add_format(json, ",\"line\":%llu,\"column\":%llu,", (unsigned long long)r, (unsigned long long)c);
    }
    buf_add_literal(json, "\"message\":");
    json_quote(json, span_trim(placed ? rest : line));
    buf_add_byte(json, '}');
}

void reload_print(struct buf *json, const char *id, enum role role, const struct reload *self, struct span errors)
{
    size_t count = 0;
    buf_add_format(json, "{\"daemons\":[{\"id\":\"%s\",\"role\":\"%s\",\"reload\":\"%s\"", id, role_name(role), reload_outcome(self, errors));
    if (errors.len) buf_add_literal(json, ",\"errors\":[");
    else add_keys(json, "changed", &self->changed), add_keys(json, "restart", &self->restart);
    for (struct span rest = errors; rest.len && count < ERRORS_MAX; count++) {
        if (count) buf_add_byte(json, ',');
        add_error(json, span_cut(&rest, '\n'));
    }
    buf_add(json, errors.len ? SPAN("]}]}") : SPAN("}]}"));
}
