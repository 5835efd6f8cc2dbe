/* deflate - zlib behind compression.h's functions.
 *
 * One compressor and one decompressor, set up once (about 310 KB) and reset before each
 * use: nothing of a message is there when the next one comes. One thread. */
#ifndef CAUSEWAY_GATEWAY_DEFLATE_Z_H
#define CAUSEWAY_GATEWAY_DEFLATE_Z_H

#include "compression.h"

struct deflate;
struct deflate *deflate_new(unsigned level, unsigned window_bits);     /* 1 to 9; 9 to 15, of what it writes: it reads any */
void deflate_destroy(struct deflate **self);
const struct compressor *deflate_compressor(const struct deflate *self);    /* lives as long as 'self' */

#endif
