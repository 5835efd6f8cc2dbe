/* load - a load generator that speaks to Socket.IO servers as its clients do:
 * Socket.IO v5 over Engine.IO v4 over WebSocket, nothing but libc.
 * One line of JSON on stdout, words on stderr. Exits 0; 1 when something was
 * lost, doubled or out of order; 100 usage; 111 environment.
 *
 * It shares no code with the daemons on purpose: a mistake made once would
 * otherwise agree with itself. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "mode.h"

static const struct { const char *name; int (*run)(const struct options *o); } modes[] = {
    { "fanout", fanout_run }, { "idle", idle_run }, { "connect", connect_run }, { "ack", ack_run },
};

int main(int argc, char **argv)
{
    struct options o = options_parse(argc, argv);
    int status = -1;
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(o.mode, modes[i].name) == 0)
            status = modes[i].run(&o);
    }
    if (status < 0) {
        fprintf(stderr, "load: no mode called %s; see --help\n", o.mode);
        status = 100;
    }
    options_fini(&o);
    return status;
}
