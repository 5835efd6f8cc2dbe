/* Loading keys: what each kind of file may hold, and what is said of those that may not. */
#include "lab.h"
#include "mint_jwt.h"
#include "t.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define GOOD "{\"sub\":\"ann\",\"exp\":2000003600}"

static void refused(struct lab *lab, const char *file, int kind, const char *algs, const char *why)
{
    lab_key(lab, "", file, kind, algs);
    t_row = why;
    if (lab_start(lab)) FAIL("was taken");
    if (!strstr(buf_text(&lab->errors), why)) FAIL("said: %s", buf_text(&lab->errors));
    CHECK(strstr(buf_text(&lab->errors), file));
    lab->config.auth.key_count--;
    free(lab->config.auth.keys[lab->config.auth.key_count].algorithms.at);
}

static const char *set_of(struct lab *lab, const char *keys)
{
    struct buf text = { 0 };
    buf_add_format(&text, "{\"keys\":[%s]}", keys);
    const char *path = lab_file(lab, "set", buf_span(&text));
    buf_fini(&text);
    return path;
}

#define X25519 "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}"
#define ED     "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\""
#define EC_X   "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define EC_Y   "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"

#define RSA_N  "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNM" \
               "sD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmt" \
               "dVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"

TEST(keys_say_what_is_wrong)
{
    struct lab lab;
    lab_open(&lab);
    EVP_PKEY *rsa = lab_pkey("RSA", NULL, 2048), *weak = lab_pkey("RSA", NULL, 1024), *ec = lab_pkey("EC", "P-256", 0),
             *foreign = lab_pkey("EC", "secp256k1", 0);
    const char *pub = lab_public(&lab, "rsa.pub", rsa), *secret = lab_secret(&lab, "secret");
    char fifo[64];
    snprintf(fifo, sizeof fifo, "%s/fifo", lab.dir);
    NEED(mkfifo(fifo, 0600) == 0);
    refused(&lab, "/nonexistent", CONFIG_KEY_SECRET, "HS256", "No such file");
    refused(&lab, lab.dir, CONFIG_KEY_SECRET, "HS256", "no regular file");
    refused(&lab, fifo, CONFIG_KEY_PEM, "RS256", "no regular file");
    refused(&lab, lab_file(&lab, "short", SPAN("15 bytes of key\n")), CONFIG_KEY_SECRET, "HS256", "fewer than 16");
    refused(&lab, lab_file(&lab, "empty", SPAN("")), CONFIG_KEY_SECRET, "HS256", "fewer than 16");
    refused(&lab, pub, CONFIG_KEY_SECRET, "HS256", "is a PEM file and no secret");
    refused(&lab, secret, CONFIG_KEY_SECRET, "RS256", "does not fit");
    refused(&lab, secret, CONFIG_KEY_SECRET, "HS255", "no such algorithm: HS255");
    refused(&lab, secret, CONFIG_KEY_SECRET, "", "names no algorithms");
    refused(&lab, secret, CONFIG_KEY_PEM, "RS256", "no public key or certificate");
    refused(&lab, lab_file(&lab, "empty", SPAN("")), CONFIG_KEY_PEM, "RS256", "no public key or certificate");
    refused(&lab, pub, CONFIG_KEY_PEM, "HS256", "does not fit");
    refused(&lab, pub, CONFIG_KEY_PEM, "ES256,EdDSA", "does not fit");
    refused(&lab, lab_public(&lab, "weak", weak), CONFIG_KEY_PEM, "RS256", "fewer than 2048 bits");
    refused(&lab, lab_public(&lab, "ec", ec), CONFIG_KEY_PEM, "ES384", "does not fit");
    refused(&lab, lab_public(&lab, "foreign", foreign), CONFIG_KEY_PEM, "ES256", "type or curve");
    refused(&lab, secret, CONFIG_KEY_JWKS, "HS256", "is not JSON");
    refused(&lab, lab_file(&lab, "jwks", SPAN("{}")), CONFIG_KEY_JWKS, "RS256", "no list \"keys\"");
    refused(&lab, lab_file(&lab, "jwks", SPAN("{\"keys\":[],\"keys\":[]}")), CONFIG_KEY_JWKS, "RS256", "is not JSON");
    refused(&lab, set_of(&lab, ""), CONFIG_KEY_JWKS, "RS256", "no key that fits");
    refused(&lab, set_of(&lab, "1,\"x\",null,{},[]"), CONFIG_KEY_JWKS, "RS256", "no key that fits");
    refused(&lab, set_of(&lab, X25519), CONFIG_KEY_JWKS, "EdDSA", "no key that fits");
    refused(&lab, set_of(&lab, "{" ED ",\"use\":\"enc\"}"), CONFIG_KEY_JWKS, "EdDSA", "no key that fits");
    refused(&lab, set_of(&lab, "{" ED ",\"use\":1}"), CONFIG_KEY_JWKS, "EdDSA", "no key that fits");
    refused(&lab, set_of(&lab, "{" ED ",\"key_ops\":[\"sign\"]}"), CONFIG_KEY_JWKS, "EdDSA", "no key that fits");
    refused(&lab, set_of(&lab, "{" ED ",\"alg\":\"ES256\"}"), CONFIG_KEY_JWKS, "EdDSA", "no key that fits");
    refused(&lab, set_of(&lab, "{" ED ",\"alg\":\"none\"}"), CONFIG_KEY_JWKS, "EdDSA", "no key that fits");
    refused(&lab, set_of(&lab, "{\"kty\":\"oct\",\"k\":\"c2hvcnQ\"}"), CONFIG_KEY_JWKS, "HS256", "no key that fits");
    refused(&lab, set_of(&lab, "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}"), CONFIG_KEY_JWKS, "RS256", "no key that fits");
    refused(&lab, set_of(&lab, "{\"kty\":\"RSA\",\"n\":\"\",\"e\":\"AQAB\"}"), CONFIG_KEY_JWKS, "RS256", "no key that fits");
    refused(&lab, set_of(&lab, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\"}"), CONFIG_KEY_JWKS, "ES256", "no key that fits");
    refused(&lab, set_of(&lab, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_X "\"}"), CONFIG_KEY_JWKS, "ES256", "no key that fits");
    refused(&lab, set_of(&lab, "{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\"}"), CONFIG_KEY_JWKS, "ES384", "no key that fits");
    refused(&lab, set_of(&lab, "{\"kty\":\"EC\",\"crv\":\"Ed25519\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\"}"), CONFIG_KEY_JWKS, "EdDSA", "no key that fits");
    refused(&lab, set_of(&lab, "{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQ\"}"), CONFIG_KEY_JWKS, "RS256", "no key that fits");
    refused(&lab, set_of(&lab, "{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"Ag\"}"), CONFIG_KEY_JWKS, "RS256", "no key that fits");
    EVP_PKEY_free(rsa), EVP_PKEY_free(weak), EVP_PKEY_free(ec), EVP_PKEY_free(foreign);
    lab_close(&lab);
}

TEST(keys_say_all_that_is_wrong)
{
    struct lab lab;
    lab_open(&lab);
    lab_key(&lab, "", "/nonexistent/a", CONFIG_KEY_SECRET, "HS256");
    lab_key(&lab, "", lab_secret(&lab, "good"), CONFIG_KEY_SECRET, "HS256");
    lab_key(&lab, "", "/nonexistent/b", CONFIG_KEY_PEM, "RS256");
    CHECK(!lab_start(&lab));
    SAME(buf_span(&lab.errors), "/nonexistent/a: No such file or directory\n/nonexistent/b: No such file or directory\n");
    lab_close(&lab);
}

static void warns(struct lab *lab, const char *file, int kind, const char *algs, const char *warning)
{
    lab_key(lab, "", file, kind, algs);
    if (!lab_start(lab)) FAIL("%s", buf_text(&lab->errors));
    if (warning ? !strstr(buf_text(&lab->warnings), warning) : lab->warnings.len > 0) FAIL("said: %s", buf_text(&lab->warnings));
}

TEST(keys_warn)
{
    static const struct { const char *name, *secret, *algs, *warning; mode_t mode; } rows[] = {
        { "long enough", "32 bytes of key, no less at all.\n", "HS256", NULL, 0600 },
        { "short of the digest", "24 bytes of key, and few\n", "HS256", "shorter than RFC 7518 wants for HS256", 0600 },
        { "for one of two", "32 bytes of key, no less at all.", "HS256,HS512", "wants for HS512", 0600 },
        { "open to others", "32 bytes of key, no less at all.", "HS256", "can be read by others", 0644 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct lab lab;
        t_row = rows[i].name;
        lab_open(&lab);
        const char *path = lab_file(&lab, "secret", span_of(rows[i].secret));
        chmod(path, rows[i].mode);
        warns(&lab, path, CONFIG_KEY_SECRET, rows[i].algs, rows[i].warning);
        lab_close(&lab);
    }
}

TEST(keys_of_certificates_and_private_files)
{
    struct lab lab;
    lab_open(&lab);
    lab_namespace(&lab, "/", "sub", NULL);
    EVP_PKEY *a = lab_pkey("EC", "P-384", 0), *b = lab_pkey("RSA", NULL, 2048);
    const char *private = lab_private(&lab, "b", b);
    lab_key(&lab, "cert", lab_certificate(&lab, "a.crt", a), CONFIG_KEY_PEM, "ES384");
    warns(&lab, private, CONFIG_KEY_PEM, "RS256", "holds a private key");
    EQUAL(lab.stats.keys_loaded, 2);
    EQUAL(lab_ask(&lab, "/", lab_mint(&lab, ALG_ES384, lab_private(&lab, "a", a), "cert", GOOD)), REFUSED_NOT);
    EQUAL(lab_ask(&lab, "/", lab_mint(&lab, ALG_RS256, private, "", GOOD)), REFUSED_NOT);
    EVP_PKEY_free(a), EVP_PKEY_free(b);
    lab_close(&lab);
}

TEST(keys_never_ask_for_a_password)
{
    struct lab lab;
    lab_open(&lab);
    EVP_PKEY *key = lab_pkey("EC", "P-256", 0);
    BIO *bio = BIO_new(BIO_s_mem());
    char *text, password[] = "secret";
    NEED(PEM_write_bio_PrivateKey(bio, key, EVP_aes_128_cbc(), NULL, 0, NULL, password) == 1);
    long n = BIO_get_mem_data(bio, &text);
    const char *path = lab_file(&lab, "locked", span_from(text, (size_t)n));
    struct buf token = { 0 }, error = { 0 };
    refused(&lab, path, CONFIG_KEY_PEM, "ES256", "no public key or certificate");
    CHECK(!mint(&token, ALG_ES256, path, SPAN(""), SPAN("{}"), &error));
    CHECK(strstr(buf_text(&error), "without a password"));
    buf_fini(&token), buf_fini(&error);
    BIO_free(bio);
    EVP_PKEY_free(key);
    lab_close(&lab);
}

/* A set as identity providers publish it: some keys are for other things. */
TEST(keys_of_a_set)
{
    struct lab lab;
    lab_open(&lab);
    lab_namespace(&lab, "/", "sub", NULL);
    const char *path = set_of(&lab, "{" ED ",\"kid\":\"ed\",\"use\":\"sig\",\"key_ops\":[\"verify\"],\"x5c\":[\"..\"]},"
        "{\"kty\":\"EC\",\"kid\":\"ec\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\",\"alg\":\"ES256\"},"
        X25519 ",{\"kty\":\"new\",\"kid\":\"new\"}");
    lab_key(&lab, "", path, CONFIG_KEY_JWKS, "EdDSA,ES256,RS256");
    if (!lab_start(&lab)) FAIL("%s", buf_text(&lab.errors));
    EQUAL(lab.stats.keys_loaded, 2);
    CHECK(strstr(buf_text(&lab.warnings), "key \"new\" passed over: it is of an unknown type"));
    EQUAL(lab_ask(&lab, "/", lab_token(&lab, "{\"alg\":\"EdDSA\",\"kid\":\"ed\"}", GOOD, SPAN("x"))), REFUSED_bad_signature);
    EQUAL(lab_ask(&lab, "/", lab_token(&lab, "{\"alg\":\"EdDSA\",\"kid\":\"ec\"}", GOOD, SPAN("x"))), REFUSED_alg_not_allowed);
    EQUAL(lab_ask(&lab, "/", lab_token(&lab, "{\"alg\":\"EdDSA\"}", GOOD, SPAN("x"))), REFUSED_unknown_key);
    lab.config.auth.key_count = 0;
    free(lab.config.auth.keys[0].algorithms.at);
    lab_key(&lab, "ec", path, CONFIG_KEY_JWKS, "EdDSA,ES256");      /* a kid in the topology takes that one alone */
    if (!lab_start(&lab)) FAIL("%s", buf_text(&lab.errors));
    EQUAL(lab.stats.keys_loaded, 1);
    EQUAL(lab_ask(&lab, "/", lab_token(&lab, "{\"alg\":\"EdDSA\",\"kid\":\"ed\"}", GOOD, SPAN("x"))), REFUSED_unknown_key);
    lab_close(&lab);
}

TEST(keys_have_a_limit)
{
    struct lab lab;
    lab_open(&lab);
    const char *secret = lab_secret(&lab, "secret");
    for (int i = 0; i < 64; i++) lab_key(&lab, "", secret, CONFIG_KEY_SECRET, "HS256");
    CHECK(lab_start(&lab));
    refused(&lab, secret, CONFIG_KEY_SECRET, "HS256", "more than the 64");
    lab_close(&lab);
}

TEST(mint_says_what_is_wrong)
{
    struct lab lab;
    lab_open(&lab);
    EVP_PKEY *ec = lab_pkey("EC", "P-256", 0);
    const char *private = lab_private(&lab, "ec", ec), *public = lab_public(&lab, "pub", ec), *secret = lab_secret(&lab, "secret");
    const struct { enum alg alg; const char *file, *claims, *why; } rows[] = {
        { ALG_NONE, secret, "{}", "no such algorithm" },
        { ALG_HS256, "/nonexistent", "{}", "No such file" },
        { ALG_HS256, private, "{}", "no secret" },
        { ALG_ES256, public, "{}", "no private key" },
        { ALG_ES384, private, "{}", "no key for this algorithm" },
        { ALG_RS256, private, "{}", "no key for this algorithm" },
        { ALG_PS256, private, "{}", "no key for this algorithm" },
        { ALG_HS256, secret, "[]", "no JSON object" },
        { ALG_HS256, secret, "{", "no JSON object" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf token = { 0 }, error = { 0 };
        t_row = rows[i].why;
        CHECK(!mint(&token, rows[i].alg, rows[i].file, SPAN(""), span_of(rows[i].claims), &error));
        if (!strstr(buf_text(&error), rows[i].why)) FAIL("said: %s", buf_text(&error));
        EQUAL(token.len, 0);
        buf_fini(&token), buf_fini(&error);
    }
    EVP_PKEY_free(ec);
    lab_close(&lab);
}
