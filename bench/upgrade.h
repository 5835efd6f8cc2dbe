/* upgrade - the HTTP request that asks for a WebSocket, and its answer.
 * Pure. The key is RFC 6455's own example, so the right answer is known
 * without a SHA-1 and a wrong one is still noticed. */
#pragma once
#include <stddef.h>
#include <sys/types.h>

size_t upgrade_request(char *out, size_t cap, const char *path, const char *host);
ssize_t upgrade_decode(const char *in, size_t len);     /* bytes of the head; 0: more is needed; -1: refused */
