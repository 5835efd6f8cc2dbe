/* presence_world - the core of the presence daemon among gateways and routers: messages, views and time in; what
 * goes to whom out, as lines of text. For the unit tests. */
#ifndef CAUSEWAY_PRESENCE_WORLD_H
#define CAUSEWAY_PRESENCE_WORLD_H

#include "t.h"
#include "address.h"
#include "json.h"
#include "presence.h"
#include "user.h"

enum { WORLD_LEASE_MS = 10000, SPACES = 4 };

extern struct presence *core;
extern struct presence_stats stats;
extern struct config config;
extern struct config_namespace spaces[SPACES];     /* "/", "/chat" (realm staff), a pattern, "/friends" (announced to watchers) */
extern struct view *view;
extern struct presence_time now;
extern uint64_t views;
extern struct buf said;

void begin(void);           /* presence-0, a router and two gateways that have told all they have */
void begin_at(uint16_t number, const char *members);
void end(void);
void see(const char *members);          /* a roster: "router-0 gateway-0:10 presence-0" */
void later(uint64_t ms);

struct msg_SESSION_UP session(const char *user, const char *sid);
void gateway_says(uint16_t number, uint64_t epoch, enum msg_type type, struct buf *message);
void up_at(uint16_t gateway, uint64_t epoch, struct msg_SESSION_UP m);
void up(const char *user, const char *sid);
void down_in(uint16_t gateway, uint64_t epoch, const char *nsp, const char *user, const char *sid);
void down_at(uint16_t gateway, uint64_t epoch, const char *user, const char *sid);
void synced(uint16_t gateway, uint64_t epoch);
void ask(const char *verb, const char *json);
void watch(uint64_t ref, const char *user, const char *remove, const char *add, bool asks);       /* gateway 0 says it, of "/friends" */

struct span heard(uint64_t link);       /* what was said since the last time; 'link' numbers what goes to a router */
#define HEARD(text) SAME(heard(1), text)

#endif
