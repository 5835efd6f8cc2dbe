/* placeholder - where binary attachments stand in a JSON text: every object
 * with "_placeholder":true, as {"_placeholder":true,"num":0}.
 *
 * Socket.IO's own rule: keys in any order, further keys don't matter, numbers
 * may come out of order. Each must be an integer below the count of
 * attachments; several may mean the same one. Where a receiver's format has no
 * placeholders each becomes a whole attachment, so their number is bounded.
 * One pass, no recursion, no allocation. */
#ifndef CAUSEWAY_PLACEHOLDER_H
#define CAUSEWAY_PLACEHOLDER_H

#include "err.h"
#include "span.h"

enum { PLACEHOLDERS_MAX = 10 };     /* as many as a packet may have attachments */

/* 'json' was checked with at most JSON_MAX_DEPTH. ERR_RANGE: a num that is not
 * in 0..count-1 or no such integer. ERR_LIMIT: more than PLACEHOLDERS_MAX. ERR_DEPTH: deeper than JSON_MAX_DEPTH. */
enum err placeholder_check(struct span json, unsigned count);

#endif
