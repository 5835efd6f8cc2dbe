/* Includes: a file's maps put into the map that asks for it. */
#include "config_yaml.h"
#include "map.h"
#include "namespace.h"

#include <stdlib.h>
#include <sys/stat.h>

struct chain { const struct chain *outer; dev_t device; ino_t inode; unsigned depth; };

static struct node *load(struct config_reader *r, const char *file, const struct node *asked, const struct chain *outer);

static bool same_value(const struct node *a, const struct node *b)
{
    struct buf left = { 0 }, right = { 0 };
    node_json(&left, a);
    node_json(&right, b);
    bool same = span_same(buf_span(&left), buf_span(&right));
    buf_fini(&left);
    buf_fini(&right);
    return same;
}

/* Takes the members of 'other' into 'map', map into map; what is in 'map' wins. As equals, they must not differ. */
static void merge(struct config_reader *r, struct node *map, struct node **other, bool equals)
{
    static const struct siphash_key seed = { 0 };       /* whoever writes the file may slow down its reading */
    struct map names;
    map_init(&names, &seed, node_key);
    for (size_t i = 0; i < map->count; i++) (void)map_put(&names, node_key(map->child[i]), map->child[i]);
    for (size_t i = 0; i < (*other)->count; i++) {
        struct node *theirs = (*other)->child[i], *ours = map_find(&names, node_key(theirs));
        if (!ours) {
            node_add(map, theirs);
            (void)map_put(&names, node_key(theirs), theirs);
            continue;
        }
        if (ours->kind == NODE_MAP && theirs->kind == NODE_MAP)
            merge(r, ours, &theirs, equals);
        else if (equals && !same_value(ours, theirs))
            node_error(r->errors, theirs, theirs->key, "another included file says something else (%s:%u)", ours->file, ours->line);
        node_destroy(&theirs);
    }
    (*other)->count = 0;        /* all are elsewhere now */
    map_fini(&names);
    node_destroy(other);
}

static struct node *take_include(struct node *map)
{
    for (size_t i = 0; i < map->count; i++)
        if (strcmp(map->child[i]->key, "include") == 0) return node_take(map, i);
    return NULL;
}

/* ---- an application below a prefix: its namespaces' names get longer, and its listeners know by how much */

/* Its users are its own: of realm "music", "a.b". */
static void set_realm(struct node *space, const struct node *prefix)
{
    struct buf realm = { 0 };
    if (space->kind != NODE_MAP) return;
    for (const char *c = prefix->text + 1; *c; c++) buf_add_byte(&realm, *c == '/' ? '.' : *c);
    struct node *n = node_text(NODE_STRING, prefix, buf_span(&realm));
    node_name(n, SPAN("realm"));
    node_add(space, n);
    buf_fini(&realm);
}

static void put_before(struct node *map, const struct node *prefix)
{
    struct buf name = { 0 };
    for (size_t i = 0; map && map->kind == NODE_MAP && i < map->count; i++) {
        buf_clear(&name);
        namespace_meant(&name, span_of(prefix->text), span_of(map->child[i]->key));
        node_name(map->child[i], buf_span(&name));
        if (!node_find(map->child[i], "realm")) set_realm(map->child[i], prefix);
    }
    buf_fini(&name);
}

static void tell_listener(struct node *listener, const struct node *prefix)
{
    struct node *old = node_find(listener, "prefix");
    struct buf whole = { 0 };
    buf_add(&whole, span_of(prefix->text));
    if (old && old->text) buf_add(&whole, span_of(old->text));
    struct node *fresh = node_text(NODE_STRING, old ? old : prefix, buf_span(&whole));
    for (size_t i = 0; old && i < listener->count; i++)
        if (listener->child[i] == old) {
            old = node_take(listener, i);
            node_destroy(&old);
        }
    node_name(fresh, SPAN("prefix"));
    node_add(listener, fresh);
    buf_fini(&whole);
}

static void put_below(struct node *file, const struct node *prefix)
{
    struct node *listeners = node_find(file, "listeners");
    put_before(node_find(file, "namespaces"), prefix);
    for (size_t i = 0; listeners && listeners->kind == NODE_MAP && i < listeners->count; i++)
        if (listeners->child[i]->kind == NODE_MAP) tell_listener(listeners->child[i], prefix);
}

/* ---- which file, and what becomes of it */

/* What 'include:' or an item of it names: a file, or {file, prefix}; NULL: neither, and that is told. */
static const struct node *file_of(struct config_reader *r, const struct node *item, bool whole, const struct node **prefix)
{
    const struct node *name = item->kind == NODE_MAP ? node_find(item, "file") : item;
    *prefix = item->kind == NODE_MAP ? node_find(item, "prefix") : NULL;
    if (!name || name->kind != NODE_STRING || !name->text[0] || (item->kind == NODE_MAP && item->count > 1u + (*prefix != NULL)))
        node_error(r->errors, item, "include", "it must be a file's name, {file, prefix}, or a list of them");
    else if (*prefix && !whole)
        node_error(r->errors, item, "include", "a prefix is for whole files, included at the top of one");
    else if (*prefix && ((*prefix)->kind != NODE_STRING || !config_form_fits(FORM_PREFIX, span_of((*prefix)->text))))
        node_error(r->errors, *prefix, "include", "prefix must be %s", config_form_text(FORM_PREFIX));
    else return name;
    return NULL;
}

static void include_one(struct config_reader *r, struct node *into, const struct node *item, const struct chain *outer, bool whole)
{
    struct buf path = { 0 };
    const struct node *prefix, *name = file_of(r, item, whole, &prefix);
    if (!name) return;
    const char *slash = strrchr(name->file, '/');
    if (slash && name->text[0] != '/') buf_add(&path, span_from(name->file, (size_t)(slash - name->file) + 1));
    buf_add(&path, span_of(name->text));
    struct node *other = load(r, buf_text(&path), name, outer);
    buf_fini(&path);
    if (other && prefix) put_below(other, prefix);
    if (other && other->kind == NODE_MAP) merge(r, into, &other, true);
    else if (other && other->kind != NODE_NULL) node_error(r->errors, other, "", "what is included must be a map"), node_destroy(&other);
    else node_destroy(&other);
}

static void resolve(struct config_reader *r, struct node *map, const struct chain *outer, bool whole)
{
    struct node *names = map->kind == NODE_MAP ? take_include(map) : NULL;
    if (!names) return;
    struct node *sum = node_new(NODE_MAP, map->file, map->line, map->column);
    for (size_t i = 0; names->kind == NODE_LIST && i < names->count; i++) include_one(r, sum, names->child[i], outer, whole);
    if (names->kind != NODE_LIST) include_one(r, sum, names, outer, whole);
    node_destroy(&names);
    merge(r, map, &sum, false);
}

static bool enter(struct config_reader *r, const char *file, const struct node *asked, const struct chain *outer, struct chain *here)
{
    struct stat st;
    *here = (struct chain){ .outer = outer, .depth = outer ? outer->depth + 1 : 0 };
    if (stat(file, &st) != 0) return true;          /* reading it will say why */
    here->device = st.st_dev, here->inode = st.st_ino;
    const char *wrong = here->depth > CONFIG_INCLUDES_MAX ? "files include one another more than 8 levels deep" : NULL;
    for (const struct chain *c = outer; c && !wrong; c = c->outer)
        if (c->device == st.st_dev && c->inode == st.st_ino) wrong = "this file includes itself";
    if (!wrong) return true;
    node_error(r->errors, asked, "include", "%s: %s", file, wrong);
    r->broken = true;
    return false;
}

static struct node *load(struct config_reader *r, const char *file, const struct node *asked, const struct chain *outer)
{
    static const char *const places[] = { "listeners", "namespaces" };
    struct chain here;
    if (!enter(r, file, asked, outer, &here)) return NULL;
    struct node *n = config_parse_yaml(r, file, asked);
    for (size_t i = 0; n && i < sizeof places / sizeof places[0]; i++) {
        struct node *map = node_find(n, places[i]);
        if (map) resolve(r, map, &here, false);
    }
    if (n) resolve(r, n, &here, true);
    return n;
}

struct node *config_include_yaml(struct config_reader *r, const char *file)
{
    return load(r, file, NULL, NULL);
}
