#include "jwk_jwt.h"

#include "base64.h"
#include "err.h"
#include "keyfile_jwt.h"

static struct span text(const json_t *jwk, const char *name)        /* "" where it is no string */
{
    const json_t *value = json_object_get(jwk, name);
    return span_from(json_string_value(value) ? json_string_value(value) : "", json_string_length(value));
}

static bool bytes(struct buf *out, const json_t *jwk, const char *name)
{
    struct span value = text(jwk, name);
    return value.len > 0 && base64_decode_url(out, value) == OK;
}

/* ---- is it for verifying? */

static bool may_verify(const json_t *jwk)
{
    const json_t *use = json_object_get(jwk, "use"), *ops = json_object_get(jwk, "key_ops");
    if (use && !span_same(text(jwk, "use"), SPAN("sig"))) return false;
    if (!ops) return true;
    for (size_t i = 0; i < json_array_size(ops); i++) {
        const char *op = json_string_value(json_array_get(ops, i));
        if (op && strcmp(op, "verify") == 0) return true;
    }
    return false;
}

/* ---- OpenSSL's key of its numbers */

static EVP_PKEY *build(const char *type, OSSL_PARAM_BLD *parts)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(parts);
    NEED(ctx && params);
    if (EVP_PKEY_fromdata_init(ctx) != 1 || EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1) key = NULL;
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(ctx);
    if (!key) return NULL;
    ctx = EVP_PKEY_CTX_new(key, NULL);      /* on its curve, of its form */
    NEED(ctx);
    if (EVP_PKEY_public_check(ctx) != 1) EVP_PKEY_free(key), key = NULL;
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static EVP_PKEY *rsa(const json_t *jwk)
{
    struct buf n = { 0 }, e = { 0 };
    EVP_PKEY *key = NULL;
    if (bytes(&n, jwk, "n") && bytes(&e, jwk, "e") && n.len <= 2048 && e.len <= 8) {
        OSSL_PARAM_BLD *parts = OSSL_PARAM_BLD_new();
        BIGNUM *modulus = BN_bin2bn((unsigned char *)n.ptr, (int)n.len, NULL);
        BIGNUM *exponent = BN_bin2bn((unsigned char *)e.ptr, (int)e.len, NULL);
        NEED(parts && modulus && exponent);
        NEED(OSSL_PARAM_BLD_push_BN(parts, OSSL_PKEY_PARAM_RSA_N, modulus) == 1);
        NEED(OSSL_PARAM_BLD_push_BN(parts, OSSL_PKEY_PARAM_RSA_E, exponent) == 1);
        key = build("RSA", parts);
        OSSL_PARAM_BLD_free(parts);
        BN_free(modulus), BN_free(exponent);
    }
    buf_fini(&n), buf_fini(&e);
    return key;
}

static const struct curve {
    const char *crv, *type, *group;     /* group: NULL for those that are a type of their own */
    size_t      bytes;                  /* of a coordinate, or of the key */
} curves[] = {
    { "P-256",   "EC",      "prime256v1", 32 },
    { "P-384",   "EC",      "secp384r1",  48 },
    { "P-521",   "EC",      "secp521r1",  66 },
    { "Ed25519", "ED25519", NULL,         32 },
    { "Ed448",   "ED448",   NULL,         57 },
};

static const struct curve *find_curve(struct span crv, bool group)
{
    for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++)
        if (span_same(crv, span_of(curves[i].crv)) && (curves[i].group != NULL) == group) return &curves[i];
    return NULL;
}

static EVP_PKEY *ec(const json_t *jwk)
{
    const struct curve *curve = find_curve(text(jwk, "crv"), true);
    struct buf point = { 0 };
    EVP_PKEY *key = NULL;
    buf_add_byte(&point, 4);            /* uncompressed: 4, x, y */
    if (curve && bytes(&point, jwk, "x") && point.len == 1 + curve->bytes
        && bytes(&point, jwk, "y") && point.len == 1 + 2 * curve->bytes) {
        OSSL_PARAM_BLD *parts = OSSL_PARAM_BLD_new();
        NEED(parts && OSSL_PARAM_BLD_push_utf8_string(parts, OSSL_PKEY_PARAM_GROUP_NAME, curve->group, 0) == 1);
        NEED(OSSL_PARAM_BLD_push_octet_string(parts, OSSL_PKEY_PARAM_PUB_KEY, point.ptr, point.len) == 1);
        key = build(curve->type, parts);
        OSSL_PARAM_BLD_free(parts);
    }
    buf_fini(&point);
    return key;
}

static EVP_PKEY *okp(const json_t *jwk)
{
    const struct curve *curve = find_curve(text(jwk, "crv"), false);
    struct buf x = { 0 };
    EVP_PKEY *key = NULL;
    if (curve && bytes(&x, jwk, "x") && x.len == curve->bytes)
        key = EVP_PKEY_new_raw_public_key_ex(NULL, curve->type, NULL, (unsigned char *)x.ptr, x.len);
    buf_fini(&x);
    return key;
}

bool jwk_decode(struct key *k, alg_set *algs, const json_t *jwk, const char **why)
{
    struct span kty = text(jwk, "kty");
    *algs = ~(alg_set)0;
    if (!json_is_object(jwk)) return *why = "is no object", false;
    if (!may_verify(jwk)) return *why = "is not for verifying signatures (use, key_ops)", false;
    if (json_object_get(jwk, "alg")) *algs = alg_bit(alg_of(text(jwk, "alg")));
    if (!*algs) return *why = "is for an algorithm that is not ours (alg)", false;
    buf_add(&k->kid, text(jwk, "kid"));
    *why = "cannot be read: a member is missing, of the wrong length or no point of its curve";
    if (span_same(kty, SPAN("RSA"))) k->pkey = rsa(jwk);
    else if (span_same(kty, SPAN("EC"))) k->pkey = ec(jwk);
    else if (span_same(kty, SPAN("OKP"))) k->pkey = okp(jwk);
    else if (span_same(kty, SPAN("oct"))) {
        if (!bytes(&k->secret, jwk, "k") || k->secret.len < KEYFILE_SECRET_MIN) return *why = "is a secret of fewer than 16 bytes", false;
        return true;
    } else return *why = "is of an unknown type (kty)", false;
    ERR_clear_error();
    return k->pkey != NULL;
}
