/* A token as a stranger sends it, but with its header and payload in plain text so that
 * the fuzzer gets through base64: the input is "<header>\n<payload>\n<signature>"; and the
 * same bytes as a token as they are. */
#include "base64.h"
#include "distinct.h"
#include "jws.h"
#include "verdict.h"

static const struct jws_pin pins[] = {
    { { "", 0 }, 1u << ALG_HS256 }, { { "rsa", 3 }, 1u << ALG_RS256 | 1u << ALG_PS256 }, { { "ed", 2 }, 1u << ALG_EdDSA },
};
static const struct span audience[] = { { "us", 2 } };
static const struct verdict_rules rules[] = {
    { .issuer = { "", 0 } },
    { .issuer = { "joe", 3 }, .audience = audience, .audience_count = 1, .leeway_ms = 10000, .require_expiry = true },
};

static void judge(struct span claims)
{
    struct verdict_policy policy;
    struct buf user = { 0 };
    int64_t until;
    for (int i = 0; i < 2; i++) {
        if (verdict_claims(&rules[i], claims, 1000000, &until)) continue;
        NEED(until > 1000000);
        NEED(json_check(claims, VERDICT_DEPTH) == OK && distinct_check(claims) == OK);
        NEED(verdict_policy_init(&policy, SPAN("sub"), SPAN("{\"status\":1,\"role\":[\"a\",\"b\",null,true]}")) == OK);
        if (verdict_policy_check(&policy, claims, &user) == REFUSED_NOT) {
            NEED(json_check(buf_span(&user), 0) == OK);
            NEED(json_type_of(buf_span(&user)) == JSON_STRING || json_type_of(buf_span(&user)) == JSON_NUMBER);
            struct buf again = { 0 };
            NEED(verdict_user(&again, buf_span(&user)) && span_same(buf_span(&again), buf_span(&user)));
            buf_fini(&again);
        }
        verdict_policy_fini(&policy);
        buf_clear(&user);
    }
    if (verdict_policy_init(&policy, SPAN("sub"), claims) == OK) verdict_policy_check(&policy, claims, &user);
    verdict_policy_fini(&policy);
    buf_fini(&user);
}

static void ask(struct span token)
{
    struct buf header = { 0 }, claims = { 0 }, text = { 0 };
    struct jws t;
    uint64_t keys;
    if (jws_decode(&t, token, 4096, &header) == REFUSED_NOT) {
        NEED(t.alg != ALG_NONE && t.alg < ALG_COUNT);
        NEED(t.input.len + 1 + t.signature.len == token.len);
        jws_print(&text, &t);
        if (jws_keys(&keys, &t, pins, 3) == REFUSED_NOT) {
            NEED(keys && !(keys >> 3));
            for (int i = 0; i < 3; i++) NEED(!(keys >> i & 1) || pins[i].algs & alg_bit(t.alg));
            if (base64_decode_url(&claims, t.payload) == OK) judge(buf_span(&claims));
        }
    }
    buf_fini(&header), buf_fini(&claims), buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span in = span_from(data, size), rest = in;
    struct buf token = { 0 };
    base64_encode_url(&token, span_cut(&rest, '\n'));
    buf_add_byte(&token, '.');
    base64_encode_url(&token, span_cut(&rest, '\n'));
    buf_add_byte(&token, '.');
    buf_add(&token, rest);
    ask(buf_span(&token));
    ask(in);
    judge(in);
    buf_fini(&token);
    return 0;
}
