/* party - one daemon of the bus's tests: a bus that counts what it sees.
 *
 * EMIT (towards routers) and DELIVER (towards gateways) carry a running number,
 * so that a party sees by itself whether anything was lost, doubled or out of
 * order. Several parties may live on one loop. */
#ifndef CAUSEWAY_TESTS_PARTY_H
#define CAUSEWAY_TESTS_PARTY_H

#include "bus_zmq.h"

struct party {
    struct config    config;
    char             dir[64], keys[80];
    struct bus      *bus;
    struct bus_stats stats;
    bool             echo;              /* answer each EMIT with EMITTED, each DELIVER with REACHED */
    bool             take;              /* at REBORN and GONE take back what was unconfirmed */
    unsigned         ups, reborns, downs, gones, byes, beats, views, taken, others;
    enum view_change change;
    uint64_t         got, last, wrong;  /* numbered messages; wrong: not the one after the last */
    uint64_t         answers, confirmed;
};

/* dir: where the ipc endpoints and the keys are. port: 0 means ipc; else tcp with CURVE, router i on port + i. */
void party_open(struct party *n, struct service *svc, const char *dir, uint16_t port, enum role role, uint16_t number);
void party_close(struct party *n);
/* One numbered message: an EMIT to a router, a DELIVER to a gateway. */
uint64_t party_say(struct peer *to, uint64_t number, size_t size);

#endif
