/* control - what the command line and the supervisor say to each other on <state>/control.sock: JSON, a line each.
 *
 *     > {"do":"status"}
 *     < {"ok":true,"name":"local","pid":7,"uptime_ms":9,"state":"up","topology":"/...","daemons":[{...}],...}
 *     > {"do":"scale","role":"gateway","count":4}     {"do":"restart","id":"router-1"}  {"do":"drain","id":...}  {"do":"stop"}
 *     < {"event":"ready","id":"gateway-3","pid":12,"ms":31,"endpoint":"http://..."}
 *     < {"event":"exit","id":"gateway-0","pid":11,"ms":40,"code":0,"text":"stopped"}
 *     < {"ok":true}      or      {"ok":false,"id":"gateway-3","code":111,"error":"it ended before it was ready"}
 *
 * Events come as things happen; a line with "ok" is the last. Pure. */
#ifndef CAUSEWAY_CLI_CONTROL_H
#define CAUSEWAY_CLI_CONTROL_H

#include "supervise.h"

enum control_verb { CONTROL_STATUS, CONTROL_SCALE, CONTROL_RESTART, CONTROL_DRAIN, CONTROL_STOP };
enum { CONTROL_LINE_MAX = 4096 };       /* of a request */

struct control_request {
    enum control_verb verb;
    struct unit_id    unit;             /* scale: the kind; restart, drain: the unit */
    uint16_t          count;            /* scale */
};

/* False: *error says why. */
bool control_parse(struct control_request *r, struct span line, struct buf *error);
void control_print(struct buf *line, const struct control_request *r);

struct control_event { struct unit_id unit; int pid; uint64_t ms; };
void control_ready(struct buf *line, const struct control_event *e, struct span endpoint);
void control_exit(struct buf *line, const struct control_event *e, int code, const char *text);
void control_done(struct buf *line);
void control_failed(struct buf *line, const struct unit_id *unit, int code, const char *error);     /* unit may be NULL */

/* The value of a text or number in a checked line; "" and the given number where there is none. */
void control_text(struct buf *out, struct span line, const char *key);
int64_t control_number(struct span line, const char *key, int64_t none);

#endif
