#include "node.h"

#include "json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static char *text_of(struct span s)
{
    char *text = malloc(s.len + 1);
    NEED(text);
    if (s.len) memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    return text;
}

/* Makes room for one more pointer. It doubles at powers of two, so 'count' alone says that there are at least
 * as many as the next power of two (node_take leaves more than that, never less). */
static void *grown(void *array, size_t count)
{
    if (count & (count - 1)) return array;
    array = realloc(array, (count ? 2 * count : 1) * sizeof(void *));
    NEED(array);
    return array;
}

struct node *node_new(enum node_kind kind, const char *file, unsigned line, unsigned column)
{
    struct node *n = calloc(1, sizeof *n);
    NEED(n);
    n->kind = kind;
    n->file = file;
    n->line = line;
    n->column = column;
    return n;
}

struct node *node_text(enum node_kind kind, const struct node *place, struct span text)
{
    struct node *n = node_new(kind, place->file, place->line, place->column);
    n->text = text_of(text);
    return n;
}

struct node *node_copy(const struct node *n)
{
    struct node *copy = node_new(n->kind, n->file, n->line, n->column);
    if (n->key) copy->key = text_of(span_of(n->key));
    if (n->text) copy->text = text_of(span_of(n->text));
    for (size_t i = 0; i < n->count; i++) node_add(copy, node_copy(n->child[i]));
    return copy;
}

void node_destroy(struct node **self)
{
    struct node *n = *self;
    if (!n) return;
    for (size_t i = 0; i < n->count; i++) node_destroy(&n->child[i]);
    for (size_t i = 0; i < n->names; i++) free(n->name[i]);
    free(n->child);
    free(n->name);
    free(n->key);
    free(n->text);
    free(n);
    *self = NULL;
}

const char *node_intern(struct node *root, struct span file)
{
    for (size_t i = 0; i < root->names; i++)
        if (span_same(span_of(root->name[i]), file)) return root->name[i];
    root->name = grown(root->name, root->names);
    return root->name[root->names++] = text_of(file);
}

void node_name(struct node *n, struct span key)
{
    free(n->key);
    n->key = text_of(key);
}

void node_add(struct node *parent, struct node *child)
{
    NEED(parent->kind == NODE_LIST || (parent->kind == NODE_MAP && child->key));
    parent->child = grown(parent->child, parent->count);
    parent->child[parent->count++] = child;
}

struct node *node_take(struct node *parent, size_t i)
{
    NEED(i < parent->count);
    struct node *child = parent->child[i];
    memmove(parent->child + i, parent->child + i + 1, (parent->count - i - 1) * sizeof child);
    parent->count--;
    return child;
}

struct span node_key(const void *node)
{
    return span_of(((const struct node *)node)->key);
}

struct node *node_find(const struct node *map, const char *key)
{
    if (!map || map->kind != NODE_MAP) return NULL;
    for (size_t i = 0; i < map->count; i++)
        if (strcmp(map->child[i]->key, key) == 0) {
            map->child[i]->used = true;
            return map->child[i];
        }
    return NULL;
}

/* JSON's number: -? int frac? exp?, with no zero in front. */
static bool numeric(struct span s)
{
    uint64_t n;
    (void)span_eat(&s, '-');
    if (span_starts(s, '0') && s.len > 1 && s.ptr[1] >= '0' && s.ptr[1] <= '9') return false;
    if (!span_eat_uint(&s, &n)) return false;
    if (span_eat(&s, '.') && !span_eat_uint(&s, &n)) return false;
    if (span_eat(&s, 'e') || span_eat(&s, 'E')) {
        if (!span_eat(&s, '-')) (void)span_eat(&s, '+');
        if (!span_eat_uint(&s, &n)) return false;
    }
    return s.len == 0;
}

enum node_kind node_plain_kind(struct span text)
{
    static const struct { const char *text; enum node_kind kind; } words[] = {
        { "", NODE_NULL }, { "~", NODE_NULL }, { "null", NODE_NULL }, { "Null", NODE_NULL }, { "NULL", NODE_NULL },
        { "true", NODE_BOOL }, { "True", NODE_BOOL }, { "TRUE", NODE_BOOL },
        { "false", NODE_BOOL }, { "False", NODE_BOOL }, { "FALSE", NODE_BOOL },
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (span_same(text, span_of(words[i].text))) return words[i].kind;
    return numeric(text) ? NODE_NUMBER : NODE_STRING;
}

void node_json(struct buf *out, const struct node *n)
{
    switch (n->kind) {
    case NODE_NULL:   buf_add_literal(out, "null"); return;
    case NODE_BOOL:   buf_add(out, n->text[0] == 't' || n->text[0] == 'T' ? SPAN("true") : SPAN("false")); return;
    case NODE_NUMBER: buf_add(out, span_of(n->text)); return;
    case NODE_STRING: json_quote(out, span_of(n->text)); return;
    case NODE_LIST: case NODE_MAP: break;
    }
    buf_add_byte(out, n->kind == NODE_MAP ? '{' : '[');
    for (size_t i = 0; i < n->count; i++) {
        if (i) buf_add_byte(out, ',');
        if (n->kind == NODE_MAP) json_quote(out, span_of(n->child[i]->key)), buf_add_byte(out, ':');
        node_json(out, n->child[i]);
    }
    buf_add_byte(out, n->kind == NODE_MAP ? '}' : ']');
}

void node_error(struct buf *errors, const struct node *n, const char *path, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (char *c = text; *c; c++) if ((unsigned char)*c < ' ') *c = '?';    /* an error stays one line */
    buf_add(errors, span_of(n->file));
    if (n->line) buf_add_format(errors, ":%u:%u", n->line, n->column);
    buf_add_literal(errors, ": ");
    if (*path) buf_add(errors, span_of(path)), buf_add_literal(errors, ": ");
    buf_add(errors, span_of(text));
    buf_add_byte(errors, '\n');
}
