/* options - a daemon's command line, parsed once into a struct. Pure.
 *
 *     causeway-gateway --config FILE [--state DIR] --number N [--ready-fd N] [--log-level L]
 *
 * Also --name=value. Everything else about a daemon is in the topology file. */
#ifndef CAUSEWAY_OPTIONS_H
#define CAUSEWAY_OPTIONS_H

#include "buf.h"
#include "log.h"

struct options {
    const char    *config;      /* path of the topology file */
    const char    *state;       /* state directory, or NULL: the topology's */
    uint16_t       number;      /* of this instance within its role */
    int            ready_fd;    /* -1: none */
    bool           has_log_level;
    enum log_level log_level;   /* else the topology's service.log_level */
    bool           help, version;   /* asked for: print and exit 0 */
};

/* False: *error says why, in one line. Texts point into argv. */
bool options_parse(struct options *o, int argc, char *const *argv, struct buf *error);
void options_usage(struct buf *out, const char *program);

#endif
