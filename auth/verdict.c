#include "verdict.h"

#include "distinct.h"

/* ---- what every namespace wants */

struct times { int64_t exp, nbf, iat; };

static int64_t shifted(int64_t t, int64_t by)       /* saturates */
{
    if (by > 0 && t > INT64_MAX - by) return INT64_MAX;
    if (by < 0 && t < INT64_MIN - by) return INT64_MIN;
    return t + by;
}

/* A NumericDate, where there is one. */
static bool take_time(int64_t *ms, struct span value)
{
    struct decimal d;
    if (value.len == 0) return true;
    if (json_type_of(value) != JSON_NUMBER) return false;
    decimal_decode(&d, value);
    *ms = decimal_scaled(&d, 3);
    return true;
}

static enum refusal check_issuer(const struct verdict_rules *rules, struct span iss)
{
    if (iss.len && json_type_of(iss) != JSON_STRING) return REFUSED_bad_claims;
    if (rules->issuer.len == 0) return REFUSED_NOT;
    if (iss.len == 0) return REFUSED_missing_claim;
    return json_string_is(iss, rules->issuer) ? REFUSED_NOT : REFUSED_wrong_issuer;
}

static bool trusted(const struct verdict_rules *rules, struct span name)
{
    for (size_t i = 0; i < rules->audience_count; i++)
        if (json_string_is(name, rules->audience[i])) return true;
    return false;
}

static enum refusal check_audience(const struct verdict_rules *rules, struct span aud)
{
    struct span one;
    bool good = false;
    switch (json_type_of(aud)) {
    case JSON_NONE:
        return rules->audience_count ? REFUSED_missing_claim : REFUSED_NOT;
    case JSON_STRING:
        good = trusted(rules, aud);
        break;
    case JSON_ARRAY:
        while (json_next(&aud, &one)) {
            if (json_type_of(one) != JSON_STRING) return REFUSED_bad_claims;
            good |= trusted(rules, one);
        }
        break;
    default:
        return REFUSED_bad_claims;
    }
    return good || rules->audience_count == 0 ? REFUSED_NOT : REFUSED_wrong_audience;
}

static enum refusal check_times(const struct verdict_rules *rules, const struct times *t, int64_t now, int64_t *until)
{
    *until = t->exp == VERDICT_NEVER ? VERDICT_NEVER : shifted(t->exp, rules->leeway_ms);
    if (now >= *until) return REFUSED_expired;
    if (now < shifted(t->nbf, -rules->leeway_ms)) return REFUSED_not_yet_valid;
    return REFUSED_NOT;
}

enum refusal verdict_claims(const struct verdict_rules *rules, struct span claims, int64_t now, int64_t *until)
{
    struct span key, value, exp = SPAN(""), nbf = exp, iat = exp, iss = exp, aud = exp;
    if (json_check(claims, VERDICT_DEPTH) || json_type_of(claims) != JSON_OBJECT || distinct_check(claims))
        return REFUSED_bad_claims;
    while (json_next_member(&claims, &key, &value)) {
        if (json_string_is(key, SPAN("exp"))) exp = value;
        else if (json_string_is(key, SPAN("nbf"))) nbf = value;
        else if (json_string_is(key, SPAN("iat"))) iat = value;
        else if (json_string_is(key, SPAN("iss"))) iss = value;
        else if (json_string_is(key, SPAN("aud"))) aud = value;
    }
    struct times t = { .exp = VERDICT_NEVER, .nbf = INT64_MIN };
    if (!take_time(&t.exp, exp) || !take_time(&t.nbf, nbf) || !take_time(&t.iat, iat)) return REFUSED_bad_claims;
    if (rules->require_expiry && exp.len == 0) return REFUSED_missing_claim;
    enum refusal r = check_times(rules, &t, now, until);
    if (!r) r = check_issuer(rules, iss);
    if (!r) r = check_audience(rules, aud);
    return r;
}

/* ---- who it is */

static bool integer(struct span s)      /* as JavaScript writes one: no -0, no 1.0, no 1e3 */
{
    bool negative = span_eat(&s, '-');
    if (s.len == 0 || s.len > 20 || (s.ptr[0] == '0' && (s.len > 1 || negative))) return false;
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9') return false;
    return true;
}

bool verdict_user(struct buf *user, struct span value)
{
    struct buf id = { 0 };
    bool good = false;
    if (json_type_of(value) == JSON_NUMBER) {
        good = integer(value);
        if (good) buf_add(user, value);
    } else if (json_type_of(value) == JSON_STRING) {
        json_unquote(&id, value);
        good = id.len > 0 && id.len <= VERDICT_USER_MAX && !memmem(id.ptr, id.len, "\xef\xbf\xbd", 3);
        for (size_t i = 0; good && i < id.len; i++) good = (uint8_t)id.ptr[i] >= 0x20 && id.ptr[i] != 0x7f;
        if (good) json_quote(user, buf_span(&id));
    }
    buf_fini(&id);
    return good;
}
