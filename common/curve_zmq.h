/* curve - CURVE keys and the ZAP handler that says whose a key is.
 *
 * A key per daemon: keys_dir/<id> is its public certificate, with its id in the
 * metadata, <id>_secret (0600) the whole. The handler answers ZeroMQ's ZAP requests
 * in the daemon's own loop. In the domain "bus" a known key's User-Id is the id of
 * the daemon that it was made for; in other domains (the routers' outside
 * sockets) what curve_allow was given. Unknown keys are refused. Without a bound
 * handler nothing starts: ZeroMQ would let every key in. */
#ifndef CAUSEWAY_CURVE_ZMQ_H
#define CAUSEWAY_CURVE_ZMQ_H

#include "config.h"
#include "msg.h"
#include "service_uv.h"

struct curve;
/* Before any other socket that uses it. NULL: logged. Loads the daemon's own secret key. */
struct curve *curve_new(struct service *svc, const char *keys_dir, const char *id);
void curve_destroy(struct curve **self);
/* The socket (raw) is a CURVE server of this domain from its next bind on. */
bool curve_serve(struct curve *self, void *zmq_socket, const char *domain);
/* The socket is a CURVE client of that daemon from its next connect on. False: no such key (logged). */
bool curve_call(struct curve *self, void *zmq_socket, const char *server_id);
void curve_allow(struct curve *self, const char *domain, const char *public_z85, const char *user_id);
void curve_allow_any(struct curve *self, const char *domain);  /* every key, User-Id: the key in Z85 */
uint64_t curve_refused(const struct curve *self);

/* ---- for the command line: makes what is missing, never replaces. False: *error says why. */
bool keys_init(const char *keys_dir, const struct config *config, struct buf *error);   /* one key for every configured instance */
bool keys_add(const char *keys_dir, enum role role, uint16_t number, struct buf *error);    /* for scale */

#endif
