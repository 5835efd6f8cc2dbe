/* The judge from end to end: real keys, real tokens, one question at a time. */
#include "base64.h"
#include "lab.h"
#include "t.h"

#include <jwt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LATER "2000003600"      /* an hour after LAB_NOW */
#define GOOD  "{\"sub\":\"ann\",\"exp\":" LATER "}"

#define ASK(lab, token, want) \
    SAME(span_of(refusal_name(lab_ask((lab), "/", (token)))), refusal_name(REFUSED_##want))

static void start(struct lab *lab)
{
    if (!lab_start(lab)) FAIL("%s", buf_text(&lab->errors));
}

/* ---- every algorithm, there and back */

static void round_trip(enum alg alg)
{
    struct lab lab;
    const char *name = alg_row(alg)->name;
    bool secret = alg_row(alg)->family == ALG_HMAC;
    t_row = name;
    lab_open(&lab);
    lab_namespace(&lab, "/", "sub", NULL);
    EVP_PKEY *key = secret ? NULL : lab_pkey_for(alg), *other = secret ? NULL : lab_pkey_for(alg);
    const char *private = secret ? lab_secret(&lab, "a") : lab_private(&lab, "a", key);
    const char *stranger = secret ? lab_secret(&lab, "b") : lab_private(&lab, "b", other);
    lab_key(&lab, "", secret ? private : lab_public(&lab, "pub", key), secret ? CONFIG_KEY_SECRET : CONFIG_KEY_PEM, name);
    start(&lab);
    ASK(&lab, lab_mint(&lab, alg, private, "", "{\"sub\":42,\"exp\":" LATER ",\"name\":\"\xe7\x8e\x8b\"}"), NOT);
    EQUAL(lab.answer.allowed, 1);
    EQUAL(lab.answer.ref, 7);
    EQUAL(lab.answer.expires, 2000003610);              /* leeway included */
    SAME(lab.answer.user, "42");
    CHECK(memmem(lab.answer.claims.ptr, lab.answer.claims.len, "\"name\":\"\xe7\x8e\x8b\"", 12));
    ASK(&lab, lab_mint(&lab, alg, stranger, "", GOOD), bad_signature);
    EQUAL(lab.answer.allowed, 0);
    SAME(lab.answer.reason, "bad_signature");
    SAME(lab.answer.message, "invalid token signature");
    SAME(lab.answer.user, "");
    SAME(lab.answer.claims, "");
    EVP_PKEY_free(key), EVP_PKEY_free(other);
    lab_close(&lab);
}
TEST(judge_takes_every_algorithm)
{
    for (enum alg a = 1; a < ALG_COUNT; a++) round_trip(a);
}

TEST(judge_takes_ed448)
{
    struct lab lab;
    lab_open(&lab);
    lab_namespace(&lab, "/", "sub", NULL);
    EVP_PKEY *key = lab_pkey("ED448", NULL, 0);
    lab_key(&lab, "", lab_public(&lab, "pub", key), CONFIG_KEY_PEM, "EdDSA");
    start(&lab);
    ASK(&lab, lab_mint(&lab, ALG_EdDSA, lab_private(&lab, "key", key), "", GOOD), NOT);
    EVP_PKEY_free(key);
    lab_close(&lab);
}

/* ---- attacks */

/* An RSA key under kid "rsa", a secret without kid, an EC key under kid "ec". */
struct yard { struct lab lab; EVP_PKEY *rsa, *ec; const char *rsa_private, *rsa_public, *ec_private, *secret; };

static void yard_open(struct yard *y)
{
    lab_open(&y->lab);
    lab_namespace(&y->lab, "/", "sub", NULL);
    y->rsa = lab_pkey("RSA", NULL, 2048);
    y->ec = lab_pkey("EC", "P-256", 0);
    y->rsa_private = lab_private(&y->lab, "rsa", y->rsa);
    y->rsa_public = lab_public(&y->lab, "rsa.pub", y->rsa);
    y->ec_private = lab_private(&y->lab, "ec", y->ec);
    y->secret = lab_secret(&y->lab, "secret");
    lab_key(&y->lab, "rsa", y->rsa_public, CONFIG_KEY_PEM, "RS256");
    lab_key(&y->lab, "ec", lab_public(&y->lab, "ec.pub", y->ec), CONFIG_KEY_PEM, "ES256");
    lab_key(&y->lab, "", y->secret, CONFIG_KEY_SECRET, "HS256");
    start(&y->lab);
}

static void yard_close(struct yard *y)
{
    EVP_PKEY_free(y->rsa), EVP_PKEY_free(y->ec);
    lab_close(&y->lab);
}

TEST(judge_is_not_confused)
{
    struct yard y;
    yard_open(&y);
    struct span pem = lab_read(&y.lab, y.rsa_public), trimmed = { pem.ptr, pem.len - 1 };
    ASK(&y.lab, lab_hmac(&y.lab, "{\"alg\":\"HS256\",\"kid\":\"rsa\"}", GOOD, pem), alg_not_allowed);
    ASK(&y.lab, lab_hmac(&y.lab, "{\"alg\":\"HS256\",\"kid\":\"rsa\"}", GOOD, trimmed), alg_not_allowed);
    ASK(&y.lab, lab_hmac(&y.lab, "{\"alg\":\"HS256\"}", GOOD, pem), bad_signature);
    ASK(&y.lab, lab_hmac(&y.lab, "{\"alg\":\"HS256\",\"kid\":\"x\"}", GOOD, pem), bad_signature);
    ASK(&y.lab, lab_hmac(&y.lab, "{\"alg\":\"HS256\"}", GOOD, SPAN("")), bad_signature);
    ASK(&y.lab, lab_hmac(&y.lab, "{\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AAAA\"}}", GOOD, SPAN("\0\0\0")), bad_signature);
    EQUAL(y.lab.stats.refused_alg_not_allowed, 2);
    yard_close(&y);
}

TEST(judge_wants_a_signature)
{
    static const char *const names[] = { "none", "None", "NONE", "nOnE", "\\u006eone" };
    struct yard y;
    char header[64];
    yard_open(&y);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(header, sizeof header, "{\"alg\":\"%s\"}", names[i]);
        ASK(&y.lab, lab_token(&y.lab, header, GOOD, SPAN("")), alg_none);
    }
    EQUAL(y.lab.stats.refused_alg_none, 5);
    EQUAL(y.lab.stats.verify_signatures, 0);
    ASK(&y.lab, lab_token(&y.lab, "{\"alg\":\"HS256\"}", GOOD, SPAN("")), bad_signature);
    ASK(&y.lab, lab_token(&y.lab, "{\"alg\":\"RS256\",\"kid\":\"rsa\"}", GOOD, SPAN("")), bad_signature);
    ASK(&y.lab, lab_token(&y.lab, "{\"alg\":\"ES256\",\"kid\":\"ec\"}", GOOD, SPAN("")), bad_signature);
    yard_close(&y);
}

TEST(judge_compares_kid_and_no_more)
{
    static const char *const kids[] = { "../../dev/null", "/dev/null", "rsa\\u0000", "RSA", "' OR 1=1 --", "rsa.pub", "*", "\\ud800" };
    struct lab lab;
    char header[64];
    lab_open(&lab);
    lab_namespace(&lab, "/", "sub", NULL);
    lab_key(&lab, "rsa", lab_secret(&lab, "secret"), CONFIG_KEY_SECRET, "HS256");
    start(&lab);
    for (size_t i = 0; i < sizeof kids / sizeof kids[0]; i++) {
        snprintf(header, sizeof header, "{\"alg\":\"HS256\",\"kid\":\"%s\"}", kids[i]);
        ASK(&lab, lab_hmac(&lab, header, GOOD, SPAN("")), unknown_key);
    }
    ASK(&lab, lab_hmac(&lab, "{\"alg\":\"HS256\"}", GOOD, SPAN("")), unknown_key);
    EQUAL(lab.stats.verify_signatures, 0);
    lab_close(&lab);
}

TEST(judge_knows_the_length_of_hmac)
{
    struct lab lab;
    struct buf bytes = { 0 };
    lab_open(&lab);
    lab_namespace(&lab, "/", "sub", NULL);
    const char *secret = lab_secret(&lab, "secret");
    lab_key(&lab, "", secret, CONFIG_KEY_SECRET, "HS256");
    lab.config.auth.cache_count = 0;
    start(&lab);
    struct span key = lab_read(&lab, secret);
    key.len--;
    const char *token = lab_hmac(&lab, "{\"alg\":\"HS256\"}", GOOD, key);
    NEED(base64_decode_url(&bytes, span_of(strrchr(token, '.') + 1)) == OK);
    EQUAL(bytes.len, 32);
    buf_add(&bytes, SPAN("\0\0"));
    for (size_t n = 34; n-- > 0; ) {        /* behind a good one, whose bytes may still stand in some buffer */
        ASK(&lab, token, NOT);
        const char *cut = lab_token(&lab, "{\"alg\":\"HS256\"}", GOOD, span_head(buf_span(&bytes), n));
        if (n != 32) ASK(&lab, cut, bad_signature);
        else ASK(&lab, cut, NOT);
    }
    buf_fini(&bytes);
    lab_close(&lab);
}

/* R and S in every length but the right one, in DER, and as zeros. */
TEST(judge_knows_the_length_of_ecdsa)
{
    struct yard y;
    struct buf bytes = { 0 }, der = { 0 };
    static const char header[] = "{\"alg\":\"ES256\",\"kid\":\"ec\"}";
    yard_open(&y);
    const char *token = lab_mint(&y.lab, ALG_ES256, y.ec_private, "ec", GOOD);
    ASK(&y.lab, token, NOT);
    struct span input = span_of(token);
    char *last = strrchr(token, '.');
    input.len = (size_t)(last - token);
    NEED(base64_decode_url(&bytes, span_of(last + 1)) == OK);
    EQUAL(bytes.len, 64);
    buf_add(&bytes, SPAN("\0\0"));
    for (size_t n = 0; n <= 66; n++) {
        if (n == 64) continue;
        buf_clear(&der);
        buf_add(&der, input);
        buf_add_byte(&der, '.');
        base64_encode_url(&der, span_head(buf_span(&bytes), n));
        ASK(&y.lab, buf_text(&der), bad_signature);
    }
    ECDSA_SIG *rs = ECDSA_SIG_new();
    ECDSA_SIG_set0(rs, BN_bin2bn((unsigned char *)bytes.ptr, 32, NULL), BN_bin2bn((unsigned char *)bytes.ptr + 32, 32, NULL));
    unsigned char *text = NULL;
    int n = i2d_ECDSA_SIG(rs, &text);
    buf_clear(&der);
    buf_add(&der, input);
    buf_add_byte(&der, '.');
    base64_encode_url(&der, span_from(text, (size_t)n));
    ASK(&y.lab, buf_text(&der), bad_signature);
    OPENSSL_free(text);
    ECDSA_SIG_free(rs);
    static const char zeros[64];
    ASK(&y.lab, lab_token(&y.lab, header, GOOD, span_from(zeros, 64)), bad_signature);
    char ones[64];
    memset(ones, 0xff, sizeof ones);
    ASK(&y.lab, lab_token(&y.lab, header, GOOD, span_from(ones, 64)), bad_signature);
    buf_fini(&bytes), buf_fini(&der);
    yard_close(&y);
}

TEST(judge_tells_rs_from_ps)
{
    struct lab lab;
    lab_open(&lab);
    lab_namespace(&lab, "/", "sub", NULL);
    EVP_PKEY *key = lab_pkey("RSA", NULL, 2048);
    const char *private = lab_private(&lab, "key", key);
    lab_key(&lab, "", lab_public(&lab, "pub", key), CONFIG_KEY_PEM, "PS256");
    start(&lab);
    const char *token = lab_mint(&lab, ALG_RS256, private, "", GOOD);
    ASK(&lab, token, alg_not_allowed);
    struct buf signature = { 0 };
    NEED(base64_decode_url(&signature, span_of(strrchr(token, '.') + 1)) == OK);
    ASK(&lab, lab_token(&lab, "{\"alg\":\"PS256\"}", GOOD, buf_span(&signature)), bad_signature);
    ASK(&lab, lab_mint(&lab, ALG_PS256, private, "", GOOD), NOT);
    ASK(&lab, lab_mint(&lab, ALG_PS384, private, "", GOOD), alg_not_allowed);
    buf_fini(&signature);
    EVP_PKEY_free(key);
    lab_close(&lab);
}

/* RFC 7518, 3.5: the salt is as long as the digest, and no other. */
TEST(judge_knows_the_salt_of_pss)
{
    struct lab lab;
    unsigned char bytes[256];
    lab_open(&lab);
    lab_namespace(&lab, "/", "sub", NULL);
    EVP_PKEY *key = lab_pkey("RSA", NULL, 2048);
    lab_key(&lab, "", lab_public(&lab, "pub", key), CONFIG_KEY_PEM, "PS256");
    start(&lab);
    for (int salt = 31; salt <= 33; salt++) {
        const char *unsigned_token = lab_token(&lab, "{\"alg\":\"PS256\"}", GOOD, SPAN(""));
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        EVP_PKEY_CTX *padding;
        size_t n = sizeof bytes;
        NEED(EVP_DigestSignInit(ctx, &padding, EVP_sha256(), NULL, key) == 1);
        NEED(EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PSS_PADDING) == 1);
        NEED(EVP_PKEY_CTX_set_rsa_pss_saltlen(padding, salt) == 1);
        NEED(EVP_DigestSign(ctx, bytes, &n, (const unsigned char *)unsigned_token, strlen(unsigned_token) - 1) == 1);
        EVP_MD_CTX_free(ctx);
        const char *token = lab_token(&lab, "{\"alg\":\"PS256\"}", GOOD, span_from(bytes, n));
        EQUAL(lab_ask(&lab, "/", token), salt == 32 ? REFUSED_NOT : REFUSED_bad_signature);
    }
    EVP_PKEY_free(key);
    lab_close(&lab);
}

TEST(judge_tries_each_key_without_kid)      /* while a secret is being changed */
{
    struct lab lab;
    lab_open(&lab);
    lab_namespace(&lab, "/", "sub", NULL);
    const char *a = lab_secret(&lab, "a"), *b = lab_secret(&lab, "b"), *c = lab_secret(&lab, "c");
    lab_key(&lab, "", a, CONFIG_KEY_SECRET, "HS256");
    lab_key(&lab, "", b, CONFIG_KEY_SECRET, "HS256");
    start(&lab);
    ASK(&lab, lab_mint(&lab, ALG_HS256, a, "", GOOD), NOT);
    ASK(&lab, lab_mint(&lab, ALG_HS256, b, "any", GOOD), NOT);
    ASK(&lab, lab_mint(&lab, ALG_HS256, c, "", GOOD), bad_signature);
    EQUAL(lab.stats.verify_signatures, 5);
    lab_close(&lab);
}

/* ---- every reason has its counter */

TEST(judge_counts_by_reason)
{
    struct lab lab;
    struct buf large = { 0 };
    lab_open(&lab);
    lab_namespace(&lab, "/", "sub", "{\"status\":1,\"role\":[\"admin\",\"owner\"]}");
    const char *secret = lab_secret(&lab, "secret"), *wrong = lab_secret(&lab, "wrong");
    lab_key(&lab, "k", secret, CONFIG_KEY_SECRET, "HS256");
    free(lab.config.auth.audience.at);
    lab.config.auth.audience = (struct config_strings){ calloc(1, sizeof(char *)), 1 };
    char us[] = "us", joe[] = "joe";
    lab.config.auth.audience.at[0] = us;
    lab.config.auth.issuer = joe;
    start(&lab);
#define BASE "\"sub\":1,\"iss\":\"joe\",\"aud\":[\"us\"],"
    const struct { enum refusal reason; const char *token; } rows[] = {
        { REFUSED_NOT, lab_mint(&lab, ALG_HS256, secret, "k", "{" BASE "\"exp\":" LATER ",\"status\":1,\"role\":[\"user\",\"admin\"]}") },
        { REFUSED_missing_token, "" },
        { REFUSED_oversize, NULL },
        { REFUSED_malformed, "a.b" },
        { REFUSED_critical, lab_token(&lab, "{\"alg\":\"HS256\",\"crit\":[\"x\"]}", "{}", SPAN("")) },
        { REFUSED_alg_none, lab_token(&lab, "{\"alg\":\"none\"}", "{}", SPAN("")) },
        { REFUSED_alg_not_allowed, lab_mint(&lab, ALG_HS512, secret, "k", "{}") },
        { REFUSED_unknown_key, lab_mint(&lab, ALG_HS256, secret, "x", "{}") },
        { REFUSED_bad_signature, lab_mint(&lab, ALG_HS256, wrong, "k", "{}") },
        { REFUSED_bad_claims, lab_mint(&lab, ALG_HS256, secret, "k", "{" BASE "\"exp\":\"soon\"}") },
        { REFUSED_missing_claim, lab_mint(&lab, ALG_HS256, secret, "k", "{" BASE "\"exp\":" LATER ",\"status\":1}") },
        { REFUSED_expired, lab_mint(&lab, ALG_HS256, secret, "k", "{" BASE "\"exp\":1999999990}") },
        { REFUSED_not_yet_valid, lab_mint(&lab, ALG_HS256, secret, "k", "{" BASE "\"nbf\":2000000011}") },
        { REFUSED_wrong_issuer, lab_mint(&lab, ALG_HS256, secret, "k", "{\"iss\":\"jim\",\"aud\":\"us\"}") },
        { REFUSED_wrong_audience, lab_mint(&lab, ALG_HS256, secret, "k", "{\"iss\":\"joe\",\"aud\":\"them\"}") },
        { REFUSED_claim_mismatch, lab_mint(&lab, ALG_HS256, secret, "k", "{" BASE "\"status\":0,\"role\":\"admin\"}") },
        { REFUSED_unknown_namespace, NULL },
    };
    _Static_assert(sizeof rows / sizeof rows[0] == REFUSED_COUNT, "a new reason wants a row");
    for (size_t i = 0; i < 8193; i++) buf_add_byte(&large, 'A');
    for (size_t i = 0; i < REFUSED_COUNT; i++) {
        const char *token = rows[i].reason == REFUSED_oversize ? buf_text(&large) : rows[i].token;
        bool nowhere = rows[i].reason == REFUSED_unknown_namespace;
        t_row = refusal_name(rows[i].reason);
        EQUAL(rows[i].reason, i);
        SAME(span_of(refusal_name(lab_ask(&lab, nowhere ? "/nowhere" : "/", nowhere ? "" : token))), t_row);
        SAME(lab.answer.message, refusal_text(rows[i].reason));
    }
    uint64_t refused[] = { lab.stats.verify_allowed,
#define REASON(name, text, doc) lab.stats.refused_##name,
#include "../../auth/reasons.def"
#undef REASON
    };
    for (size_t i = 0; i < REFUSED_COUNT; i++) EQUAL(refused[i], 1);
    EQUAL(lab.stats.verify_asked, REFUSED_COUNT);
    EQUAL(lab.stats.verify_refused, REFUSED_COUNT - 1);
    buf_fini(&large);
    lab_close(&lab);
}

TEST(judge_keeps_to_the_second)
{
    struct lab lab;
    lab_open(&lab);
    lab_namespace(&lab, "/", "sub", NULL);
    const char *secret = lab_secret(&lab, "secret");
    lab_key(&lab, "", secret, CONFIG_KEY_SECRET, "HS256");
    lab.config.auth.cache_count = 0;
    start(&lab);
    const char *token = lab_mint(&lab, ALG_HS256, secret, "", "{\"sub\":\"ann\",\"nbf\":2000000010,\"exp\":2000000020}");
    lab.now = UINT64_C(1999999999999), ASK(&lab, token, not_yet_valid);
    lab.now = UINT64_C(2000000000000), ASK(&lab, token, NOT);
    lab.now = UINT64_C(2000000029999), ASK(&lab, token, NOT);
    lab.now = UINT64_C(2000000030000), ASK(&lab, token, expired);
    EQUAL(lab.answer.expires, 0);
    lab_close(&lab);
}

/* ---- namespaces */

TEST(judge_asks_each_namespace)
{
    struct lab lab;
    lab_open(&lab);
    lab_namespace(&lab, "/web", "id", "{\"status\":1}");
    lab_namespace(&lab, "/admin", "id", "{\"status\":1,\"role\":\"admin\"}");
    lab_namespace(&lab, "/name", "username", NULL);
    lab_namespace(&lab, "/admin-*", "username", "{\"role\":\"admin\"}");
    lab_namespace(&lab, "/game-#", "username", NULL);
    const char *secret = lab_secret(&lab, "secret");
    lab_key(&lab, "", secret, CONFIG_KEY_SECRET, "HS256");
    start(&lab);
    const char *token = lab_mint(&lab, ALG_HS256, secret, "", "{\"id\":7,\"username\":\"ann\",\"status\":1,\"exp\":" LATER "}");
    EQUAL(lab_ask(&lab, "/web", token), REFUSED_NOT);
    SAME(lab.answer.user, "7");
    EQUAL(lab_ask(&lab, "/admin", token), REFUSED_missing_claim);
    EQUAL(lab_ask(&lab, "/name", token), REFUSED_NOT);
    SAME(lab.answer.user, "\"ann\"");
    EQUAL(lab_ask(&lab, "/game-12", token), REFUSED_NOT);
    SAME(lab.answer.user, "\"ann\"");
    EQUAL(lab_ask(&lab, "/admin-1", token), REFUSED_missing_claim);
    EQUAL(lab_ask(&lab, "/game-x", token), REFUSED_unknown_namespace);
    EQUAL(lab_ask(&lab, "/", token), REFUSED_unknown_namespace);
    EQUAL(lab.stats.verify_signatures, 1);          /* once for all of them */
    EQUAL(lab.stats.cache_hits, 4);
    lab_close(&lab);
}

TEST(judge_takes_text_where_it_is_told_to)
{
    struct lab lab;
    lab_open(&lab);
    lab_namespace(&lab, "/t", "sub", NULL);
    lab_namespace(&lab, "/n", "sub", NULL);
    lab.config.namespaces[0].identity = CONFIG_IDENTITY_TOKEN;
    lab.config.namespaces[1].identity = CONFIG_IDENTITY_NONE;
    start(&lab);
    EQUAL(lab_ask(&lab, "/t", "test_token_7"), REFUSED_NOT);
    SAME(lab.answer.user, "\"test_token_7\"");
    SAME(lab.answer.claims, "{}");
    EQUAL(lab.answer.expires, 0);
    EQUAL(lab_ask(&lab, "/t", ""), REFUSED_missing_token);
    EQUAL(lab_ask(&lab, "/t", "a\nb"), REFUSED_malformed);
    EQUAL(lab_ask(&lab, "/t", "a\xff"), REFUSED_malformed);
    EQUAL(lab_ask(&lab, "/n", ""), REFUSED_NOT);
    SAME(lab.answer.user, "null");
    lab_close(&lab);
}

TEST(judge_refuses_a_policy_that_cannot_match)
{
    struct lab lab;
    lab_open(&lab);
    lab_namespace(&lab, "/", "sub", "{\"role\":{\"is\":\"admin\"}}");
    CHECK(!lab_start(&lab));
    CHECK(strstr(buf_text(&lab.errors), "require"));
    lab_close(&lab);
}

/* ---- cache and reload */

TEST(judge_caches_what_was_good)
{
    struct lab lab;
    lab_open(&lab);
    lab_namespace(&lab, "/", "sub", NULL);
    const char *secret = lab_secret(&lab, "secret");
    lab_key(&lab, "", secret, CONFIG_KEY_SECRET, "HS256");
    lab.config.auth.cache_count = 2;
    start(&lab);
    const char *token = lab_mint(&lab, ALG_HS256, secret, "", GOOD), *bad = lab_mint(&lab, ALG_HS256, secret, "", "{\"exp\":1}");
    for (int i = 0; i < 3; i++) {
        ASK(&lab, token, NOT);
        EQUAL(lab.answer.expires, 2000003610);
        SAME(lab.answer.user, "\"ann\"");
    }
    EQUAL(lab.stats.cache_hits, 2);
    EQUAL(lab.stats.verify_signatures, 1);
    EQUAL(lab.stats.cache_entries, 1);
    for (int i = 0; i < 3; i++) ASK(&lab, bad, expired);
    EQUAL(lab.stats.cache_entries, 1);                      /* refusals are not kept */
    EQUAL(lab.stats.verify_signatures, 4);
    for (int i = 0; i < 5; i++) {
        char claims[64];
        snprintf(claims, sizeof claims, "{\"sub\":%d,\"exp\":" LATER "}", i);
        ASK(&lab, lab_mint(&lab, ALG_HS256, secret, "", claims), NOT);
    }
    EQUAL(lab.stats.cache_entries, 2);
    ASK(&lab, token, NOT);
    lab.now = UINT64_C(2000003610000);
    ASK(&lab, token, expired);                              /* the cache does not outlive exp */
    EQUAL(lab.stats.cache_hits, 2);
    lab_close(&lab);
}

TEST(judge_reloads_at_once_or_not_at_all)
{
    struct lab lab;
    lab_open(&lab);
    lab_namespace(&lab, "/", "sub", NULL);
    const char *secret = lab_secret(&lab, "secret");
    lab_key(&lab, "", secret, CONFIG_KEY_SECRET, "HS256");
    start(&lab);
    EQUAL(lab.stats.keys_loaded, 1);
    const char *old = lab_mint(&lab, ALG_HS256, secret, "", GOOD);
    ASK(&lab, old, NOT);
    lab_file(&lab, "secret", SPAN("short"));
    CHECK(!lab_reload(&lab));
    CHECK(strstr(buf_text(&lab.errors), "fewer than 16"));
    ASK(&lab, old, NOT);
    EQUAL(lab.stats.cache_hits, 1);                         /* nothing was dropped either */
    remove(secret);
    CHECK(!lab_reload(&lab));
    ASK(&lab, old, NOT);
    EQUAL(lab.stats.keys_reloads_failed, 2);
    lab_secret(&lab, "secret");
    CHECK(lab_reload(&lab));
    EQUAL(lab.stats.keys_reloads, 1);
    EQUAL(lab.stats.cache_entries, 0);
    ASK(&lab, old, bad_signature);
    ASK(&lab, lab_mint(&lab, ALG_HS256, secret, "", GOOD), NOT);
    lab_close(&lab);
}

TEST(judge_takes_what_a_new_topology_says_or_nothing_of_it)
{
    struct lab lab;
    lab_open(&lab);
    lab_namespace(&lab, "/", "sub", NULL);
    const char *secret = lab_secret(&lab, "secret");
    lab_key(&lab, "", secret, CONFIG_KEY_SECRET, "HS256");
    start(&lab);
    const char *token = lab_mint(&lab, ALG_HS256, secret, "", GOOD);
    ASK(&lab, token, NOT);
    EQUAL(lab_ask(&lab, "/new", token), REFUSED_unknown_namespace);

    struct config fresh = lab.config;
    struct config_namespace more[2] = { lab.config.namespaces[0], { .name = lab.config.namespaces[0].name, .user_claim = lab.config.namespaces[0].user_claim } };
    char name[] = "/new", audience[] = "somebody else", *audiences[] = { audience };
    more[1].name = name;
    fresh.namespaces = more, fresh.namespace_count = 2;
    struct judge_news *news = judge_news_new(&fresh, &lab.errors, &lab.warnings);
    CHECK(news);
    judge_news_destroy(&news);                              /* others refused it */
    CHECK(!news);
    ASK(&lab, token, NOT);
    EQUAL(lab_ask(&lab, "/new", token), REFUSED_unknown_namespace);

    struct config before = lab.config;
    news = judge_news_new(&fresh, &lab.errors, &lab.warnings);
    lab.config.namespaces = more, lab.config.namespace_count = 2;
    lab.config.auth.audience = (struct config_strings){ audiences, 1 };
    judge_take(lab.judge, &news);
    CHECK(!news);
    EQUAL(lab_ask(&lab, "/new", token), REFUSED_missing_claim);
    news = judge_news_new(&fresh, &lab.errors, &lab.warnings);
    lab.config.auth.audience = before.auth.audience;
    judge_take(lab.judge, &news);
    EQUAL(lab_ask(&lab, "/new", token), REFUSED_NOT);
    lab.config = before;
    lab_close(&lab);
}

/* ---- beside others */

TEST(judge_agrees_with_libjwt)
{
    struct yard y;
    jwt_t *jwt = NULL;
    yard_open(&y);
    struct span pem = lab_read(&y.lab, y.rsa_public);
    const char *token = lab_mint(&y.lab, ALG_RS256, y.rsa_private, "rsa", "{\"sub\":\"ann\",\"id\":42,\"exp\":" LATER "}");
    ASK(&y.lab, token, NOT);
    EQUAL(jwt_decode(&jwt, token, (const unsigned char *)pem.ptr, (int)pem.len), 0);
    CHECK(memmem(y.lab.answer.claims.ptr, y.lab.answer.claims.len, "\"id\":42", 7));
    EQUAL(jwt_get_grant_int(jwt, "id"), 42);
    SAME(span_of(jwt_get_grant(jwt, "sub")), "ann");
    jwt_free(jwt);
    yard_close(&y);
}

static bool run(char *answer, size_t size, const char *command)
{
    FILE *f = popen(command, "r");
    size_t n = f ? fread(answer, 1, size - 1, f) : 0;
    answer[n] = '\0';
    return f && pclose(f) == 0 && n > 0;
}

TEST(judge_takes_what_python_signs)
{
    static const char program[] =
        "python3 -c 'import hmac, hashlib, json, base64, sys\n"
        "b = lambda x: base64.urlsafe_b64encode(x).rstrip(b\"=\")\n"
        "key = open(sys.argv[1], \"rb\").read().strip()\n"
        "i = b(json.dumps({\"alg\": \"HS256\", \"typ\": \"JWT\"}).encode()) + b\".\" + b(json.dumps({\"sub\": \"\\u738b\", \"exp\": " LATER ".5}).encode())\n"
        "sys.stdout.write((i + b\".\" + b(hmac.new(key, i, hashlib.sha256).digest())).decode())' ";
    struct lab lab;
    char command[2048], token[2048];
    lab_open(&lab);
    lab_namespace(&lab, "/", "sub", NULL);
    const char *secret = lab_secret(&lab, "secret");
    lab_key(&lab, "", secret, CONFIG_KEY_SECRET, "HS256");
    start(&lab);
    snprintf(command, sizeof command, "%s%s", program, secret);
    if (run(token, sizeof token, command)) {
        ASK(&lab, token, NOT);
        SAME(lab.answer.user, "\"\xe7\x8e\x8b\"");
        EQUAL(lab.answer.expires, 2000003611);
    }
    lab_close(&lab);
}
