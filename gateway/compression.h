/* compression - what the core knows of compressors: when to compress, into which form,
 * and what it came to. The work is done by functions of the setup (deflate_z.h: zlib;
 * tests have a stand-in), so no core is linked with a library.
 *
 * A message is compressed whole, from an empty window, and so is the next one: a
 * compressed message is the same bytes for every receiver, one compressor serves the
 * whole gate, and a connection keeps nothing. Pure.
 * Specifications: RFC 1950 to 1952; RFC 7692, section 7.2; RFC 9110, section 12.5.3. */
#ifndef CAUSEWAY_GATEWAY_COMPRESSION_H
#define CAUSEWAY_GATEWAY_COMPRESSION_H

#include "buf.h"
#include "err.h"
#include "http1.h"

enum compression_form {
    COMPRESSION_NONE,
    COMPRESSION_GZIP,           /* Content-Encoding: gzip */
    COMPRESSION_ZLIB,           /* Content-Encoding: deflate */
    COMPRESSION_MESSAGE,        /* a WebSocket message's payload, without the 00 00 ff ff that all of them end with */
    COMPRESSION_FORMS
};

struct compressor {
    void *self;
    void (*deflate)(void *self, enum compression_form form, struct span in, struct buf *out);       /* appends; cannot fail */
    /* Of COMPRESSION_MESSAGE. ERR_SYNTAX: broken; ERR_LIMIT: longer than 'limit'. But for OK, what was appended means nothing. */
    enum err (*inflate)(void *self, struct span in, size_t limit, struct buf *out);
};

struct compression {            /* a gate's */
    const struct compressor *by;            /* NULL: nothing is compressed, no extension agreed on */
    uint32_t threshold_bytes;               /* less than that stays as it is */
    uint64_t made[COMPRESSION_FORMS];       /* how many, by form, */
    uint64_t saved_bytes;                   /* and by how much smaller they became, all together */
    uint64_t opened;                        /* clients' messages inflated */
};

/* Appends 'in' in that form, where that is worth it: it is long enough and gets smaller. False: nothing was appended. */
bool compression_try(struct compression *self, enum compression_form form, struct span in, struct buf *out);

/* Of gzip and deflate, what the client likes best (Accept-Encoding and its weights; gzip among equals). NONE: neither,
 * or identity is liked better. Whether there is a compressor is not asked. */
enum compression_form compression_accepted(const struct http1_request *r);
struct span compression_coding(enum compression_form form);     /* "gzip", "deflate" */

#endif
