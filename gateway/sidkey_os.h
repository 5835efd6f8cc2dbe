/* sidkey - the cluster's session-id key: sixteen bytes in <state>/sid.key, the same
 * for all gateways. 'causeway up' makes it; where it is missing the first gateway
 * does, and all who start at once agree on one. */
#ifndef CAUSEWAY_GATEWAY_SIDKEY_OS_H
#define CAUSEWAY_GATEWAY_SIDKEY_OS_H

#include "buf.h"
#include "sid.h"

bool sidkey_read(const char *state_dir, uint8_t key[SID_KEY_BYTES], struct buf *why);
void sidkey_random(void *self, void *bytes, size_t n);      /* of the kernel; self is not used */

#endif
