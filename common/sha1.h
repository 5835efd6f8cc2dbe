/* sha1 - FIPS 180-4, for Sec-WebSocket-Accept and nothing else: it guards no secret. */
#ifndef CAUSEWAY_SHA1_H
#define CAUSEWAY_SHA1_H

#include "span.h"

enum { SHA1_BYTES = 20 };

void sha1(uint8_t digest[SHA1_BYTES], struct span in);

#endif
