#include "config_table.h"

#include <stdlib.h>

struct load {
    struct config_target to;
    struct buf           key;       /* "listeners.public.port": where we are */
};

static void load_table(struct load *l, enum config_table table, char *base, const struct node *map, const struct config_row *group);

struct node *config_find(const struct node *map, struct span key)
{
    struct node *n = NULL;
    while (key.len && map) {
        struct span part = span_cut(&key, '.');
        uint64_t index;
        n = NULL;
        if (map->kind == NODE_LIST && span_to_uint(part, SIZE_MAX, &index) && index < map->count) n = map->child[index];
        for (size_t i = 0; map->kind == NODE_MAP && i < map->count && !n; i++)
            if (span_same(span_of(map->child[i]->key), part)) n = map->child[i], n->used = true;
        map = n;
    }
    return n;
}

static bool is_map(struct load *l, const struct node *n)
{
    if (!n || n->kind == NODE_NULL) return false;
    if (n->kind == NODE_MAP) return true;
    node_error(l->to.errors, n, buf_text(&l->key), "it must be a map of keys and values");
    return false;
}

/* "router" of "router.history_bytes" for the map at "", "history_bytes" for the one at "router"; empty: not below it. */
static struct span part_below(const struct config_row *row, struct span at, bool *whole)
{
    struct span rest = span_of(row->key);
    if (at.len && !(span_eat_prefix(&rest, at) && span_eat(&rest, '.'))) return span_head(rest, 0);
    struct span part = span_cut(&rest, '.');
    *whole = rest.len == 0;
    return part;
}

/* Refuses what no row knows in the map at the dotted key 'at' of this table. */
static void refuse_unknown(struct load *l, enum config_table table, const struct node *map, struct span at)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct node *n = map->child[i];
        struct config_guess guess = { 0 };
        bool known = false, section = false, whole = false;
        for (const struct config_row *r = NULL; !known && (r = config_next_row(table, r)); ) {
            struct span part = part_below(r, at, &whole);
            known = part.len && span_same(part, span_of(n->key));
            section = known && !whole;
            if (part.len) config_guess(&guess, span_of(n->key), part);
        }
        size_t mark = l->key.len;
        if (mark) buf_add_byte(&l->key, '.');
        buf_add(&l->key, span_of(n->key));
        if (!known && guess.name)
            node_error(l->to.errors, n, buf_text(&l->key), "there is no such key; did you mean '%.*s'?", (int)guess.len, guess.name);
        else if (!known)
            node_error(l->to.errors, n, buf_text(&l->key), "there is no such key; docs/TOPOLOGY.md has them all");
        if (section && is_map(l, n)) {
            struct buf below = { 0 };
            buf_add(&below, at);
            if (at.len) buf_add_byte(&below, '.');
            buf_add(&below, span_of(n->key));
            refuse_unknown(l, table, n, buf_span(&below));
            buf_fini(&below);
        }
        l->key.len = mark;
    }
}

static void load_value(struct load *l, const struct config_row *row, void *field, const struct node *n, const struct node *map, const char *fallback)
{
    static const struct node place = { .file = "default" };
    if (row->kind == ROW_RULES) {
        if (n) (void)config_value_set(&l->to, row, field, n, buf_text(&l->key));
        return;
    }
    if (n && config_value_set(&l->to, row, field, n, buf_text(&l->key))) return;
    if (!n && !fallback && map) node_error(l->to.errors, map, buf_text(&l->key), "a value is needed: %s", row->help);
    struct node *given = config_value_node(row, &place, span_of(fallback));
    if (fallback) NEED(config_value_set(&l->to, row, field, given, buf_text(&l->key)));
    else if (row->kind == ROW_TEXT) *(char **)field = calloc(1, 1);
    node_destroy(&given);
}

static void load_elements(struct load *l, const struct config_row *row, char *base, const struct node *n)
{
    size_t size = config_sections[row->sub].size, mark = l->key.len;
    if (!n || n->kind == NODE_NULL) return;
    if (n->kind != (row->kind == ROW_LIST ? NODE_LIST : NODE_MAP)) {
        node_error(l->to.errors, n, buf_text(&l->key), row->kind == ROW_LIST ? "it must be a list of maps" : "it must be a map of names");
        return;
    }
    char *element = calloc(n->count + 1, size);
    NEED(element);
    *(char **)(void *)(base + row->offset) = element;
    *(size_t *)(void *)(base + row->count_offset) = n->count;
    for (size_t i = 0; i < n->count; i++, element += size, l->key.len = mark) {
        const struct node *child = n->child[i];
        buf_add_byte(&l->key, '.');
        if (row->kind == ROW_LIST) {
            buf_add_uint(&l->key, i);
        } else {
            buf_add(&l->key, span_of(child->key));
            char *name = strdup(child->key);
            NEED(name);
            memcpy(element, &name, sizeof name);
        }
        bool map = is_map(l, child);
        if (map || child->kind == NODE_NULL) load_table(l, row->sub, element, child, NULL);
        else load_table(l, row->sub, element, NULL, NULL);
    }
}

/* 'map' may be NULL (or nothing): then all is default, and nothing is said of what is required if it was not a map. */
static void load_table(struct load *l, enum config_table table, char *base, const struct node *map, const struct config_row *group)
{
    size_t mark = l->key.len;
    for (const struct config_row *r = NULL; (r = config_next_row(table, r)); l->key.len = mark) {
        const struct node *n = config_find(map, span_of(r->key));
        const char *fallback = r->fallback ? r->fallback : group && r->unit == UNIT_PORT ? group->fallback : NULL;
        char *field = base + r->offset;
        if (mark) buf_add_byte(&l->key, '.');
        buf_add(&l->key, span_of(r->key));
        if (r->kind == ROW_GROUP) load_table(l, r->sub, field, is_map(l, n) ? n : NULL, r);
        else if (r->kind == ROW_LIST || r->kind == ROW_MAP) load_elements(l, r, base, n);
        else load_value(l, r, field, n, map, fallback);
    }
    if (map && map->kind == NODE_MAP) refuse_unknown(l, table, map, SPAN(""));
}

bool config_load(struct config *c, struct node *tree, struct buf *errors)
{
    struct load l = { .to = { c, errors } };
    size_t before = errors->len;
    c->tree = tree;
    if (!c->file) c->file = strdup("");
    if (!c->state_dir) c->state_dir = strdup("");
    NEED(c->file && c->state_dir);
    if (tree->kind != NODE_MAP && tree->kind != NODE_NULL) node_error(errors, tree, "", "a topology is a map of keys and values");
    load_table(&l, CONFIG_ROOT, (char *)c, tree, NULL);
    buf_fini(&l.key);
    config_check(c, errors);
    return errors->len == before;
}

static void fini_table(enum config_table table, char *base)
{
    for (const struct config_row *r = NULL; (r = config_next_row(table, r)); ) {
        char *field = base + r->offset;
        if (r->kind == ROW_GROUP) {
            fini_table(r->sub, field);
        } else if (r->kind == ROW_LIST || r->kind == ROW_MAP) {
            char *first = *(char **)(void *)field, *element = first;
            size_t n = *(size_t *)(void *)(base + r->count_offset);
            for (size_t i = 0; i < n; i++, element += config_sections[r->sub].size) {
                fini_table(r->sub, element);
                if (r->kind == ROW_MAP) free(*(char **)(void *)element);
            }
            free(first);
        } else {
            config_value_free(r, field);
        }
    }
}

void config_fini(struct config *c)
{
    for (size_t i = 0; i < c->namespace_count; i++) buf_fini(&c->namespaces[i].words);
    fini_table(CONFIG_ROOT, (char *)c);
    node_destroy(&c->tree);
    buf_fini(&c->warnings);
    free(c->file);
    free(c->state_dir);
    *c = (struct config){ 0 };
}
