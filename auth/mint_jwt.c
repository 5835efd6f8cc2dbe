#include "mint_jwt.h"

#include "base64.h"
#include "err.h"
#include "json.h"
#include "key_jwt.h"
#include "keyfile_jwt.h"

#include <jwt.h>

#include <stdlib.h>

/* Everything of one token; the parts that have to be given back stand together. */
struct minting {
    enum alg    alg;
    struct buf  file, kid, claims;
    struct span secret;
    EVP_PKEY   *key;
};

/* ---- HS, RS, ES: libjwt */

static const jwt_alg_t libjwt_algs[ALG_COUNT] = {
    [ALG_HS256] = JWT_ALG_HS256, [ALG_HS384] = JWT_ALG_HS384, [ALG_HS512] = JWT_ALG_HS512,
    [ALG_RS256] = JWT_ALG_RS256, [ALG_RS384] = JWT_ALG_RS384, [ALG_RS512] = JWT_ALG_RS512,
    [ALG_ES256] = JWT_ALG_ES256, [ALG_ES384] = JWT_ALG_ES384, [ALG_ES512] = JWT_ALG_ES512,
};

static bool mint_libjwt(struct buf *token, struct minting *m, const char **why)
{
    jwt_t *jwt = NULL;
    struct span key = m->key ? buf_span(&m->file) : m->secret;
    NEED(jwt_new(&jwt) == 0);
    *why = "the claims are no JSON object that libjwt takes";
    bool good = jwt_add_grants_json(jwt, buf_text(&m->claims)) == 0
        && (m->kid.len == 0 || jwt_add_header(jwt, "kid", buf_text(&m->kid)) == 0);
    if (good) {
        *why = "libjwt cannot sign with this key";
        good = jwt_set_alg(jwt, libjwt_algs[m->alg], (const unsigned char *)key.ptr, (int)key.len) == 0;
    }
    char *text = good ? jwt_encode_str(jwt) : NULL;
    if (text) buf_add(token, span_of(text));
    free(text);
    jwt_free(jwt);
    return text != NULL;
}

/* ---- PS, EdDSA: OpenSSL */

static void add_input(struct buf *token, const struct minting *m)       /* header.claims */
{
    struct buf header = { 0 };
    buf_add_format(&header, "{\"alg\":\"%s\",\"typ\":\"JWT\"", alg_row(m->alg)->name);
    if (m->kid.len) {
        buf_add_literal(&header, ",\"kid\":");
        json_quote(&header, buf_span(&m->kid));
    }
    buf_add_byte(&header, '}');
    base64_encode_url(token, buf_span(&header));
    buf_add_byte(token, '.');
    base64_encode_url(token, buf_span(&m->claims));
    buf_fini(&header);
}

static bool sign(struct buf *signature, struct span input, const struct minting *m)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *key;                      /* ctx's */
    bool pss = alg_row(m->alg)->family == ALG_PSS;
    size_t n = 0;
    NEED(ctx);
    bool good = EVP_DigestSignInit_ex(ctx, &key, pss ? alg_row(m->alg)->digest : NULL, NULL, NULL, m->key, NULL) == 1
        && (!pss || (EVP_PKEY_CTX_set_rsa_padding(key, RSA_PKCS1_PSS_PADDING) == 1
                     && EVP_PKEY_CTX_set_rsa_pss_saltlen(key, RSA_PSS_SALTLEN_DIGEST) == 1))
        && EVP_DigestSign(ctx, NULL, &n, (const unsigned char *)input.ptr, input.len) == 1
        && EVP_DigestSign(ctx, (unsigned char *)buf_room(signature, n), &n, (const unsigned char *)input.ptr, input.len) == 1;
    if (good) buf_grew(signature, n);
    EVP_MD_CTX_free(ctx);
    return good;
}

static bool mint_openssl(struct buf *token, struct minting *m, const char **why)
{
    struct buf signature = { 0 };
    size_t from = token->len;
    add_input(token, m);
    bool good = sign(&signature, span_skip(buf_span(token), from), m);
    buf_add_byte(token, '.');
    base64_encode_url(token, buf_span(&signature));
    if (!good) *why = "OpenSSL cannot sign with this key", token->len = from;
    buf_fini(&signature);
    return good;
}

/* ---- both */

static bool read_key(struct minting *m, const char *path, const char **why)
{
    bool open_to_others;
    if (!keyfile_read(&m->file, path, &open_to_others, why)) return false;
    if (alg_row(m->alg)->family == ALG_HMAC) return keyfile_secret(&m->secret, buf_span(&m->file), why);
    if (!keyfile_private(&m->key, buf_span(&m->file), why)) return false;
    *why = "is no key for this algorithm";
    return key_fits_pkey(m->key) & alg_bit(m->alg);
}

bool mint(struct buf *token, enum alg alg, const char *key_file, struct span kid, struct span claims, struct buf *error)
{
    struct minting m = { .alg = alg };
    const char *why = "no such algorithm";
    buf_add(&m.kid, kid);
    buf_add(&m.claims, claims);
    bool good = alg != ALG_NONE && read_key(&m, key_file, &why);
    if (good) good = libjwt_algs[alg] ? mint_libjwt(token, &m, &why) : mint_openssl(token, &m, &why);
    if (!good) buf_add_format(error, "%s: %s", key_file, why);
    ERR_clear_error();
    EVP_PKEY_free(m.key);
    keyfile_wipe(&m.file);
    buf_fini(&m.kid), buf_fini(&m.claims);
    return good;
}
