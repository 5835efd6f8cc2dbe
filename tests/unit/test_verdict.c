/* What auth decides without OpenSSL: form, header, key choice, claims, policy. */
#include "base64.h"
#include "distinct.h"
#include "jws.h"
#include "t.h"
#include "verdict.h"

#include <stdlib.h>

/* "header" "payload" "signature", the first two to be encoded, the third as it is. */
static void make(struct buf *token, const char *header, const char *payload, const char *signature)
{
    buf_clear(token);
    base64_encode_url(token, span_of(header));
    buf_add_byte(token, '.');
    base64_encode_url(token, span_of(payload));
    buf_add_byte(token, '.');
    buf_add(token, span_of(signature));
}

static enum refusal decode(struct jws *t, struct buf *header, const char *text)
{
    struct buf token = { 0 };
    make(&token, text, "{}", "AAAA");
    struct span exact = t_exact(buf_span(&token));
    buf_fini(&token);
    return jws_decode(t, exact, 8192, header);
}

TEST(alg_names_are_exact)
{
    EQUAL(alg_of(SPAN("HS256")), ALG_HS256);
    EQUAL(alg_of(SPAN("EdDSA")), ALG_EdDSA);
    EQUAL(alg_of(SPAN("hs256")), ALG_NONE);
    EQUAL(alg_of(SPAN("HS2567")), ALG_NONE);
    EQUAL(alg_of(SPAN("none")), ALG_NONE);
    EQUAL(alg_of(SPAN("")), ALG_NONE);
    EQUAL(alg_bit(ALG_NONE), 0);
    EQUAL(alg_of_family(ALG_HMAC), alg_bit(ALG_HS256) | alg_bit(ALG_HS384) | alg_bit(ALG_HS512));
    EQUAL(alg_of_curve(SPAN("secp384r1")), alg_bit(ALG_ES384));
    EQUAL(alg_of_curve(SPAN("")), 0);
    EQUAL(alg_of_curve(SPAN("secp256k1")), 0);
    SAME(span_of(alg_row(ALG_ES512)->name), "ES512");
}

TEST(reasons_have_names_and_texts)
{
    for (enum refusal r = 1; r < REFUSED_COUNT; r++) CHECK(*refusal_name(r) && *refusal_text(r));
    SAME(span_of(refusal_name(REFUSED_expired)), "expired");
    SAME(span_of(refusal_text(REFUSED_NOT)), "");
}

/* ---- numbers */

static const struct { const char *name, *number; int64_t ms; } scaled[] = {
    { "zero", "0", 0 },
    { "minus zero", "-0", 0 },
    { "seconds", "1300819380", 1300819380000 },
    { "fraction", "1300819380.123", 1300819380123 },
    { "cut, not rounded", "1300819380.9999", 1300819380999 },
    { "small", "0.0004", 0 },
    { "exponent", "1.30081938e9", 1300819380000 },
    { "exponent up", "1.30081938E+9", 1300819380000 },
    { "exponent down", "1300819380123e-3", 1300819380123 },
    { "before 1970", "-1.5", -1500 },
    { "far", "1e300", INT64_MAX },
    { "far back", "-1e300", INT64_MIN },
    { "near nothing", "1e-300", 0 },
    { "exponent beyond int", "1e99999999999999999999", INT64_MAX },
    { "exponent below int", "1e-99999999999999999999", 0 },
    { "zero has no size", "0e99999999999", 0 },
    { "many digits", "1300819380.00000000000000000000000000001", 1300819380000 },
    { "many zeros", "00.0", 0 },
    { "largest", "9223372036854775.807", INT64_MAX },
    { "one more", "9223372036854775.808", INT64_MAX },
};
TEST(decimal_scales_every_row)
{
    for (size_t i = 0; i < sizeof scaled / sizeof scaled[0]; i++) {
        struct decimal d;
        t_row = scaled[i].name;
        decimal_decode(&d, t_exact(span_of(scaled[i].number)));
        EQUAL(decimal_scaled(&d, 3), scaled[i].ms);
    }
}

static bool same(const char *a, const char *b)
{
    struct decimal x, y;
    decimal_decode(&x, span_of(a));
    decimal_decode(&y, span_of(b));
    return decimal_same(&x, &y);
}
TEST(decimal_same_is_by_value)
{
    CHECK(same("1", "1.0"));
    CHECK(same("10", "1e1"));
    CHECK(same("0", "-0.00"));
    CHECK(!same("1", "-1"));
    CHECK(!same("1", "1.0000000000000000001"));
    CHECK(same("12345678901234567890", "1234567890123456789e1"));
    CHECK(!same("12345678901234567891", "12345678901234567892"));
    CHECK(!same("123456789012345678901", "123456789012345678901"));      /* inexact: the caller compares texts */
}

/* ---- names that stand twice */

static const struct { const char *name, *object; enum err err; } objects[] = {
    { "none", "{}", OK },
    { "different", "{\"a\":1,\"b\":{\"a\":1}}", OK },
    { "twice", "{\"a\":1,\"a\":1}", ERR_DUPLICATE },
    { "twice by escape", "{\"a\":1,\"b\":2,\"\\u0061\":1}", ERR_DUPLICATE },
    { "twice by two escapes", "{\"\\u0061b\":1,\"a\\u0062\":1}", ERR_DUPLICATE },
    { "escapes that differ", "{\"\\u0061\":1,\"\\u0062\":1,\"\\u00e4\":1,\"\\ud83d\\ude00\":2}", OK },
    { "empty names", "{\"\":1,\"\":1}", ERR_DUPLICATE },
};
TEST(distinct_every_row)
{
    for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++) {
        t_row = objects[i].name;
        EQUAL_ERR(distinct_check(t_exact(span_of(objects[i].object))), objects[i].err);
    }
}

TEST(distinct_has_a_limit)
{
    struct buf b = { 0 };
    for (int n = DISTINCT_MAX; n <= DISTINCT_MAX + 1; n++) {
        buf_clear(&b);
        for (int i = 0; i < n; i++) buf_add_format(&b, "%c\"\\u0061%d\":0", i ? ',' : '{', i);
        buf_add_byte(&b, '}');
        EQUAL_ERR(distinct_check(t_exact(buf_span(&b))), n > DISTINCT_MAX ? ERR_LIMIT : OK);
    }
    buf_fini(&b);
}

/* ---- the compact form and its header */

static const struct { const char *name, *token; enum refusal reason; } forms[] = {
    { "empty", "", REFUSED_missing_token },
    { "no dot", "abcd", REFUSED_malformed },
    { "one dot", "eyJhbGciOiJIUzI1NiJ9.e30", REFUSED_malformed },
    { "two dots", "eyJhbGciOiJIUzI1NiJ9.e30.AAAA", REFUSED_NOT },
    { "no signature", "eyJhbGciOiJIUzI1NiJ9.e30.", REFUSED_NOT },             /* of length 0: no key verifies it */
    { "three dots", "eyJhbGciOiJIUzI1NiJ9.e30.AAAA.AAAA", REFUSED_malformed },
    { "four dots: encrypted", "eyJhbGciOiJIUzI1NiJ9.a.b.c.d", REFUSED_malformed },
    { "dots alone", "..", REFUSED_malformed },
    { "no header", ".e30.AAAA", REFUSED_malformed },
    { "no payload", "eyJhbGciOiJIUzI1NiJ9..AAAA", REFUSED_malformed },
    { "padding", "eyJhbGciOiJIUzI1NiJ9=.e30.AAAA", REFUSED_malformed },
    { "blank in front", " eyJhbGciOiJIUzI1NiJ9.e30.AAAA", REFUSED_malformed },
    { "standard alphabet", "+/JhbGciOiJIUzI1NiJ9.e30.AAAA", REFUSED_malformed },
    { "unused bits set", "eyJhbGciOiJIUzI1NiIsICJhIjoxfR.e30.AAAA", REFUSED_malformed },
    { "bytes beyond ASCII", "\xff\xfe.e30.AAAA", REFUSED_malformed },
};
TEST(jws_takes_every_form)
{
    struct buf header = { 0 };
    struct jws t;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        t_row = forms[i].name;
        SAME(span_of(refusal_name(jws_decode(&t, t_exact(span_of(forms[i].token)), 8192, &header))), refusal_name(forms[i].reason));
    }
    buf_fini(&header);
}

static const struct { const char *name, *header; enum refusal reason; } headers[] = {
    { "plain", "{\"alg\":\"HS256\",\"typ\":\"JWT\"}", REFUSED_NOT },
    { "blanks", "{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}", REFUSED_NOT },
    { "alg with an escape", "{\"alg\":\"\\u0048S256\"}", REFUSED_NOT },
    { "other typ", "{\"alg\":\"HS256\",\"typ\":7}", REFUSED_NOT },
    { "a key of its own is not looked at", "{\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"},\"jku\":\"http://evil/\",\"x5u\":\"x\"}", REFUSED_NOT },
    { "none", "{\"alg\":\"none\"}", REFUSED_alg_none },
    { "None", "{\"alg\":\"None\"}", REFUSED_alg_none },
    { "NONE", "{\"alg\":\"NONE\"}", REFUSED_alg_none },
    { "nOnE", "{\"alg\":\"nOnE\"}", REFUSED_alg_none },
    { "none by escape", "{\"alg\":\"\\u006eone\"}", REFUSED_alg_none },
    { "none with a blank", "{\"alg\":\" none\"}", REFUSED_alg_not_allowed },
    { "empty alg", "{\"alg\":\"\"}", REFUSED_alg_not_allowed },
    { "wrong case", "{\"alg\":\"hs256\"}", REFUSED_alg_not_allowed },
    { "unknown", "{\"alg\":\"HS1\"}", REFUSED_alg_not_allowed },
    { "encryption", "{\"alg\":\"RSA-OAEP\",\"enc\":\"A128GCM\"}", REFUSED_alg_not_allowed },
    { "no alg", "{\"typ\":\"JWT\"}", REFUSED_malformed },
    { "alg no string", "{\"alg\":5}", REFUSED_malformed },
    { "alg null", "{\"alg\":null}", REFUSED_malformed },
    { "alg in a list", "{\"alg\":[\"HS256\"]}", REFUSED_malformed },
    { "alg twice", "{\"alg\":\"HS256\",\"alg\":\"none\"}", REFUSED_malformed },
    { "alg twice by escape", "{\"alg\":\"HS256\",\"\\u0061lg\":\"none\"}", REFUSED_malformed },
    { "kid twice", "{\"alg\":\"HS256\",\"kid\":\"a\",\"kid\":\"b\"}", REFUSED_malformed },
    { "kid no string", "{\"alg\":\"HS256\",\"kid\":1}", REFUSED_malformed },
    { "crit", "{\"alg\":\"HS256\",\"crit\":[\"exp\"],\"exp\":1}", REFUSED_critical },
    { "crit empty", "{\"alg\":\"HS256\",\"crit\":[]}", REFUSED_critical },
    { "b64 by crit", "{\"alg\":\"HS256\",\"b64\":false,\"crit\":[\"b64\"]}", REFUSED_critical },
    { "no object", "[\"HS256\"]", REFUSED_malformed },
    { "no JSON", "{\"alg\":\"HS256\"", REFUSED_malformed },
    { "two values", "{\"alg\":\"HS256\"}{}", REFUSED_malformed },
    { "trailing comma", "{\"alg\":\"HS256\",}", REFUSED_malformed },
    { "bad UTF-8", "{\"alg\":\"HS256\",\"a\":\"\xff\"}", REFUSED_malformed },
    { "deep", "{\"alg\":\"HS256\",\"a\":[[[[[[[[1]]]]]]]]}", REFUSED_malformed },
};
TEST(jws_takes_every_header)
{
    struct buf header = { 0 };
    struct jws t;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        t_row = headers[i].name;
        enum refusal r = decode(&t, &header, headers[i].header);
        SAME(span_of(refusal_name(r)), refusal_name(headers[i].reason));
        if (!r) EQUAL(t.alg, ALG_HS256);
    }
    buf_fini(&header);
}

TEST(jws_finds_the_parts)
{
    struct buf header = { 0 }, text = { 0 };
    struct jws t;
    EQUAL(decode(&t, &header, "{\"kid\":\"k1\",\"alg\":\"ES256\"}"), REFUSED_NOT);
    SAME(t.payload, "e30");
    SAME(t.signature, "AAAA");
    SAME(t.input, "eyJraWQiOiJrMSIsImFsZyI6IkVTMjU2In0.e30");
    jws_print(&text, &t);
    SAME(buf_span(&text), "ES256 kid=\"k1\" 39+4");
    buf_fini(&header), buf_fini(&text);
}

TEST(jws_refuses_size_before_all)
{
    struct buf token = { 0 }, header = { 0 };
    struct jws t;
    make(&token, "{\"alg\":\"none\"}", "{}", "");
    EQUAL(jws_decode(&t, buf_span(&token), token.len - 1, &header), REFUSED_oversize);
    EQUAL(jws_decode(&t, buf_span(&token), token.len, &header), REFUSED_alg_none);
    EQUAL(header.len, 14);
    buf_fini(&token), buf_fini(&header);
}

/* ---- which keys */

static const struct jws_pin pins[] = {
    { { "", 0 },    1u << ALG_HS256 },
    { { "rsa", 3 }, 1u << ALG_RS256 | 1u << ALG_PS256 },
    { { "two", 3 }, 1u << ALG_ES256 },
    { { "two", 3 }, 1u << ALG_HS256 },
    { { "", 0 },    1u << ALG_HS256 | 1u << ALG_HS512 },
};
static const struct { const char *name, *header; enum refusal reason; uint64_t keys; } choices[] = {
    { "no kid: keys without", "{\"alg\":\"HS256\"}", REFUSED_NOT, 0x11 },
    { "no kid, one fits", "{\"alg\":\"HS512\"}", REFUSED_NOT, 0x10 },
    { "no kid never means a key with one", "{\"alg\":\"RS256\"}", REFUSED_alg_not_allowed, 0 },
    { "kid nobody has: keys without", "{\"alg\":\"HS256\",\"kid\":\"x\"}", REFUSED_NOT, 0x11 },
    { "kid", "{\"alg\":\"PS256\",\"kid\":\"rsa\"}", REFUSED_NOT, 2 },
    { "kid with an escape", "{\"alg\":\"PS256\",\"kid\":\"r\\u0073a\"}", REFUSED_NOT, 2 },
    { "empty kid", "{\"alg\":\"HS512\",\"kid\":\"\"}", REFUSED_NOT, 0x10 },
    { "confusion: HS with an RSA key", "{\"alg\":\"HS256\",\"kid\":\"rsa\"}", REFUSED_alg_not_allowed, 0 },
    { "sibling that is not pinned", "{\"alg\":\"RS512\",\"kid\":\"rsa\"}", REFUSED_alg_not_allowed, 0 },
    { "kid of two keys", "{\"alg\":\"ES256\",\"kid\":\"two\"}", REFUSED_NOT, 4 },
    { "kid is no path", "{\"alg\":\"PS256\",\"kid\":\"../rsa\"}", REFUSED_alg_not_allowed, 0 },
    { "kid is no prefix", "{\"alg\":\"PS256\",\"kid\":\"rs\"}", REFUSED_alg_not_allowed, 0 },
    { "kid ends at no NUL", "{\"alg\":\"PS256\",\"kid\":\"rsa\\u0000x\"}", REFUSED_alg_not_allowed, 0 },
};
TEST(jws_chooses_keys)
{
    struct buf header = { 0 };
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
        struct jws t;
        uint64_t keys;
        t_row = choices[i].name;
        EQUAL(decode(&t, &header, choices[i].header), REFUSED_NOT);
        SAME(span_of(refusal_name(jws_keys(&keys, &t, pins, 5))), refusal_name(choices[i].reason));
        EQUAL(keys, choices[i].keys);
    }
    buf_fini(&header);
}

TEST(jws_knows_no_key_without_kid)
{
    struct buf header = { 0 };
    struct jws t;
    uint64_t keys;
    decode(&t, &header, "{\"alg\":\"RS256\"}");
    EQUAL(jws_keys(&keys, &t, pins + 1, 3), REFUSED_unknown_key);
    decode(&t, &header, "{\"alg\":\"RS256\",\"kid\":\"x\"}");
    EQUAL(jws_keys(&keys, &t, pins + 1, 3), REFUSED_unknown_key);
    EQUAL(jws_keys(&keys, &t, pins, 0), REFUSED_unknown_key);
    buf_fini(&header);
}

TEST(jws_survives_every_prefix)
{
    struct buf token = { 0 }, header = { 0 };
    struct jws t;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        make(&token, headers[i].header, "{}", "AAAA");
        for (size_t n = 0; n <= token.len; n++)
            jws_decode(&t, t_exact(span_head(buf_span(&token), n)), 8192, &header);
    }
    buf_fini(&token), buf_fini(&header);
}

/* ---- claims. Now is 1,000 s, leeway 10 s. */

static const struct span ours[] = { { "us", 2 }, { "also us", 7 } };
static const struct verdict_rules open_rules = { .issuer = { "", 0 }, .leeway_ms = 10000 };
static const struct verdict_rules strict = {
    .issuer = { "joe", 3 }, .audience = ours, .audience_count = 2, .leeway_ms = 10000, .require_expiry = true,
};
#define STRICT "\"iss\":\"joe\",\"aud\":\"us\","

static const struct { const char *name; const struct verdict_rules *rules; const char *claims; enum refusal reason; int64_t until; } claims[] = {
    { "nothing", &open_rules, "{}", REFUSED_NOT, VERDICT_NEVER },
    { "exp to come", &open_rules, "{\"exp\":1001}", REFUSED_NOT, 1011000 },
    { "exp over, in leeway", &open_rules, "{\"exp\":991}", REFUSED_NOT, 1001000 },
    { "exp over by a hair", &open_rules, "{\"exp\":990.001}", REFUSED_NOT, 1000001 },
    { "exp: the moment itself", &open_rules, "{\"exp\":990}", REFUSED_expired, 0 },
    { "exp long over", &open_rules, "{\"exp\":0}", REFUSED_expired, 0 },
    { "exp before time began", &open_rules, "{\"exp\":-1e300}", REFUSED_expired, 0 },
    { "exp as a float", &open_rules, "{\"exp\":1.5e3}", REFUSED_NOT, 1510000 },
    { "exp never", &open_rules, "{\"exp\":1e300}", REFUSED_NOT, VERDICT_NEVER },
    { "exp no number", &open_rules, "{\"exp\":\"2000\"}", REFUSED_bad_claims, 0 },
    { "exp null", &open_rules, "{\"exp\":null}", REFUSED_bad_claims, 0 },
    { "exp true", &open_rules, "{\"exp\":true}", REFUSED_bad_claims, 0 },
    { "exp twice", &open_rules, "{\"exp\":1,\"exp\":2000}", REFUSED_bad_claims, 0 },
    { "exp twice by escape", &open_rules, "{\"exp\":1,\"e\\u0078p\":2000}", REFUSED_bad_claims, 0 },
    { "exp by escape", &open_rules, "{\"e\\u0078p\":1}", REFUSED_expired, 0 },
    { "nbf over", &open_rules, "{\"nbf\":999}", REFUSED_NOT, VERDICT_NEVER },
    { "nbf in leeway", &open_rules, "{\"nbf\":1010}", REFUSED_NOT, VERDICT_NEVER },
    { "nbf to come", &open_rules, "{\"nbf\":1010.001}", REFUSED_not_yet_valid, 0 },
    { "nbf far", &open_rules, "{\"nbf\":1e300}", REFUSED_not_yet_valid, 0 },
    { "nbf no number", &open_rules, "{\"nbf\":[]}", REFUSED_bad_claims, 0 },
    { "iat from a clock ahead", &open_rules, "{\"iat\":5000}", REFUSED_NOT, VERDICT_NEVER },
    { "iat no number", &open_rules, "{\"iat\":\"x\"}", REFUSED_bad_claims, 0 },
    { "iss and aud unasked", &open_rules, "{\"iss\":\"x\",\"aud\":[\"y\"]}", REFUSED_NOT, VERDICT_NEVER },
    { "iss no string", &open_rules, "{\"iss\":1}", REFUSED_bad_claims, 0 },
    { "aud no string", &open_rules, "{\"aud\":1}", REFUSED_bad_claims, 0 },
    { "aud with a number", &open_rules, "{\"aud\":[\"us\",1]}", REFUSED_bad_claims, 0 },
    { "all good", &strict, "{" STRICT "\"exp\":2000}", REFUSED_NOT, 2010000 },
    { "aud: second of ours", &strict, "{\"iss\":\"joe\",\"aud\":\"also us\",\"exp\":2000}", REFUSED_NOT, 2010000 },
    { "aud: in a list", &strict, "{\"iss\":\"joe\",\"aud\":[\"them\",\"us\"],\"exp\":2000}", REFUSED_NOT, 2010000 },
    { "aud: others", &strict, "{\"iss\":\"joe\",\"aud\":[\"them\"],\"exp\":2000}", REFUSED_wrong_audience, 0 },
    { "aud: longer", &strict, "{\"iss\":\"joe\",\"aud\":\"us too\",\"exp\":2000}", REFUSED_wrong_audience, 0 },
    { "aud: empty list", &strict, "{\"iss\":\"joe\",\"aud\":[],\"exp\":2000}", REFUSED_wrong_audience, 0 },
    { "aud: a list in a list", &strict, "{\"iss\":\"joe\",\"aud\":[[\"us\"]],\"exp\":2000}", REFUSED_bad_claims, 0 },
    { "aud: missing", &strict, "{\"iss\":\"joe\",\"exp\":2000}", REFUSED_missing_claim, 0 },
    { "iss: another", &strict, "{\"iss\":\"Joe\",\"aud\":\"us\",\"exp\":2000}", REFUSED_wrong_issuer, 0 },
    { "iss: missing", &strict, "{\"aud\":\"us\",\"exp\":2000}", REFUSED_missing_claim, 0 },
    { "exp: missing", &strict, "{\"iss\":\"joe\",\"aud\":\"us\"}", REFUSED_missing_claim, 0 },
    { "expired is said first", &strict, "{\"iss\":\"x\",\"exp\":1}", REFUSED_expired, 0 },
    { "no object", &open_rules, "[]", REFUSED_bad_claims, 0 },
    { "a string: a token in a token", &open_rules, "\"eyJ.e30.\"", REFUSED_bad_claims, 0 },
    { "no JSON", &open_rules, "Payload", REFUSED_bad_claims, 0 },
    { "nothing at all", &open_rules, "", REFUSED_bad_claims, 0 },
    { "bad UTF-8", &open_rules, "{\"a\":\"\xc0\x80\"}", REFUSED_bad_claims, 0 },
};
TEST(verdict_on_every_claim)
{
    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
        int64_t until = -1;
        t_row = claims[i].name;
        enum refusal r = verdict_claims(claims[i].rules, t_exact(span_of(claims[i].claims)), 1000000, &until);
        SAME(span_of(refusal_name(r)), refusal_name(claims[i].reason));
        if (!r) EQUAL(until, claims[i].until);
    }
}

TEST(verdict_survives_every_prefix)
{
    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
        int64_t until;
        struct span text = span_of(claims[i].claims);
        for (size_t n = 0; n < text.len; n++)
            EQUAL(verdict_claims(claims[i].rules, t_exact(span_head(text, n)), 1000000, &until), REFUSED_bad_claims);
    }
}

TEST(verdict_has_a_depth)
{
    struct buf b = { 0 };
    int64_t until;
    for (int depth = VERDICT_DEPTH; depth <= VERDICT_DEPTH + 1; depth++) {
        buf_clear(&b);
        buf_add_literal(&b, "{\"a\":");
        for (int i = 1; i < depth; i++) buf_add_byte(&b, '[');
        for (int i = 1; i < depth; i++) buf_add_byte(&b, ']');
        buf_add_byte(&b, '}');
        EQUAL(verdict_claims(&open_rules, buf_span(&b), 0, &until), depth > VERDICT_DEPTH ? REFUSED_bad_claims : REFUSED_NOT);
    }
    buf_fini(&b);
}

/* ---- who it is, and what a namespace demands */

static const struct { const char *name, *value, *user; } users[] = {
    { "number", "42", "42" },
    { "zero", "0", "0" },
    { "negative", "-7", "-7" },
    { "beyond double", "12345678901234567890", "12345678901234567890" },
    { "string", "\"42\"", "\"42\"" },
    { "escapes become text", "\"\\u0061nn\"", "\"ann\"" },
    { "not ASCII", "\"\\u738b\"", "\"\xe7\x8e\x8b\"" },
    { "quote", "\"a\\\"b\"", "\"a\\\"b\"" },
    { "fraction", "4.2", NULL },
    { "a float that is whole", "42.0", NULL },
    { "exponent", "1e3", NULL },
    { "minus zero", "-0", NULL },
    { "long number", "123456789012345678901", NULL },
    { "empty", "\"\"", NULL },
    { "NUL: the end of a namespace in a room's key", "\"/\\u0000user:1\"", NULL },
    { "newline", "\"a\\n\"", NULL },
    { "delete", "\"a\x7f\"", NULL },
    { "lone surrogate", "\"\\ud800\"", NULL },
    { "replacement character", "\"\\ufffd\"", NULL },
    { "true", "true", NULL },
    { "null", "null", NULL },
    { "list", "[1]", NULL },
    { "object", "{}", NULL },
    { "missing", "", NULL },
};
TEST(verdict_user_every_row)
{
    struct buf user = { 0 };
    for (size_t i = 0; i < sizeof users / sizeof users[0]; i++) {
        t_row = users[i].name;
        buf_clear(&user);
        bool good = verdict_user(&user, t_exact(span_of(users[i].value)));
        EQUAL(good, users[i].user != NULL);
        SAME(buf_span(&user), users[i].user ? users[i].user : "");
    }
    buf_fini(&user);
}

TEST(verdict_user_has_a_length)
{
    struct buf value = { 0 }, user = { 0 };
    for (size_t n = VERDICT_USER_MAX; n <= VERDICT_USER_MAX + 1; n++) {
        buf_clear(&value);
        buf_add_byte(&value, '"');
        for (size_t i = 0; i < n; i++) buf_add_byte(&value, 'u');
        buf_add_byte(&value, '"');
        EQUAL(verdict_user(&user, buf_span(&value)), n <= VERDICT_USER_MAX);
    }
    buf_fini(&value), buf_fini(&user);
}

static const struct { const char *name, *require, *claims; enum refusal reason; } policies[] = {
    { "nothing demanded", "", "{\"id\":7}", REFUSED_NOT },
    { "empty demand", "{}", "{\"id\":7}", REFUSED_NOT },
    { "no user", "", "{\"sub\":7}", REFUSED_missing_claim },
    { "user of a wrong type", "", "{\"id\":null}", REFUSED_bad_claims },
    { "number", "{\"status\":1}", "{\"id\":7,\"status\":1}", REFUSED_NOT },
    { "the same number", "{\"status\":1}", "{\"id\":7,\"status\":1.0}", REFUSED_NOT },
    { "another number", "{\"status\":1}", "{\"id\":7,\"status\":0}", REFUSED_claim_mismatch },
    { "a number is no string", "{\"status\":1}", "{\"id\":7,\"status\":\"1\"}", REFUSED_claim_mismatch },
    { "nor the other way", "{\"status\":\"1\"}", "{\"id\":7,\"status\":1}", REFUSED_claim_mismatch },
    { "true is no 1", "{\"status\":1}", "{\"id\":7,\"status\":true}", REFUSED_claim_mismatch },
    { "missing", "{\"status\":1}", "{\"id\":7}", REFUSED_missing_claim },
    { "string", "{\"role\":\"admin\"}", "{\"id\":7,\"role\":\"admin\"}", REFUSED_NOT },
    { "string by escape", "{\"role\":\"admin\"}", "{\"id\":7,\"role\":\"\\u0061dmin\"}", REFUSED_NOT },
    { "escape demanded", "{\"role\":\"\\u0061\"}", "{\"id\":7,\"role\":\"a\"}", REFUSED_NOT },
    { "case counts", "{\"role\":\"admin\"}", "{\"id\":7,\"role\":\"Admin\"}", REFUSED_claim_mismatch },
    { "no prefix", "{\"role\":\"admin\"}", "{\"id\":7,\"role\":\"adm\"}", REFUSED_claim_mismatch },
    { "one of several allowed", "{\"role\":[\"owner\",\"admin\"]}", "{\"id\":7,\"role\":\"admin\"}", REFUSED_NOT },
    { "none of several allowed", "{\"role\":[\"owner\",\"admin\"]}", "{\"id\":7,\"role\":\"user\"}", REFUSED_claim_mismatch },
    { "a list that holds it", "{\"role\":\"admin\"}", "{\"id\":7,\"role\":[\"user\",\"admin\"]}", REFUSED_NOT },
    { "a list that does not", "{\"role\":\"admin\"}", "{\"id\":7,\"role\":[\"user\"]}", REFUSED_claim_mismatch },
    { "an empty list", "{\"role\":\"admin\"}", "{\"id\":7,\"role\":[]}", REFUSED_claim_mismatch },
    { "a list in a list does not count", "{\"role\":\"admin\"}", "{\"id\":7,\"role\":[[\"admin\"]]}", REFUSED_claim_mismatch },
    { "list and list", "{\"role\":[\"a\",\"b\"]}", "{\"id\":7,\"role\":[\"c\",\"b\"]}", REFUSED_NOT },
    { "an object never matches", "{\"role\":\"admin\"}", "{\"id\":7,\"role\":{\"admin\":1}}", REFUSED_claim_mismatch },
    { "true", "{\"verified\":true}", "{\"id\":7,\"verified\":true}", REFUSED_NOT },
    { "false", "{\"verified\":true}", "{\"id\":7,\"verified\":false}", REFUSED_claim_mismatch },
    { "null", "{\"banned\":null}", "{\"id\":7,\"banned\":null}", REFUSED_NOT },
    { "two, both", "{\"status\":1,\"role\":\"admin\"}", "{\"id\":7,\"role\":\"admin\",\"status\":1}", REFUSED_NOT },
    { "two, one", "{\"status\":1,\"role\":\"admin\"}", "{\"id\":7,\"role\":\"admin\",\"status\":2}", REFUSED_claim_mismatch },
    { "long number, same text", "{\"n\":123456789012345678901}", "{\"id\":7,\"n\":123456789012345678901}", REFUSED_NOT },
    { "long number, another", "{\"n\":123456789012345678901}", "{\"id\":7,\"n\":123456789012345678902}", REFUSED_claim_mismatch },
};
TEST(verdict_policy_every_row)
{
    struct buf user = { 0 };
    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        struct verdict_policy p;
        t_row = policies[i].name;
        buf_clear(&user);
        EQUAL_ERR(verdict_policy_init(&p, SPAN("id"), t_exact(span_of(policies[i].require))), OK);
        enum refusal r = verdict_policy_check(&p, t_exact(span_of(policies[i].claims)), &user);
        verdict_policy_fini(&p);
        SAME(span_of(refusal_name(r)), refusal_name(policies[i].reason));
        if (!r) SAME(buf_span(&user), "7");
    }
    buf_fini(&user);
}

static const struct { const char *name, *require; enum err err; } demands[] = {
    { "no JSON", "{", ERR_TRUNC },
    { "no object", "[1]", ERR_TYPE },
    { "an object as value", "{\"a\":{}}", ERR_TYPE },
    { "a list in a list", "{\"a\":[[1]]}", ERR_TYPE },
    { "nothing allowed", "{\"a\":[]}", ERR_TYPE },
};
TEST(verdict_policy_refuses_what_cannot_match)
{
    for (size_t i = 0; i < sizeof demands / sizeof demands[0]; i++) {
        struct verdict_policy p;
        t_row = demands[i].name;
        EQUAL_ERR(verdict_policy_init(&p, SPAN("sub"), t_exact(span_of(demands[i].require))), demands[i].err);
        verdict_policy_fini(&p);
    }
}
