/* http1_fields - finding things in a request that was read: fields, tokens, query values. */
#include "http1.h"

#include "json.h"

struct span http1_find(const struct http1_request *r, struct span name)
{
    for (unsigned i = 0; i < r->count; i++)
        if (span_same_nocase(r->fields[i].name, name)) return r->fields[i].value;
    return (struct span){ NULL, 0 };
}

bool http1_lists(struct span value, struct span token)
{
    while (value.len)
        if (span_same_nocase(span_trim(span_cut(&value, ',')), token)) return true;
    return false;
}

bool http1_names(const struct http1_request *r, struct span field, struct span token)
{
    for (unsigned i = 0; i < r->count; i++)
        if (span_same_nocase(r->fields[i].name, field) && http1_lists(r->fields[i].value, token)) return true;
    return false;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void add_decoded(struct buf *out, struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '%' && s.len - i > 2 && hex(s.ptr[i + 1]) >= 0 && hex(s.ptr[i + 2]) >= 0) {
            c = (char)(hex(s.ptr[i + 1]) << 4 | hex(s.ptr[i + 2]));
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        buf_add_byte(out, c);
    }
}

static bool means(struct span encoded, struct span text, struct buf *scratch)
{
    size_t before = scratch->len;
    add_decoded(scratch, encoded);
    bool same = span_same(span_skip(buf_span(scratch), before), text);
    scratch->len = before;
    return same;
}

bool http1_query(struct span query, struct span name, struct buf *out)
{
    size_t before = out->len;
    bool found = false;
    while (query.len) {
        struct span value = span_cut(&query, '&'), key = span_cut(&value, '=');
        if (!means(key, name, out)) continue;
        found = true;
        out->len = before;
        add_decoded(out, value);
    }
    if (!utf8_valid(span_skip(buf_span(out), before))) {
        struct buf whole = { 0 };
        utf8_add_lossy(&whole, span_skip(buf_span(out), before));
        out->len = before;
        buf_add(out, buf_span(&whole));
        buf_fini(&whole);
    }
    return found;
}

void http1_query_json(struct buf *out, struct span query)
{
    struct buf text = { 0 };
    bool comma = false;
    buf_add_byte(out, '{');
    while (query.len) {
        struct span value = span_cut(&query, '&'), key = span_cut(&value, '=');
        if (!key.len) continue;
        if (comma) buf_add_byte(out, ',');
        buf_clear(&text);
        add_decoded(&text, key);
        json_quote(out, buf_span(&text));
        buf_add_byte(out, ':');
        buf_clear(&text);
        add_decoded(&text, value);
        json_quote(out, buf_span(&text));
        comma = true;
    }
    buf_add_byte(out, '}');
    buf_fini(&text);
}
