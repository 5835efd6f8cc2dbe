/* positions - a vector of positions in the routers' streams, as one short text: a
 * client's offset.
 *
 *     text    = entry *( "." entry ) / "." a lone dot: nothing known of any stream
 *     entry   = router epoch "." seq      routers ascending, each once, at most POSITIONS_MAX
 *     router  = one digit                 digits: base64url's alphabet, A is 0
 *     epoch, seq = 1 to 11 digits         big-endian, no leading A but for zero itself; an epoch is not 0
 *
 * "AGQ.BdA.CGU.F": router 0 in its life 100 at 5888, router 2 in its life 101 at 5. There is
 * one text for each vector, and decoding takes nothing else: it comes from strangers.
 * Pure. */
#ifndef CAUSEWAY_POSITIONS_H
#define CAUSEWAY_POSITIONS_H

#include "buf.h"
#include "err.h"

enum { POSITIONS_MAX = 64, POSITIONS_TEXT_MAX = POSITIONS_MAX * 25 };

struct position { uint64_t epoch, seq; };       /* epoch 0: not known */

struct positions { struct position at[POSITIONS_MAX]; };       /* by the router's number */

void     positions_encode(struct buf *out, const struct positions *p);
enum err positions_decode(struct positions *p, struct span text);      /* ERR_SYNTAX, ERR_RANGE, ERR_LIMIT (too long): *p means nothing */

#endif
