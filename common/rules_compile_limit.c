/* rules_compile_limit - limits at load: rules_limit.h. */
#include "rules_compile.h"

#include <stdlib.h>

enum { NAME_MAX_BYTES = 200 };

static bool is_none(const struct node *n) { return n->kind == NODE_STRING && strcmp(n->text, "none") == 0; }

static bool choose(struct compile *c, const struct node *map, const char *key, const char *const *words, unsigned *choice)
{
    const struct node *n = node_find(map, key);
    if (!n) return true;
    struct buf all = { 0 };
    for (unsigned i = 0; words[i]; i++) {
        if (n->text && strcmp(n->text, words[i]) == 0) {
            *choice = i;
            buf_fini(&all);
            return true;
        }
        buf_add_format(&all, "%s%s", i ? ", " : "", words[i]);
    }
    bool good = COMPLAIN(c, n, "%s must be one of %s", key, buf_text(&all));
    buf_fini(&all);
    return good;
}

/* Count and time, by one text or by two keys. */
static bool compile_numbers(struct compile *c, const struct node *n, struct quota_limit *quota)
{
    struct buf text = { 0 };
    if (n->kind == NODE_MAP) {
        const struct node *count = node_find(n, "count"), *per = node_find(n, "per");
        buf_add_format(&text, "%s/%s", count && count->text ? count->text : "", per && per->text ? per->text : "");
    } else {
        buf_add(&text, span_of(n->text));
    }
    bool good = quota_parse(buf_span(&text), quota);
    buf_fini(&text);
    return good || COMPLAIN(c, n, "must be so many in a time: 30/60s, or {count: 30, per: 60s}; at most %d, a day", QUOTA_COUNT_MAX);
}

static bool compile_map(struct compile *c, const struct node *n, struct rules_limit *l, struct span *name)
{
    static const char *const keys[] = { "count", "per", "kind", "scope", "name", NULL };
    static const char *const kinds[] = { "fixed", "sliding", "bucket", NULL }, *const scopes[] = { "user", "connection", "address", NULL };
    const struct node *given = node_find(n, "name");
    unsigned kind = QUOTA_FIXED, scope = RULES_SCOPE_USER;
    bool good = compile_known(c, n, keys);
    good &= choose(c, n, "kind", kinds, &kind);
    good &= choose(c, n, "scope", scopes, &scope);
    l->quota.kind = (uint8_t)kind, l->scope = (enum rules_scope)scope;
    if (given && (given->kind != NODE_STRING || !given->text[0])) good = COMPLAIN(c, given, "name must be a text");
    else if (given) *name = span_of(given->text);
    return good;
}

/* "rate:limit:{user}:{event}": what is known is put in now, marks stand for the rest. */
static bool compile_key(struct compile *c, const struct node *n, struct span name, struct buf *out)
{
    static const struct { const char *path; char mark; } paths[] = { { "user", 1 }, { "nsp", 2 }, { "event", 0 } };
    struct span rest = span_of(c->limit_key);
    bool has_user = false;
    while (rest.len) {
        buf_add(out, span_cut(&rest, '{'));
        if (!rest.len) break;
        struct span path = span_cut(&rest, '}');
        size_t i = 0;
        while (i < 3 && !span_same(path, span_of(paths[i].path))) i++;
        if (i == 3) return COMPLAIN(c, n, "limit_key: {%.*s} is none of {user}, {event}, {nsp}", (int)path.len, path.ptr);
        if (paths[i].mark) buf_add_byte(out, paths[i].mark);
        else buf_add(out, name);
        has_user |= i == 0;
    }
    return has_user || COMPLAIN(c, n, "limit_key: {user} must be in it");
}

bool compile_limit_node(struct compile *c, const struct node *n, struct span name, struct rules_limit *l)
{
    if (!n || is_none(n) || n->kind == NODE_NULL) return true;
    bool good = n->kind != NODE_MAP || compile_map(c, n, l, &name);
    good &= compile_numbers(c, n, &l->quota);
    if (name.len > NAME_MAX_BYTES) good = COMPLAIN(c, n, "its name has more than %d bytes", NAME_MAX_BYTES);
    struct buf text = { 0 };
    buf_add(&text, name);
    good &= compile_key(c, n, name, &text);
    l->text = malloc(text.len + 1);
    NEED(l->text);
    memcpy(l->text, text.ptr, text.len);
    l->name = span_from(l->text, name.len), l->key = span_from(l->text + name.len, text.len - name.len);
    buf_fini(&text);
    c->limited = true;
    return good;
}

bool compile_limit(struct compile *c, const struct node *rule, struct span name, struct rules_limit *l)
{
    const struct node *n = NULL;
    for (size_t i = 0; rule && i < compile_count(rule) && !n; i++)      /* of alternatives the first one's that has one: it is looked at before they are */
        n = compile_item(rule, i) && compile_item(rule, i)->kind == NODE_MAP ? node_find(compile_item(rule, i), "limit") : NULL;
    if (!n) return compile_limit_node(c, c->limit, name, l);
    size_t before = compile_enter(c, "limit");
    return compile_leave(c, before, compile_limit_node(c, n, name, l));
}
