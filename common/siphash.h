/* siphash - keyed 64-bit hashes of bytes (Aumasson, Bernstein).
 *
 * Who does not know the key can neither choose bytes that collide nor guess a
 * hash. 1-3 (one round a word) is for tables, 2-4 signs what a stranger hands
 * back to us: a session id. Pure; the same on every machine. */
#ifndef CAUSEWAY_SIPHASH_H
#define CAUSEWAY_SIPHASH_H

#include "span.h"

struct siphash_key { uint64_t k0, k1; };    /* 128 random bits: from the shell, never constant */

struct siphash_key siphash_key_of(const unsigned char bytes[16]);   /* little-endian, as in the paper */
uint64_t siphash_1_3(const struct siphash_key *key, struct span bytes);
uint64_t siphash_2_4(const struct siphash_key *key, struct span bytes);

#endif
