/* standin - a compressor for tests without zlib: runs of one byte become short. Forms have as
 * much around them as the real ones. tests/deflate runs the same transcripts with zlib.
 *     0..127   so many bytes and one more follow as they are          128..255  the next byte, n - 126 times */
#ifndef CAUSEWAY_STANDIN_H
#define CAUSEWAY_STANDIN_H

#include "compression.h"

extern const struct compressor standin;

#endif
