/* One YAML file into nodes. Whatever is wrong in it costs an error line and never more memory than the limits allow. */
#include "config_yaml.h"
#include "map.h"
#include "utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <yaml.h>

static const char too_deep[] = "nested too deeply (at most 64 levels)";

struct anchor { char *name; struct node *node; };

struct parse {
    struct config_reader *r;
    yaml_parser_t         yaml;
    const char           *file;
    struct anchor        *anchors;
    size_t                anchor_count;
    struct node          *aside;    /* values of keys said twice: an alias may still mean them */
};

static struct node *parse_node(struct parse *p, const yaml_event_t *event, unsigned depth);

static struct node *place(const struct parse *p, yaml_mark_t mark, struct node *n)
{
    n->file = p->file;
    n->line = (unsigned)mark.line + 1;
    n->column = (unsigned)mark.column + 1;
    return n;
}

static void fail(struct parse *p, yaml_mark_t mark, const char *what)
{
    struct node at = { 0 };
    node_error(p->r->errors, place(p, mark, &at), "", "%s", what);
    p->r->broken = true;
}

static bool next_event(struct parse *p, yaml_event_t *event)
{
    if (yaml_parser_parse(&p->yaml, event)) return true;
    struct node at = { 0 };
    node_error(p->r->errors, place(p, p->yaml.problem_mark, &at), "", "not YAML: %s%s%s",
               p->yaml.context ? p->yaml.context : "", p->yaml.context ? ", " : "", p->yaml.problem ? p->yaml.problem : "it cannot be read");
    p->r->broken = true;
    return false;
}

static bool count_nodes(struct parse *p, yaml_mark_t mark, size_t n)
{
    if (n <= CONFIG_NODES_MAX - p->r->nodes) {
        p->r->nodes += n;
        return true;
    }
    fail(p, mark, "too many values (at most 1,000,000, with all includes and aliases)");
    return false;
}

static size_t size_of(const struct node *n)
{
    size_t size = 1;
    for (size_t i = 0; i < n->count; i++) size += size_of(n->child[i]);
    return size;
}

static unsigned depth_of(const struct node *n)
{
    unsigned deepest = 0;
    for (size_t i = 0; i < n->count; i++) {
        unsigned d = depth_of(n->child[i]);
        if (d > deepest) deepest = d;
    }
    return deepest + 1;
}

static void keep_anchor(struct parse *p, const yaml_char_t *name, struct node *n)
{
    if (!name || !n) return;
    p->anchors = realloc(p->anchors, (p->anchor_count + 1) * sizeof *p->anchors);
    NEED(p->anchors);
    struct anchor *a = &p->anchors[p->anchor_count++];
    *a = (struct anchor){ strdup((const char *)name), n };
    NEED(a->name);
}

static struct node *parse_alias(struct parse *p, const yaml_event_t *event, unsigned depth)
{
    const char *name = (const char *)event->data.alias.anchor;
    for (size_t i = p->anchor_count; i-- > 0; ) {       /* the last of that name */
        const struct node *n = p->anchors[i].node;
        if (strcmp(p->anchors[i].name, name) != 0) continue;
        if (depth + depth_of(n) > CONFIG_DEPTH_MAX) return fail(p, event->start_mark, too_deep), NULL;
        if (!count_nodes(p, event->start_mark, size_of(n))) return NULL;
        struct node *copy = node_copy(n);
        free(copy->key);
        copy->key = NULL;
        return copy;
    }
    fail(p, event->start_mark, "there is no such anchor before this alias");
    return NULL;
}

/* A tag changes nothing but that !!str makes a text. */
static struct node *parse_scalar(struct parse *p, const yaml_event_t *event)
{
    struct span text = span_from(event->data.scalar.value, event->data.scalar.length);
    const char *tag = (const char *)event->data.scalar.tag;
    struct node at = { 0 };
    if (span_find(text, '\0') >= 0) return fail(p, event->start_mark, "a text may not hold a NUL character"), NULL;
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !(tag && strcmp(tag, YAML_STR_TAG) == 0);
    return node_text(plain ? node_plain_kind(text) : NODE_STRING, place(p, event->start_mark, &at), text);
}

/* A member's value, under its key. A key said twice costs a line, and the second value is put aside. */
static bool parse_member(struct parse *p, struct node *map, struct map *names, const yaml_event_t *key, unsigned depth)
{
    yaml_event_t event;
    if (key->type != YAML_SCALAR_EVENT) return fail(p, key->start_mark, "a key must be a plain text"), false;
    struct span name = span_from(key->data.scalar.value, key->data.scalar.length);
    if (span_find(name, '\0') >= 0) return fail(p, key->start_mark, "a key may not hold a NUL character"), false;
    if (!next_event(p, &event)) return false;
    struct node *value = parse_node(p, &event, depth);
    yaml_event_delete(&event);
    if (!value) return false;
    node_name(value, name);
    place(p, key->start_mark, value);       /* an error about a member points at its key */
    const struct node *before = map_find(names, name);
    if (!before) (void)map_put(names, name, value);
    if (before) node_error(p->r->errors, value, value->key, "the same key again; it stands in line %u already", before->line);
    node_add(before ? p->aside : map, value);
    return true;
}

/* Walks to the end of a map or list; false where the file is broken. 'names': a map's members. */
static bool parse_members(struct parse *p, struct node *n, struct map *names, unsigned depth)
{
    yaml_event_t event;
    for (bool good = true; good; yaml_event_delete(&event)) {
        if (!next_event(p, &event)) return false;
        if (event.type == YAML_MAPPING_END_EVENT || event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            return true;
        }
        if (n->count >= CONFIG_CHILDREN_MAX) {
            fail(p, event.start_mark, "too many members (at most 100,000)");
            good = false;
        } else if (n->kind == NODE_MAP) {
            good = parse_member(p, n, names, &event, depth);
        } else {
            struct node *child = parse_node(p, &event, depth);
            if (child) node_add(n, child);
            good = child != NULL;
        }
    }
    return false;
}

static bool parse_children(struct parse *p, struct node *n, unsigned depth)
{
    static const struct siphash_key seed = { 0 };       /* whoever writes the file may slow down its reading */
    struct map names;
    map_init(&names, &seed, node_key);
    bool good = parse_members(p, n, &names, depth);
    map_fini(&names);
    return good;
}

static struct node *parse_node(struct parse *p, const yaml_event_t *event, unsigned depth)
{
    const yaml_char_t *anchor = NULL;
    struct node *n = NULL;
    if (depth >= CONFIG_DEPTH_MAX) return fail(p, event->start_mark, too_deep), NULL;
    if (event->type == YAML_ALIAS_EVENT) return parse_alias(p, event, depth);
    if (!count_nodes(p, event->start_mark, 1)) return NULL;
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        n = parse_scalar(p, event);
    } else {
        bool map = event->type == YAML_MAPPING_START_EVENT;
        anchor = map ? event->data.mapping_start.anchor : event->data.sequence_start.anchor;
        n = place(p, event->start_mark, node_new(map ? NODE_MAP : NODE_LIST, p->file, 0, 0));
        if (!parse_children(p, n, depth + 1)) node_destroy(&n);
    }
    keep_anchor(p, anchor, n);
    return n;
}

static struct node *parse_document(struct parse *p)
{
    yaml_event_t event;
    struct node *root = NULL;
    for (bool more = true; more && next_event(p, &event); yaml_event_delete(&event)) {
        switch (event.type) {
        case YAML_STREAM_END_EVENT:
            more = false;
            break;
        case YAML_SCALAR_EVENT: case YAML_SEQUENCE_START_EVENT: case YAML_MAPPING_START_EVENT: case YAML_ALIAS_EVENT:
            if (root) fail(p, event.start_mark, "a second document: a topology file is one");
            else root = parse_node(p, &event, 0);
            more = !p->r->broken;
            break;
        default:
            break;
        }
    }
    return root;
}

/* The file's bytes; false, and an error, where it cannot be read. */
static bool read_bytes(struct config_reader *r, const char *file, const struct node *asked, struct buf *bytes)
{
    const struct node at = { .file = file };
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    ssize_t n = -1;
    while (fd >= 0 && bytes->len <= CONFIG_FILE_MAX && (n = read(fd, buf_room(bytes, 65536), 65536)) > 0) buf_grew(bytes, (size_t)n);
    int error = errno;
    if (fd >= 0) (void)close(fd);
    if (n == 0) return true;
    r->broken = true;
    if (n > 0) node_error(r->errors, &at, "", "the file is larger than 16 MiB");
    else if (asked) node_error(r->errors, asked, "include", "%s: %s", file, strerror(error));
    else node_error(r->errors, &at, "", "%s", strerror(error));
    return false;
}

struct node *config_parse_yaml(struct config_reader *r, const char *file, const struct node *asked)
{
    struct parse p = { .r = r, .aside = node_new(NODE_LIST, NULL, 0, 0) };
    struct node *root = NULL;
    struct buf bytes = { 0 };
    if (read_bytes(r, file, asked, &bytes)) {
        p.file = node_intern(r->names, span_of(file));
        NEED(yaml_parser_initialize(&p.yaml));
        yaml_parser_set_input_string(&p.yaml, (const unsigned char *)buf_text(&bytes), bytes.len);
        root = parse_document(&p);
        if (!root && !r->broken) root = node_text(NODE_NULL, &(struct node){ .file = p.file, .line = 1, .column = 1 }, SPAN(""));
        yaml_parser_delete(&p.yaml);
        while (p.anchor_count) free(p.anchors[--p.anchor_count].name);
        free(p.anchors);
    }
    node_destroy(&p.aside);
    buf_fini(&bytes);
    if (r->broken) node_destroy(&root);
    return root;
}
