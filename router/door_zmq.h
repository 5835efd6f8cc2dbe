/* door - one outside socket of a router, as its plane in the topology says: bound, its
 * frames limited, watched by the loop and, where it has keys, in a CURVE domain of its own.
 *
 * Whoever opens it owns the struct, receives in 'fn' (service_uv.h) and sends on 'socket',
 * then touches 'watch'. A plane that is off is a door that stays closed: all NULL. */
#ifndef CAUSEWAY_ROUTER_DOOR_ZMQ_H
#define CAUSEWAY_ROUTER_DOOR_ZMQ_H

#include "daemon_uv.h"

enum { DOOR_LINGER_MS = 500 };

struct door {
    const struct config_plane *plane;
    const char           *name;
    void                 *socket;       /* ZeroMQ's; NULL: closed */
    struct _zsock_t      *owned;
    struct service_watch *watch;
    struct monitor       *monitor;
    void                (*on_lost)(void *self);
    void                 *self;         /* on_lost's */
    uint64_t             *failed;       /* handshakes of strangers: set it before door_open */
    char                 *endpoint;     /* where it is bound */
};

struct door_options {
    const char *name;                   /* of its plane: "command" */
    const struct config_plane *plane;   /* borrowed */
    int   type, hwm;                    /* ZMQ_ROUTER ...; ZMQ_SNDHWM */
    bool  quiet;                        /* XPUB: only the first subscription to a topic and the last one's end are told */
    service_drain_fn *fn;
    void (*on_lost)(void *self);        /* some connection ended; or NULL */
    void *self;                         /* theirs */
};

bool door_open(struct door *self, struct daemon *d, const struct door_options *options);     /* false: logged, exit 111 */
void door_close(struct door *self);

#endif
