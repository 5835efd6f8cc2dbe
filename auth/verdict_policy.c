/* verdict_policy - the half of verdict.h that differs by namespace. */
#include "verdict.h"

#include <stdlib.h>

struct verdict_need {
    struct buf  claim;          /* its name */
    struct span allowed;        /* a value, or an array of them, inside the policy's 'require' */
};

static bool scalar(struct span value)
{
    enum json_type type = json_type_of(value);
    return type != JSON_NONE && type != JSON_ARRAY && type != JSON_OBJECT;
}

static bool scalars(struct span value)      /* one, or an array of at least one and nothing else */
{
    struct span one;
    size_t count = 0;
    if (json_type_of(value) != JSON_ARRAY) return scalar(value);
    for (; json_next(&value, &one); count++)
        if (!scalar(one)) return false;
    return count > 0;
}

enum err verdict_policy_init(struct verdict_policy *p, struct span user, struct span require)
{
    struct span key, value;
    *p = (struct verdict_policy){ 0 };
    buf_add(&p->user, user);
    if (require.len == 0) return OK;
    enum err e = json_check(require, VERDICT_DEPTH);
    if (e) return e;
    if (json_type_of(require) != JSON_OBJECT) return ERR_TYPE;
    buf_add(&p->require, require);
    for (struct span rest = buf_span(&p->require); json_next_member(&rest, &key, &value); ) {
        if (!scalars(value)) return ERR_TYPE;
        p->needs = realloc(p->needs, (p->count + 1) * sizeof p->needs[0]);
        NEED(p->needs);
        p->needs[p->count] = (struct verdict_need){ .allowed = value };
        json_unquote(&p->needs[p->count++].claim, key);
    }
    return OK;
}

void verdict_policy_fini(struct verdict_policy *p)
{
    for (size_t i = 0; i < p->count; i++) buf_fini(&p->needs[i].claim);
    free(p->needs);
    buf_fini(&p->require);
    buf_fini(&p->user);
    *p = (struct verdict_policy){ 0 };
}

static bool same_string(struct span a, struct span b)
{
    struct buf text = { 0 };
    if (span_same(a, b)) return true;
    if (span_find(a, '\\') < 0 && span_find(b, '\\') < 0) return false;
    json_unquote(&text, b);
    bool same = json_string_is(a, buf_span(&text));
    buf_fini(&text);
    return same;
}

static bool same_number(struct span a, struct span b)
{
    struct decimal x, y;
    decimal_decode(&x, a);
    decimal_decode(&y, b);
    return decimal_same(&x, &y) || span_same(a, b);
}

static bool same(struct span a, struct span b)      /* of two scalars */
{
    if (json_type_of(a) != json_type_of(b)) return false;
    switch (json_type_of(a)) {
    case JSON_STRING: return same_string(a, b);
    case JSON_NUMBER: return same_number(a, b);
    case JSON_BOOL:   return span_same(a, b);
    case JSON_NULL:   return true;
    default:          return false;
    }
}

static bool among(struct span value, struct span allowed)
{
    struct span one;
    if (json_type_of(allowed) != JSON_ARRAY) return same(value, allowed);
    while (json_next(&allowed, &one))
        if (same(value, one)) return true;
    return false;
}

static bool satisfied(struct span claim, struct span allowed)
{
    struct span one;
    if (json_type_of(claim) != JSON_ARRAY) return among(claim, allowed);
    while (json_next(&claim, &one))
        if (among(one, allowed)) return true;
    return false;
}

enum refusal verdict_policy_check(const struct verdict_policy *p, struct span claims, struct buf *user)
{
    struct span id = json_find(claims, buf_span(&p->user));
    if (id.len == 0) return REFUSED_missing_claim;
    if (!verdict_user(user, id)) return REFUSED_bad_claims;
    for (size_t i = 0; i < p->count; i++) {
        struct span claim = json_find(claims, buf_span(&p->needs[i].claim));
        if (claim.len == 0) return REFUSED_missing_claim;
        if (!satisfied(claim, p->needs[i].allowed)) return REFUSED_claim_mismatch;
    }
    return REFUSED_NOT;
}
