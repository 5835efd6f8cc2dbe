#include "key_jwt.h"

#include "err.h"
#include "keyfile_jwt.h"

#include <stdlib.h>

/* A digest and a check of it are two contexts: EVP_DigestVerify over both would set
 * them up anew for each token, which costs as much as the HMAC of a token itself. */
struct key_checker {
    EVP_MAC_CTX  *mac;          /* HMAC, keyed */
    EVP_MD       *md;           /* RSA, PSS, ECDSA: the digest */
    EVP_MD_CTX   *digest;       /* also EDDSA's, which digests by itself */
    EVP_PKEY_CTX *check;        /* keyed, padding set */
};

/* ---- what fits */

alg_set key_fits_pkey(const EVP_PKEY *pkey)
{
    char curve[64];
    size_t n;
    switch (EVP_PKEY_get_base_id(pkey)) {
    case EVP_PKEY_RSA:
        return alg_of_family(ALG_RSA) | alg_of_family(ALG_PSS);
    case EVP_PKEY_RSA_PSS:
        return alg_of_family(ALG_PSS);
    case EVP_PKEY_EC:
        return EVP_PKEY_get_group_name(pkey, curve, sizeof curve, &n) == 1 ? alg_of_curve(span_of(curve)) : 0;
    case EVP_PKEY_ED25519: case EVP_PKEY_ED448:
        return alg_of_family(ALG_EDDSA);
    default:
        return 0;
    }
}

static alg_set fits(const struct key *k)
{
    return k->pkey ? key_fits_pkey(k->pkey) : alg_of_family(ALG_HMAC);
}

/* ---- making ready */

static bool ready_mac(struct key_checker *c, const struct key *k, const struct alg_row *row)
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    NEED(mac);
    c->mac = EVP_MAC_CTX_new(mac);
    EVP_MAC_free(mac);
    char digest[16];
    NEED(c->mac && strlen(row->digest) < sizeof digest);
    memcpy(digest, row->digest, strlen(row->digest) + 1);
    OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end() };
    return EVP_MAC_init(c->mac, (const unsigned char *)k->secret.ptr, k->secret.len, params) == 1;
}

static bool ready_check(struct key_checker *c, const struct key *k, const struct alg_row *row)
{
    c->digest = EVP_MD_CTX_new();
    NEED(c->digest);
    if (row->family == ALG_EDDSA) return true;
    c->md = EVP_MD_fetch(NULL, row->digest, NULL);
    c->check = EVP_PKEY_CTX_new(k->pkey, NULL);
    if (!c->md || !c->check || EVP_PKEY_verify_init(c->check) != 1) return false;
    if (EVP_PKEY_CTX_set_signature_md(c->check, c->md) != 1) return false;
    if (row->family == ALG_RSA) return EVP_PKEY_CTX_set_rsa_padding(c->check, RSA_PKCS1_PADDING) == 1;
    if (row->family == ALG_PSS)
        return EVP_PKEY_CTX_set_rsa_padding(c->check, RSA_PKCS1_PSS_PADDING) == 1
            && EVP_PKEY_CTX_set_rsa_mgf1_md(c->check, c->md) == 1
            && EVP_PKEY_CTX_set_rsa_pss_saltlen(c->check, RSA_PSS_SALTLEN_DIGEST) == 1;
    return true;
}

static bool too_weak(const struct key *k)
{
    int id = k->pkey ? EVP_PKEY_get_base_id(k->pkey) : 0;
    return (id == EVP_PKEY_RSA || id == EVP_PKEY_RSA_PSS) && EVP_PKEY_get_bits(k->pkey) < KEY_RSA_BITS_MIN;
}

bool key_pin(struct key *k, alg_set algs, const char **why)
{
    algs &= fits(k);
    if (!fits(k)) return *why = "is of a type or curve that no algorithm of ours uses", false;
    if (!algs) return *why = "does not fit the algorithms that it is pinned to", false;
    if (too_weak(k)) return *why = "is an RSA key of fewer than 2048 bits", false;
    k->checkers = calloc(ALG_COUNT, sizeof k->checkers[0]);
    NEED(k->checkers);
    for (enum alg a = 1; a < ALG_COUNT; a++) {
        struct key_checker *c = &k->checkers[a];
        if (!(algs & alg_bit(a))) continue;
        if (k->pkey ? ready_check(c, k, alg_row(a)) : ready_mac(c, k, alg_row(a))) k->algs |= alg_bit(a);
    }
    ERR_clear_error();
    *why = "does not allow the algorithms that it is pinned to";     /* an RSASSA-PSS key of another digest */
    return k->algs != 0;
}

void key_fini(struct key *k)
{
    for (enum alg a = 1; k->checkers && a < ALG_COUNT; a++) {
        EVP_MAC_CTX_free(k->checkers[a].mac);
        EVP_PKEY_CTX_free(k->checkers[a].check);
        EVP_MD_CTX_free(k->checkers[a].digest);
        EVP_MD_free(k->checkers[a].md);
    }
    free(k->checkers);
    EVP_PKEY_free(k->pkey);
    keyfile_wipe(&k->secret);
    buf_fini(&k->kid);
    *k = (struct key){ 0 };
}

/* ---- the checks */

static const unsigned char *bytes(struct span s) { return (const unsigned char *)s.ptr; }

static bool verify_mac(struct key_checker *c, struct span input, struct span signature)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    size_t n = 0;
    return EVP_MAC_init(c->mac, NULL, 0, NULL) == 1
        && EVP_MAC_update(c->mac, bytes(input), input.len) == 1
        && EVP_MAC_final(c->mac, mac, &n, sizeof mac) == 1
        && n == signature.len && CRYPTO_memcmp(mac, signature.ptr, n) == 0;
}

static bool verify_digest(struct key_checker *c, struct span input, struct span signature)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    return EVP_DigestInit_ex2(c->digest, c->md, NULL) == 1
        && EVP_DigestUpdate(c->digest, input.ptr, input.len) == 1
        && EVP_DigestFinal_ex(c->digest, digest, &n) == 1
        && EVP_PKEY_verify(c->check, bytes(signature), signature.len, digest, n) == 1;
}

/* R and S side by side to what OpenSSL reads, DER. */
static bool verify_ecdsa(struct key_checker *c, const struct alg_row *row, struct span input, struct span signature)
{
    unsigned char *der = NULL;
    int half = (int)(row->length / 2);
    if (signature.len != row->length) return false;
    ECDSA_SIG *rs = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(bytes(signature), half, NULL), *s = BN_bin2bn(bytes(signature) + half, half, NULL);
    NEED(rs && r && s && ECDSA_SIG_set0(rs, r, s) == 1);        /* rs owns both now */
    int n = i2d_ECDSA_SIG(rs, &der);
    bool good = n > 0 && verify_digest(c, input, span_from(der, (size_t)n));
    OPENSSL_free(der);
    ECDSA_SIG_free(rs);
    return good;
}

static bool verify_eddsa(struct key_checker *c, EVP_PKEY *pkey, struct span input, struct span signature)
{
    return EVP_MD_CTX_reset(c->digest) == 1
        && EVP_DigestVerifyInit(c->digest, NULL, NULL, NULL, pkey) == 1
        && EVP_DigestVerify(c->digest, bytes(signature), signature.len, bytes(input), input.len) == 1;
}

bool key_verify(struct key *k, enum alg alg, struct span input, struct span signature)
{
    bool good = false;
    const struct alg_row *row = alg_row(alg);
    NEED(k->algs & alg_bit(alg));
    struct key_checker *c = &k->checkers[alg];
    switch (row->family) {
    case ALG_HMAC:  good = verify_mac(c, input, signature); break;
    case ALG_RSA:
    case ALG_PSS:   good = verify_digest(c, input, signature); break;
    case ALG_ECDSA: good = verify_ecdsa(c, row, input, signature); break;
    case ALG_EDDSA: good = verify_eddsa(c, k->pkey, input, signature); break;
    }
    if (!good) ERR_clear_error();
    return good;
}
