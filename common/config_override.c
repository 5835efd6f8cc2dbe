/* Single values from the environment: ROUTER_HISTORY_BYTES is router.history_bytes. */
#include "config_table.h"

#include <stdlib.h>

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ? c : '_';
}

/* A key as it stands in a variable's name: upper case, everything else is '_'. */
static bool same_name(struct span key, struct span name)
{
    if (key.len != name.len) return false;
    for (size_t i = 0; i < key.len; i++)
        if (upper(key.ptr[i]) != name.ptr[i]) return false;
    return true;
}

static bool eat_name(struct span *name, struct span key)
{
    if (name->len <= key.len || !same_name(key, span_head(*name, key.len)) || name->ptr[key.len] != '_') return false;
    *name = span_skip(*name, key.len + 1);
    return true;
}

/* The map at a dotted key below 'map', made where there is none; NULL: something else stands there. */
static struct node *need_map(struct node *map, struct span key, const struct node *place)
{
    while (key.len) {
        struct span part = span_cut(&key, '.');
        if (map->kind == NODE_NULL) map->kind = NODE_MAP;
        if (map->kind != NODE_MAP) return NULL;
        struct node *below = config_find(map, part);
        if (!below) {
            below = node_new(NODE_MAP, place->file, place->line, place->column);
            node_name(below, part);
            node_add(map, below);
        }
        map = below;
    }
    if (map->kind == NODE_NULL) map->kind = NODE_MAP;
    return map->kind == NODE_MAP ? map : NULL;
}

/* What does not fit the schema (a text where a map belongs) is left for config_load to say. */
static void plant(struct node *map, const struct config_row *row, const struct node *place, struct span value)
{
    const char *dot = strrchr(row->key, '.'), *last = dot ? dot + 1 : row->key;
    map = need_map(map, span_from(row->key, dot ? (size_t)(dot - row->key) : 0), place);
    if (!map) return;
    for (size_t i = 0; i < map->count; i++)
        if (strcmp(map->child[i]->key, last) == 0) {
            struct node *old = node_take(map, i);
            node_destroy(&old);
            break;
        }
    struct node *n = config_value_node(row, place, value);
    node_name(n, span_of(last));
    node_add(map, n);
}

static bool set(enum config_table table, struct node *map, struct span name, const struct node *place, struct span value);

/* "0_PORT" or "PUBLIC_PORT" in a list or a map of maps. */
static bool set_element(const struct config_row *row, struct node *list, struct span name, const struct node *place, struct span value)
{
    struct span rest = name;
    uint64_t index;
    for (size_t i = 0; row->kind == ROW_MAP && i < list->count; i++, rest = name)
        if (eat_name(&rest, span_of(list->child[i]->key)) && set(row->sub, list->child[i], rest, place, value)) return true;
    return span_eat_uint(&rest, &index) && span_eat(&rest, '_') && index < list->count
        && set(row->sub, list->child[index], rest, place, value);
}

static bool set(enum config_table table, struct node *map, struct span name, const struct node *place, struct span value)
{
    for (const struct config_row *r = NULL; (r = config_next_row(table, r)); ) {
        struct span rest = name, key = span_of(r->key);
        if (r->kind == ROW_RULES) continue;
        if (r->kind != ROW_GROUP && r->kind != ROW_LIST && r->kind != ROW_MAP) {
            if (!same_name(key, name)) continue;
            plant(map, r, place, value);
            return true;
        }
        if (!eat_name(&rest, key)) continue;
        if (r->kind == ROW_GROUP) {
            struct node *group = need_map(map, key, place);
            if (!group || set(r->sub, group, rest, place, value)) return true;
            continue;
        }
        struct node *list = config_find(map, key);
        if (list && set_element(r, list, rest, place, value)) return true;
    }
    return false;
}

bool config_override(struct node *tree, struct span name, struct span value, struct buf *errors)
{
    struct buf variable = { 0 };
    buf_add_literal(&variable, "CAUSEWAY_");
    buf_add(&variable, name);
    const struct node place = { .file = node_intern(tree, buf_span(&variable)) };
    buf_fini(&variable);
    if (set(CONFIG_ROOT, tree, name, &place, value)) return true;

    struct config_guess guess = { 0 };
    struct buf names = { 0 };
    for (const struct config_row *r = NULL; (r = config_next_row(CONFIG_ROOT, r)); ) {
        if (r->kind >= ROW_RULES) continue;
        for (const char *k = r->key; *k; k++) buf_add_byte(&names, upper(*k));
        buf_add_byte(&names, '\n');
    }
    for (struct span rest = buf_span(&names); rest.len; ) config_guess(&guess, name, span_cut(&rest, '\n'));
    if (guess.name) node_error(errors, &place, "", "no key of the topology has this name; did you mean CAUSEWAY_%.*s?", (int)guess.len, guess.name);
    else node_error(errors, &place, "", "no key of the topology has this name; CAUSEWAY_ROUTER_HISTORY_BYTES would be router.history_bytes");
    buf_fini(&names);
    return false;
}
