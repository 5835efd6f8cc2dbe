/* item - what Pushpin's publishers send, in our words.
 *
 *     {"channel":"x","id":"7","formats":{"ws-message":{"content":"hello"}}}
 *     {"emit":"message","to":"room:x","args":["hello"],"id":"x 7"}
 *
 * A channel is the room of that name, a WebSocket message the event "message" (on a listener with
 * raw_namespace: a message again). Of the formats ws-message alone is read: "content", or "content-bin"
 * (base64) as a binary attachment; "action" is "send" or "close" (its sockets are disconnected). "nsp" and
 * "ref" may be added. An id is one of its channel. "prev-id", "meta", "code", "no-seq" and other formats
 * are for Pushpin's own clients, and mean nothing here. Pure. */
#ifndef CAUSEWAY_ROUTER_ITEM_H
#define CAUSEWAY_ROUTER_ITEM_H

#include "verbs.h"

struct item {                   /* { 0 } is an empty one */
    struct buf request;         /* JSON, as verbs_check takes it */
    struct buf attachment;
    bool       binary;          /* there is one */
};

bool item_is(struct span json);         /* an object with "formats", as far as it can be told; need not be checked JSON */
/* channel: from a frame of its own, or empty. ERR_x and *problem: refused. */
enum err item_read(struct item *self, struct span channel, struct span json, struct verb_problem *problem);
void item_fini(struct item *self);

#endif
