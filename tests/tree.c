#include "tree.h"

#include "json.h"

static struct node *node_at(struct span value, const char *start)
{
    static const enum node_kind kinds[] = {
        [JSON_NULL] = NODE_NULL, [JSON_BOOL] = NODE_BOOL, [JSON_NUMBER] = NODE_NUMBER,
        [JSON_STRING] = NODE_STRING, [JSON_ARRAY] = NODE_LIST, [JSON_OBJECT] = NODE_MAP,
    };
    enum json_type type = json_type_of(value);
    NEED(type != JSON_NONE);
    struct node *n = node_new(kinds[type], "t", 1, (unsigned)(value.ptr - start) + 1), *scalar;
    struct buf text = { 0 };
    struct span key, member;
    switch (kinds[type]) {
    case NODE_LIST:
        while (json_next(&value, &member)) node_add(n, node_at(member, start));
        return n;
    case NODE_MAP:
        while (json_next_member(&value, &key, &member)) {
            struct node *child = node_at(member, start);
            buf_clear(&text);
            json_unquote(&text, key);
            node_name(child, buf_span(&text));
            node_add(n, child);
        }
        buf_fini(&text);
        return n;
    case NODE_STRING: json_unquote(&text, value); break;
    case NODE_NULL: case NODE_BOOL: case NODE_NUMBER: buf_add(&text, value); break;
    }
    scalar = node_text(n->kind, n, buf_span(&text));
    buf_fini(&text);
    node_destroy(&n);
    return scalar;
}

struct node *tree_of(const char *json)
{
    NEED(json_check(span_of(json), JSON_MAX_DEPTH) == OK);
    return node_at(span_trim(span_of(json)), json);
}
