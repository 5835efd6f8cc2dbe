/* token - where a client's token may stand: auth.<key> of its CONNECT, query.<key>,
 * the bearer of its handshake, cookie.<name>. The first source that has one wins. Pure. */
#ifndef CAUSEWAY_GATEWAY_TOKEN_H
#define CAUSEWAY_GATEWAY_TOKEN_H

#include "session.h"

/* 'auth': the CONNECT's payload, checked; or empty. False: no source has one. */
bool token_find(const struct handshake *h, const struct config_strings *sources, struct span auth, struct buf *out);

#endif
