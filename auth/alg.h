/* alg - the algorithms of algs.def: their names, what each needs, sets of them.
 *
 * A set is one bit per algorithm: what a key is pinned to. Names are compared
 * byte by byte: "hs256" is no algorithm. Pure. */
#ifndef CAUSEWAY_ALG_H
#define CAUSEWAY_ALG_H

#include "span.h"

enum alg {
    ALG_NONE,                   /* no algorithm of ours; what a token's "none" is, too */
#define ALG(name, family, digest, curve, length) ALG_##name,
#include "algs.def"
#undef ALG
    ALG_COUNT
};
enum alg_family { ALG_HMAC = 1, ALG_RSA, ALG_PSS, ALG_ECDSA, ALG_EDDSA };

struct alg_row {
    const char     *name;
    enum alg_family family;
    const char     *digest, *curve;     /* OpenSSL's names, or "" */
    size_t          length;             /* of a signature; 0: the key decides */
};

typedef uint32_t alg_set;
_Static_assert(ALG_COUNT <= 32, "an alg_set has 32 bits");

const struct alg_row *alg_row(enum alg alg);    /* of ALG_NONE: a row of empty texts */
enum alg alg_of(struct span name);              /* ALG_NONE where it is none of ours */

static inline alg_set alg_bit(enum alg alg)
{
    return alg == ALG_NONE ? 0 : (alg_set)1 << alg;
}

alg_set alg_of_family(enum alg_family family);
alg_set alg_of_curve(struct span curve);        /* the ECDSA one of that curve */

#endif
