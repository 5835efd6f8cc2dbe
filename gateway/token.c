#include "token.h"

#include "json.h"

static bool cookie_value(struct span cookies, struct span name, struct buf *out)
{
    while (cookies.len) {
        struct span value = span_trim(span_cut(&cookies, ';')), key = span_cut(&value, '=');
        if (!span_same(key, name)) continue;
        if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"') value = span_head(span_skip(value, 1), value.len - 2);
        buf_add(out, value);
        return value.len > 0;
    }
    return false;
}

static bool from_source(const struct handshake *h, struct span source, struct span auth, struct buf *out)
{
    if (span_same(source, SPAN("bearer"))) {
        buf_add(out, h->bearer);
    } else if (span_eat_prefix(&source, SPAN("auth."))) {
        struct span value = json_type_of(auth) == JSON_OBJECT ? json_find(auth, source) : SPAN("");
        if (json_type_of(value) == JSON_STRING) json_unquote(out, value);
    } else if (span_eat_prefix(&source, SPAN("query."))) {
        http1_query(h->query, source, out);
    } else if (span_eat_prefix(&source, SPAN("cookie."))) {
        cookie_value(h->cookie, source, out);
    }
    return out->len > 0;
}

bool token_find(const struct handshake *h, const struct config_strings *sources, struct span auth, struct buf *out)
{
    for (size_t i = 0; i < sources->count; i++) {
        buf_clear(out);
        if (from_source(h, span_of(sources->at[i]), auth, out)) return true;
    }
    return false;
}
