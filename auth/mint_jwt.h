/* mint - makes tokens: 'causeway token', tests and benchmarks. No daemon mints.
 *
 * HS, RS and ES go by libjwt, which sorts the claims and prints them anew; PS
 * and EdDSA, which it does not know, are signed here and carry the claims as
 * they came. The key file is a secret or a private key in PEM. */
#ifndef CAUSEWAY_MINT_JWT_H
#define CAUSEWAY_MINT_JWT_H

#include "alg.h"
#include "buf.h"

/* claims: a JSON object; kid: "" for none. False: *error has a line for people. */
bool mint(struct buf *token, enum alg alg, const char *key_file, struct span kid, struct span claims, struct buf *error);

#endif
