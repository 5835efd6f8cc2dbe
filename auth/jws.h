/* jws - a signed token's compact form, and which keys may verify it (RFC 7515).
 *     header.payload.signature        each base64url, header a JSON object
 *
 * The order is the defence: size, form, header, then the keys that kid and the
 * pinned algorithms leave. Payload and signature stay as they came until a
 * signature is good. Nothing in a header brings a key or names a file: jwk, jku,
 * x5c and x5u are ignored, kid is only compared. Pure; spans point into the
 * token or into the caller's 'header'. */
#ifndef CAUSEWAY_JWS_H
#define CAUSEWAY_JWS_H

#include "alg.h"
#include "buf.h"
#include "refusal.h"

#define JWS_HEADER_DEPTH 8
#define JWS_KEYS_MAX     64     /* one bit each */

struct jws {
    enum alg    alg;            /* never ALG_NONE after REFUSED_NOT */
    struct span kid;            /* a JSON string, still quoted; empty where absent */
    struct span input;          /* header.payload: what the signature is over */
    struct span payload;        /* base64url */
    struct span signature;      /* base64url */
};

struct jws_pin {                /* what is public about a key */
    struct span kid;            /* "": for tokens without kid, or whose kid no other key has */
    alg_set     algs;
};

/* 'header' is cleared and gets the decoded header. */
enum refusal jws_decode(struct jws *t, struct span token, size_t max_bytes, struct buf *header);

/* The keys that may verify t, a bit each in *keys: those of its kid, of them those
 * that are pinned to its algorithm. REFUSED_unknown_key, REFUSED_alg_not_allowed. */
enum refusal jws_keys(uint64_t *keys, const struct jws *t, const struct jws_pin *pins, size_t count);

void jws_print(struct buf *out, const struct jws *t);   /* HS256 kid="a" 81+43 */

#endif
