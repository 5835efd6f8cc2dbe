#include "cors.h"

bool cors_on(const struct config_listener *l)
{
    return l->origins.count > 0;
}

static bool named(const struct config_listener *l, struct span origin)
{
    for (size_t i = 0; i < l->origins.count; i++)
        if (span_same(span_of(l->origins.at[i]), origin)) return true;
    return false;
}

static void add_origin(struct buf *out, const struct config_listener *l, const struct http1_request *r, bool *vary)
{
    struct span origin = http1_find(r, SPAN("Origin"));
    bool any = named(l, SPAN("*"));
    *vary = !any || l->credentials;
    if (any && !l->credentials) http1_add(out, SPAN("Access-Control-Allow-Origin"), SPAN("*"));
    else if (origin.len && (any || named(l, origin))) http1_add(out, SPAN("Access-Control-Allow-Origin"), origin);
}

void cors_add(struct buf *out, const struct config_listener *l, const struct http1_request *r)
{
    if (!cors_on(l)) return;
    bool vary;
    add_origin(out, l, r, &vary);
    if (vary) http1_add(out, SPAN("Vary"), SPAN("Origin"));
    if (l->credentials) http1_add(out, SPAN("Access-Control-Allow-Credentials"), SPAN("true"));
}

void cors_preflight(struct buf *out, const struct config_listener *l, const struct http1_request *r)
{
    bool vary;
    add_origin(out, l, r, &vary);
    http1_add(out, SPAN("Vary"), vary ? SPAN("Origin, Access-Control-Request-Headers") : SPAN("Access-Control-Request-Headers"));
    if (l->credentials) http1_add(out, SPAN("Access-Control-Allow-Credentials"), SPAN("true"));
    http1_add(out, SPAN("Access-Control-Allow-Methods"), SPAN("GET,POST"));
    struct span wanted = http1_find(r, SPAN("Access-Control-Request-Headers"));
    if (wanted.len) http1_add(out, SPAN("Access-Control-Allow-Headers"), wanted);
}
