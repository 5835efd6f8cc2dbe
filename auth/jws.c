#include "jws.h"

#include "base64.h"
#include "distinct.h"
#include "json.h"

/* The algorithm is one of ours, written as the table writes it. */
static enum refusal take_alg(struct jws *t, struct span value)
{
    struct buf text = { 0 };
    enum refusal r = REFUSED_NOT;
    if (json_type_of(value) != JSON_STRING) return REFUSED_malformed;
    json_unquote(&text, value);
    struct span s = buf_span(&text);
    if (span_same_nocase(s, SPAN("none"))) r = REFUSED_alg_none;
    else if (!(t->alg = alg_of(s))) r = REFUSED_alg_not_allowed;
    buf_fini(&text);
    return r;
}

static enum refusal take_header(struct jws *t, struct span header)
{
    struct span key, value, alg = SPAN("");
    bool critical = false;
    if (json_check(header, JWS_HEADER_DEPTH) || json_type_of(header) != JSON_OBJECT || distinct_check(header))
        return REFUSED_malformed;
    while (json_next_member(&header, &key, &value)) {
        if (json_string_is(key, SPAN("alg"))) alg = value;
        else if (json_string_is(key, SPAN("kid"))) t->kid = value;
        else if (json_string_is(key, SPAN("crit"))) critical = true;
    }
    if (t->kid.len && json_type_of(t->kid) != JSON_STRING) return REFUSED_malformed;
    if (critical) return REFUSED_critical;
    return take_alg(t, alg);
}

enum refusal jws_decode(struct jws *t, struct span token, size_t max_bytes, struct buf *header)
{
    buf_clear(header);
    *t = (struct jws){ .kid = SPAN("") };
    if (token.len == 0) return REFUSED_missing_token;
    if (token.len > max_bytes) return REFUSED_oversize;
    struct span rest = token, head = span_cut(&rest, '.');
    t->payload = span_cut(&rest, '.');
    t->signature = rest;
    t->input = span_head(token, head.len + 1 + t->payload.len);
    bool two_dots = t->input.len < token.len && token.ptr[t->input.len] == '.' && span_find(rest, '.') < 0;
    if (!two_dots || head.len == 0 || t->payload.len == 0) return REFUSED_malformed;
    if (base64_decode_url(header, head)) return REFUSED_malformed;
    return take_header(t, buf_span(header));
}

static bool has_kid(const struct jws *t, struct span kid)
{
    return t->kid.len ? json_string_is(t->kid, kid) : kid.len == 0;
}

enum refusal jws_keys(uint64_t *keys, const struct jws *t, const struct jws_pin *pins, size_t count)
{
    bool known = false, named = false;      /* some key may be meant; some key has the token's kid */
    NEED(count <= JWS_KEYS_MAX);
    *keys = 0;
    for (size_t i = 0; i < count; i++) named |= has_kid(t, pins[i].kid);
    for (size_t i = 0; i < count; i++) {
        if (named ? !has_kid(t, pins[i].kid) : pins[i].kid.len > 0) continue;
        known = true;
        if (pins[i].algs & alg_bit(t->alg)) *keys |= UINT64_C(1) << i;
    }
    return *keys ? REFUSED_NOT : known ? REFUSED_alg_not_allowed : REFUSED_unknown_key;
}

void jws_print(struct buf *out, const struct jws *t)
{
    buf_add_format(out, "%s kid=", alg_row(t->alg)->name);
    buf_add(out, t->kid);
    buf_add_format(out, " %zu+%zu", t->input.len, t->signature.len);
}
