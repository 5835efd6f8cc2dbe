/* daemon - what the four main.c have in common: command line, configuration,
 * log, loop, bus, stats; started in the right order and taken down in reverse.
 *
 *     int main(int argc, char **argv)
 *     {
 *         static struct presence_stats stats;
 *         struct daemon d;
 *         daemon_start(&d, ROLE_PRESENCE, argc, argv, presence_stats_view(&stats));   // exits 100 or 111
 *         struct presence *p = presence_new(&d, &stats);
 *         d.on_reload = presence_reload, d.callbacks_self = p;        // where it has any
 *         daemon_bus(&d, &presence_handler, p);       // binds and starts the bus; exits 111
 *         daemon_ready(&d);                           // when it can serve: READY in the roster, "ready" for scripts
 *         service_run(d.svc);
 *         int code = daemon_stop(&d);                 // BYE; the bus is gone after it
 *         presence_destroy(&p);
 *         return code;
 *     }
 *
 * What hangs on the loop (d.svc) is closed before daemon_stop. Stats go to the
 * routers every service.stats_ms as kind "counters". SIGTERM: DRAINING in the
 * roster, on_drain, then 'drained' is asked until it and the bus are done or
 * bus.drain_ms has passed. One owner: main. */
#ifndef CAUSEWAY_DAEMON_UV_H
#define CAUSEWAY_DAEMON_UV_H

#include "bus_zmq.h"
#include "options.h"
#include "process_os.h"

struct daemon {
    enum role            role;
    char                 id[32];        /* "presence-0" */
    struct options       options;
    struct config        config;
    struct log          *log;
    struct service      *svc;
    struct bus          *bus;           /* NULL before daemon_bus */
    struct bus_stats     bus_stats;
    struct process_stats process_stats;
    struct process_marks process_marks;
    struct stats_view    stats;         /* the role's */
    uint64_t             stats_seq;
    size_t               heap_kept;     /* process_trim's */
    struct service_timer stats_timer, drain_timer, leave_timer;

    /* The daemon's own, each may be NULL; all get callbacks_self. */
    void (*before_stats)(void *self);   /* bring gauges up to date */
    bool (*may_reload)(void *self, const struct config *fresh, struct buf *errors);  /* makes what it needs of it; false: and forgets it */
    /* 'config' has its new values, and *before the old ones: freed afterwards, or taken (*before = NULL) by who still looks at
     * them. NULL: the topology was refused and all is as it was; files of other kinds (certificates, keys) are read anyway. */
    void (*on_reload)(void *self, struct config **before);
    void (*on_drain)(void *self);       /* SIGTERM: take no more work, hand over what there is */
    bool (*drained)(void *self);        /* nothing is left to do; asked again and again */
    void  *callbacks_self;
};

void daemon_start(struct daemon *d, enum role role, int argc, char **argv, struct stats_view stats);
void daemon_bus(struct daemon *d, const struct bus_handler *handler, void *self);
void daemon_ready(struct daemon *d);
int  daemon_stop(struct daemon *d);     /* last stats, BYE, then everything in reverse; answers 0 */
void daemon_stats(struct daemon *d, struct buf *json);      /* the object as it would be published now */
void daemon_warn(struct daemon *d, const struct config *config);       /* the topology's warnings, into the log */
enum log_level daemon_log_level(const struct daemon *d);

/* ---- daemon_reload_uv.c: the topology read again (reload.h), by SIGHUP or by the verb */
void daemon_reload(struct daemon *d, struct buf *json);     /* json: this daemon's part of the answer, appended */
/* What any daemon answers by itself: reload, drain. False: it is the role's to answer. */
bool daemon_answer(struct daemon *d, struct span verb, struct buf *json);
bool daemon_ask(struct daemon *d, struct peer *peer, struct span fields);       /* an ASK: the same, and told */
_Noreturn void daemon_fail(struct daemon *d, const char *what, const char *why);    /* logs, exits 111 */

#endif
