/* jwk - JSON Web Keys (RFC 7517, RFC 8037) as keys that verify.
 *
 * kty RSA, EC (P-256, P-384, P-521), OKP (Ed25519, Ed448) and oct. A key that
 * says by 'use', 'key_ops' or 'alg' that it is not for verifying is passed over,
 * and so is one of a type that no algorithm of ours uses. Private members are
 * not looked at. */
#ifndef CAUSEWAY_JWK_JWT_H
#define CAUSEWAY_JWK_JWT_H

#include "key_jwt.h"

#include <jansson.h>

/* Fills kid and secret or pkey of a zeroed key, which the caller finishes by key_pin and
 * key_fini; *algs: what its own 'alg' leaves, or all. False: *why. */
bool jwk_decode(struct key *k, alg_set *algs, const json_t *jwk, const char **why);

#endif
