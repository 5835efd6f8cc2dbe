/* echo - a party in a process of its own, for what needs one: to be killed, to be
 * stopped, to have keys of its own: bus-echo ROLE NUMBER DIR [PORT]
 * Says "ready" on stdout when it is bound; SIGTERM: BYE, exit 0, or 1 if messages
 * came in a wrong order. BUS_HWM: high-water mark; BUS_VERBOSE: log. */
#include "party.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc < 4) return EXIT_USAGE;
    static struct party n;
    struct log *log = log_new(argv[1], getenv("BUS_VERBOSE") ? LOG_DEBUG : LOG_FATAL, 2);
    struct service *svc = service_new(log);
    n.echo = true;
    if (getenv("BUS_HWM")) n.config.bus.high_water_count = (uint32_t)atoi(getenv("BUS_HWM"));
    party_open(&n, svc, argv[3], (uint16_t)(argc > 4 ? atoi(argv[4]) : 0), role_of(span_of(argv[1])), (uint16_t)atoi(argv[2]));
    if (!n.bus) return EXIT_ENVIRONMENT;
    service_ready(svc, STDOUT_FILENO);
    service_run(svc);
    party_close(&n);
    service_destroy(&svc);
    log_destroy(&log);
    return n.wrong ? 1 : 0;
}
