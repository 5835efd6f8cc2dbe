/* blob - counted, immutable bytes: encoded once, referenced by many queues.
 *
 * One thread; the count is plain. Whoever holds a reference drops it exactly
 * once; the last drop frees. */
#ifndef CAUSEWAY_BLOB_H
#define CAUSEWAY_BLOB_H

#include "buf.h"

struct blob {
    uint32_t refs;
    uint32_t len;
    char     bytes[];
};

struct blob *blob_new(struct span bytes);       /* copies; one reference, the caller's */
struct blob *blob_join(struct span a, struct span b);   /* a then b, in one blob */
struct blob *blob_hold(struct blob *b);         /* one more; returns b */
void         blob_drop(struct blob **b);        /* gives one back and nulls the pointer; NULL is fine */

static inline struct span blob_span(const struct blob *b)
{
    return b ? (struct span){ b->bytes, b->len } : (struct span){ "", 0 };
}

#endif
