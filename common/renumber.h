/* renumber - copies JSON that refers to binary attachments, counting them anew.
 *
 * Whoever sends on a part of a packet sends only the attachments which that part
 * refers to: each {"_placeholder":true,...} comes out as {"_placeholder":true,"num":base+k},
 * k counting from 0 in order of first use, and used[k] says which of the packet's
 * attachments that is. One pass, no recursion, no allocation but in 'out'. */
#ifndef CAUSEWAY_RENUMBER_H
#define CAUSEWAY_RENUMBER_H

#include "buf.h"
#include "err.h"

enum { RENUMBER_MAX = 64 };     /* attachments of one packet */

struct renumber {
    unsigned base;                  /* numbers begin here: attachments of other packets stand before */
    unsigned count;
    uint8_t  used[RENUMBER_MAX];
};

/* 'json' is checked, no deeper than JSON_MAX_DEPTH; deeper becomes null, as does a placeholder
 * of something else than attachment 0..attachments-1. May be called for several parts in turn. */
void renumber(struct buf *out, struct span json, unsigned attachments, struct renumber *r);

#endif
