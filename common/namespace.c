#include "namespace.h"

enum wildcard { LITERAL, SEGMENT, ANYTHING, DIGITS };

/* The pattern's next character or wildcard. */
static enum wildcard eat(struct span *pattern, char *c)
{
    *c = pattern->ptr[0];
    *pattern = span_skip(*pattern, 1);
    if (*c == '#') return DIGITS;
    if (*c != '*') return LITERAL;
    return span_eat(pattern, '*') ? ANYTHING : SEGMENT;
}

static bool stands_for(enum wildcard w, char c)
{
    return w == ANYTHING || (w == SEGMENT && c != '/') || (w == DIGITS && c >= '0' && c <= '9');
}

bool namespace_is_pattern(struct span name)
{
    return span_find(name, '*') >= 0 || span_find(name, '#') >= 0;
}

size_t namespace_wildcards(struct span pattern)
{
    size_t n = 0;
    char c;
    while (pattern.len) n += eat(&pattern, &c) != LITERAL;
    return n;
}

/* at[i]: what was eaten of the pattern fits the name's first i bytes. */
bool namespace_fits(struct span pattern, struct span name)
{
    bool at[NAMESPACE_MAX + 1] = { true };
    if (name.len > NAMESPACE_MAX) return false;
    while (pattern.len) {
        char c;
        enum wildcard w = eat(&pattern, &c);
        bool before = at[0];
        at[0] = false;
        for (size_t i = 0; i < name.len; i++) {
            bool here = w == LITERAL ? before && name.ptr[i] == c : (before || at[i]) && stands_for(w, name.ptr[i]);
            before = at[i + 1];
            at[i + 1] = here;
        }
    }
    return at[name.len];
}

size_t namespace_parts(struct span pattern, struct span name, struct span parts[NAMESPACE_PARTS_MAX])
{
    size_t count = 0;
    while (pattern.len && count < NAMESPACE_PARTS_MAX) {
        char c;
        size_t n = 1;
        if (eat(&pattern, &c) != LITERAL) {
            while (!namespace_fits(pattern, span_skip(name, n)) && n < name.len) n++;
            parts[count++] = span_head(name, n);
        }
        name = span_skip(name, n);
    }
    return count;
}

static size_t own_characters(struct span pattern)
{
    size_t n = 0;
    char c;
    while (pattern.len) n += eat(&pattern, &c) == LITERAL;
    return n;
}

size_t namespace_find(const struct config *c, struct span name)
{
    size_t found = c->namespace_count, most = 0;
    for (size_t i = 0; i < c->namespace_count; i++)
        if (span_same(span_of(c->namespaces[i].name), name)) return namespace_is_pattern(name) ? c->namespace_count : i;
    for (size_t i = 0; i < c->namespace_count; i++) {
        struct span pattern = span_of(c->namespaces[i].name);
        if (!namespace_is_pattern(pattern) || own_characters(pattern) <= most || !namespace_fits(pattern, name)) continue;
        found = i, most = own_characters(pattern);
    }
    return found;
}

bool namespace_is_below(struct span prefix, struct span name)
{
    return span_has_prefix(name, prefix) && (name.len == prefix.len || name.ptr[prefix.len] == '/');
}

struct span namespace_shown(const struct config_namespace *ns, struct span name)
{
    return name.len > ns->prefix_len ? span_skip(name, ns->prefix_len) : SPAN("/");
}

void namespace_meant(struct buf *out, struct span prefix, struct span shown)
{
    buf_add(out, prefix);
    if (prefix.len == 0 || !span_same(shown, SPAN("/"))) buf_add(out, shown);
}
