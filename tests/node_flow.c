#include "node_flow.h"

struct reader { const char *start; struct span rest; };

static void skip_blanks(struct reader *r)
{
    while (r->rest.len && strchr(" \n\t", r->rest.ptr[0])) r->rest = span_skip(r->rest, 1);
}

static struct span plain(struct reader *r)
{
    struct span s = r->rest;
    size_t n = 0;
    while (n < s.len && !strchr(",[]{}\n", s.ptr[n]) && !(s.ptr[n] == ':' && (n + 1 == s.len || s.ptr[n + 1] == ' '))) n++;
    r->rest = span_skip(s, n);
    return span_trim(span_head(s, n));
}

static struct span text(struct reader *r, bool *quoted)
{
    skip_blanks(r);
    char quote = r->rest.len ? r->rest.ptr[0] : '\0';
    *quoted = quote == '\'' || quote == '"';
    if (!*quoted) return plain(r);
    r->rest = span_skip(r->rest, 1);
    NEED(span_find(r->rest, quote) >= 0);
    return span_cut(&r->rest, quote);
}

static struct node *read_value(struct reader *r);

static struct node *members(struct reader *r, struct node *n, char end)
{
    r->rest = span_skip(r->rest, 1);
    for (skip_blanks(r); !span_eat(&r->rest, end); skip_blanks(r)) {
        bool quoted;
        struct span key = n->kind == NODE_MAP ? text(r, &quoted) : SPAN("");
        skip_blanks(r);
        NEED(n->kind == NODE_LIST || span_eat(&r->rest, ':'));
        struct node *child = read_value(r);
        if (n->kind == NODE_MAP) node_name(child, key);
        node_add(n, child);
        skip_blanks(r);
        NEED(span_eat(&r->rest, ',') || span_starts(r->rest, end));
    }
    return n;
}

static struct node *read_value(struct reader *r)
{
    skip_blanks(r);
    struct node place = { .file = "test.yaml", .line = 1, .column = (unsigned)(r->rest.ptr - r->start) + 1 };
    if (span_starts(r->rest, '{')) return members(r, node_new(NODE_MAP, place.file, place.line, place.column), '}');
    if (span_starts(r->rest, '[')) return members(r, node_new(NODE_LIST, place.file, place.line, place.column), ']');
    bool quoted;
    struct span value = text(r, &quoted);
    return node_text(quoted ? NODE_STRING : node_plain_kind(value), &place, value);
}

struct node *node_flow(const char *flow)
{
    struct reader r = { flow, span_of(flow) };
    struct node *n = read_value(&r);
    skip_blanks(&r);
    NEED(r.rest.len == 0);
    return n;
}
