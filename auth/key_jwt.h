/* key - one key that verifies tokens, made ready once: what it may be used for,
 * and for each of those algorithms the OpenSSL contexts that a check runs in.
 *
 * Made by filling kid and either secret or pkey and calling key_pin. The checks
 * reuse the contexts: one thread. Owned by value; key_fini wipes the secret. */
#ifndef CAUSEWAY_KEY_JWT_H
#define CAUSEWAY_KEY_JWT_H

#include "alg.h"
#include "buf.h"
#include "openssl_jwt.h"

#define KEY_RSA_BITS_MIN 2048       /* RFC 7518, 3.3 */

struct key {
    struct buf   kid;               /* empty: none */
    alg_set      algs;              /* set by key_pin */
    struct buf   secret;            /* HMAC */
    EVP_PKEY    *pkey;              /* all others; NULL with a secret */
    struct key_checker *checkers;   /* one for each algorithm, ready for those in algs */
};

/* The algorithms that a key of this type, curve and length can be used for. */
alg_set key_fits_pkey(const EVP_PKEY *pkey);

/* Makes the key ready for those of 'algs' that it fits. False, and why, if there are none. */
bool key_pin(struct key *k, alg_set algs, const char **why);
void key_fini(struct key *k);

/* alg is one of k->algs. signature: the bytes, as JWS has them (ECDSA: R then S). */
bool key_verify(struct key *k, enum alg alg, struct span input, struct span signature);

#endif
