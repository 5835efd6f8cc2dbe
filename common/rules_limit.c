#include "rules_limit.h"

#include "rules_plan.h"

enum { MARK_USER = 1, MARK_NSP = 2 };       /* in a key; rules_compile_limit.c puts them there */

const struct rules_limit *rules_limit(const struct rules *r, struct span event)
{
    if (!r->limited) return NULL;
    const struct rules_rule *rule = rules_find(r, event);
    return rule && rule->limit.quota.count ? &rule->limit : NULL;
}

const struct rules_limit *rules_limit_default(const struct rules *r)
{
    return r->fallback.limit.quota.count ? &r->fallback.limit : NULL;
}

void rules_limit_key(const struct rules_limit *l, struct span user, struct span nsp, struct buf *out)
{
    struct span rest = l->key;
    for (size_t i = 0; i < rest.len; i++) {
        if (rest.ptr[i] != MARK_USER && rest.ptr[i] != MARK_NSP) continue;
        buf_add(out, span_head(rest, i));
        buf_add(out, rest.ptr[i] == MARK_USER ? user : nsp);
        rest = span_skip(rest, i + 1);
        i = (size_t)-1;
    }
    buf_add(out, rest);
}

void rules_limit_scope(const struct rules_limit *l, uint64_t reset, struct buf *out)
{
    buf_add_format(out, "\"limit\":%u,\"window\":", l->quota.count);
    quota_print_window(out, &l->quota);
    buf_add_format(out, ",\"resetTime\":%llu", (unsigned long long)reset);
}
