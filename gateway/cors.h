/* cors - the cross-origin fields of every Engine.IO answer (the protocol notes, 8), in
 * the order and spelling that the reference server has. Origins are a list, or
 * "*" (reflected where credentials are allowed). No list: no fields. Pure. */
#ifndef CAUSEWAY_GATEWAY_CORS_H
#define CAUSEWAY_GATEWAY_CORS_H

#include "config.h"
#include "http1.h"

bool cors_on(const struct config_listener *l);
void cors_add(struct buf *out, const struct config_listener *l, const struct http1_request *r);     /* lines, any answer */
void cors_preflight(struct buf *out, const struct config_listener *l, const struct http1_request *r);   /* those of the 204 */

#endif
