/* verdict - are these the claims of a token that is good here and now?
 *
 * The claims come from a payload whose signature is good. What every namespace
 * wants is checked first (times, issuer, audience), then what one wants (who the
 * user is, claims with demanded values). Times are Unix milliseconds; exp, nbf
 * and iat may have fractions and exponents (RFC 7519, NumericDate). A token is
 * good while now < exp + leeway and from nbf - leeway on. iat has to be a time,
 * but a token from a clock ahead of ours is not refused for it. Pure. */
#ifndef CAUSEWAY_VERDICT_H
#define CAUSEWAY_VERDICT_H

#include "buf.h"
#include "decimal.h"
#include "err.h"
#include "json.h"
#include "refusal.h"

#define VERDICT_DEPTH     32        /* of the claims */
#define VERDICT_USER_MAX  256       /* bytes of a user's id */
#define VERDICT_NEVER     INT64_MAX

struct verdict_rules {
    struct span        issuer;          /* "": any, or none */
    const struct span *audience;        /* the token's aud must name one of these */
    size_t             audience_count;  /* 0: not checked */
    int64_t            leeway_ms;
    bool               require_expiry;
};

/* *until: when the answer ends by itself, leeway included; VERDICT_NEVER without exp. */
enum refusal verdict_claims(const struct verdict_rules *rules, struct span claims, int64_t now, int64_t *until);

/* ---- a namespace's policy: 'user' is the claim that says who it is, 'require' a JSON object
 * of claims and what they must be: a value, or an array of allowed values. A claim that is
 * an array is good when it holds one of them. Numbers are the same by value, strings by what
 * they mean, and 1 is not "1". */
struct verdict_policy {
    struct buf user;                    /* the claim's name */
    struct buf require;                 /* checked JSON */
    struct verdict_need *needs;         /* one for each demanded claim */
    size_t     count;
};

enum err verdict_policy_init(struct verdict_policy *p, struct span user, struct span require);  /* copies; require: "" for none */
void verdict_policy_fini(struct verdict_policy *p);

/* Of claims that verdict_claims found good. 'user' gets the id as a JSON value, its type kept: 42 or "42". */
enum refusal verdict_policy_check(const struct verdict_policy *p, struct span claims, struct buf *user);

/* The id alone, of a string or an integer; false where it cannot be one: empty, too long, with
 * control characters (a room's key has NUL in it) or with what is no character. */
bool verdict_user(struct buf *user, struct span value);

#endif
