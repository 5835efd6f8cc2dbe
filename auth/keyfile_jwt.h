/* keyfile - the files that keys stand in: secrets, PEM, and what is wrong with them.
 *
 * Each function answers false and a reason for people (no file name in it) in
 * *why. Private keys are read where a token is minted only; a verifier that is
 * given one takes its public part and says so (*private). */
#ifndef CAUSEWAY_KEYFILE_JWT_H
#define CAUSEWAY_KEYFILE_JWT_H

#include "buf.h"
#include "openssl_jwt.h"

#define KEYFILE_MAX        (1024 * 1024)
#define KEYFILE_SECRET_MIN 16       /* bytes; fewer are refused. RFC 7518 wants as many as the digest has */

/* The whole of a regular file. *open_to_others: its mode lets others read it. */
bool keyfile_read(struct buf *out, const char *path, bool *open_to_others, const char **why);
void keyfile_wipe(struct buf *secret);      /* zeroes it before it is freed */

/* A secret's bytes, without one newline at the end. No PEM: an RSA public key
 * taken for a secret would let everyone sign with it. */
bool keyfile_secret(struct span *secret, struct span file, const char **why);

/* The first key of a PEM file: public key or certificate; a private one gives its public part. */
bool keyfile_public(EVP_PKEY **key, struct span file, bool *private, const char **why);
bool keyfile_private(EVP_PKEY **key, struct span file, const char **why);

#endif
