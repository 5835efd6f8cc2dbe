#include "explain.h"

static void add_text(struct buf *out, const char *text)
{
    buf_add(out, span_of(text));
}

/* One thing or a list of them. */
static size_t count_of(const struct node *n) { return n->kind == NODE_LIST ? n->count : 1; }
static const struct node *item_of(const struct node *n, size_t i) { return n->kind == NODE_LIST ? n->child[i] : n; }

static void join(struct buf *out, size_t i, size_t count, const char *last)
{
    if (i) add_text(out, i + 1 == count ? last : ", ");
}

void explain_values(struct buf *out, const struct node *n)
{
    for (size_t i = 0; i < count_of(n); i++) {
        const struct node *v = item_of(n, i);
        join(out, i, count_of(n), " or ");
        if (v->kind == NODE_STRING) add_text(out, v->text);
        else node_json(out, v);
    }
}

/* ---- conditions */

static const struct { const char *type, *noun, *unit; } types[] = {
    { "any", "anything", "" }, { "string", "a string", " characters" }, { "number", "a number", "" }, { "integer", "an integer", "" },
    { "boolean", "true or false", "" }, { "object", "an object", "" }, { "array", "a list", " elements" },
};

static const char *noun_of(const struct node *type, const char **unit)
{
    for (size_t i = 0; type->kind == NODE_STRING && i < sizeof types / sizeof types[0]; i++)
        if (strcmp(type->text, types[i].type) == 0) return *unit = types[i].unit, types[i].noun;
    return *unit = "", "anything";
}

static void add_types(struct buf *out, const struct node *n, const char **unit)
{
    add_text(out, "is ");
    for (size_t i = 0; i < count_of(n); i++) {
        join(out, i, count_of(n), " or ");
        add_text(out, noun_of(item_of(n, i), unit));
    }
}

static void add_bounds(struct buf *out, const struct node *min, const struct node *max, const char *unit)
{
    if (!min && !max) return;
    add_text(out, *unit ? " of " : " ");
    if (min && max) buf_add_format(out, "%s%s to %s", *unit ? "" : "from ", min->text, max->text);
    else if (min) buf_add_format(out, "at least %s", min->text);
    else buf_add_format(out, "at most %s", max->text);
    add_text(out, unit);
}

static bool is_true(const struct node *n)
{
    return n && (n->text[0] == 't' || n->text[0] == 'T');
}

void explain_condition(struct buf *out, const struct node *n, const char *words_file)
{
    const char *unit = "";
    if (n->kind == NODE_STRING && strcmp(n->text, "present") == 0) { add_text(out, "is there, and neither null nor an empty text"); return; }
    if (n->kind == NODE_STRING && strcmp(n->text, "absent") == 0) { add_text(out, "is not there, or null, or an empty text"); return; }
    if (n->kind != NODE_MAP) { add_types(out, n, &unit); return; }
    const struct node *type = node_find(n, "type"), *in = node_find(n, "in");
    if (type) add_types(out, type, &unit);
    add_bounds(out, node_find(n, "min"), node_find(n, "max"), unit);
    if (in) add_text(out, type ? ", one of " : "is "), explain_values(out, in);
    if (is_true(node_find(n, "clean"))) buf_add_format(out, ", without the banned words of %s", words_file);
    if (is_true(node_find(n, "optional"))) add_text(out, ", or missing");
}

/* ---- addresses and arguments */

static void add_address(struct buf *out, const char *text)
{
    static const struct { const char *prefix, *words; } kinds[] = { { "user:", "user " }, { "room:", "room " }, { "socket:", "socket " } };
    struct span rest = span_of(text);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (span_eat_prefix(&rest, span_of(kinds[i].prefix))) { add_text(out, kinds[i].words), buf_add(out, rest); return; }
    add_text(out, strcmp(text, "*") == 0 ? "everybody in the namespace" : strcmp(text, "self") == 0 ? "the sender's socket" : text);
}

void explain_addresses(struct buf *out, const struct node *n)
{
    for (size_t i = 0; i < count_of(n); i++) {
        join(out, i, count_of(n), " and ");
        add_address(out, item_of(n, i)->text);
    }
}

void explain_rooms(struct buf *out, const struct node *n)
{
    for (size_t i = 0; i < count_of(n); i++) {
        join(out, i, count_of(n), " and ");
        buf_add_format(out, "room %s", item_of(n, i)->text);
    }
}

void explain_arguments(struct buf *out, const struct node *args)
{
    for (size_t i = 0; args && args->kind == NODE_LIST && i < args->count; i++) {
        const struct node *n = args->child[i];
        add_text(out, i ? ", " : " with ");
        if (n->kind == NODE_STRING && strcmp(n->text, "{args}") == 0) add_text(out, "all arguments as they came");
        else node_json(out, n);
    }
}
