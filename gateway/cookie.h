/* cookie - the Set-Cookie field of a polling handshake's answer (RFC 6265), with the
 * attributes in the order and spelling of the reference server. No name: no field. Pure. */
#ifndef CAUSEWAY_GATEWAY_COOKIE_H
#define CAUSEWAY_GATEWAY_COOKIE_H

#include "buf.h"
#include "config.h"

void cookie_add(struct buf *fields, const struct config_cookie *c, struct span sid);

#endif
