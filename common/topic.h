/* topic - names of what the feed tells: "<kind>.<namespace>.<name>", such as
 *
 *     event./chat.message       a client's event, by its name
 *     connect./chat.42          a socket is connected, by its user's id; of anonymous ones: "connect./chat."
 *     disconnect./chat.42       and gone
 *     join./chat.lobby          it joins a room (those that begin with "room:" elsewhere)
 *     leave./chat.lobby
 *
 * A subscriber names a prefix, so "event." is all events, "event./chat." those of one
 * namespace. Names are cut at TOPIC_NAME_MAX bytes, for topics only.
 *
 * 'struct topics' is a set of prefixes, sorted, none of which another one covers: so the
 * only one that a topic may begin with is the last that is not behind it, and a look is a
 * binary search. Its texts are its own. Pure. */
#ifndef CAUSEWAY_TOPIC_H
#define CAUSEWAY_TOPIC_H

#include "buf.h"

enum topic_kind { TOPIC_EVENT, TOPIC_CONNECT, TOPIC_DISCONNECT, TOPIC_JOIN, TOPIC_LEAVE, TOPIC_KINDS };
enum { TOPIC_NAME_MAX = 128, TOPIC_PREFIX_MAX = 256 };

const char *topic_kind_name(enum topic_kind kind);
void topic_encode(struct buf *out, enum topic_kind kind, struct span nsp, struct span name);
unsigned topic_kinds(struct span prefix);       /* a bit (1 << kind) for each kind that has topics with this prefix */

struct topics {                 /* { 0 }: an empty set */
    struct span *at;
    size_t       count;
    unsigned     kinds;         /* of all of them: 0: nothing is wanted */
    struct buf   text;
};
void topics_set(struct topics *self, struct span prefixes);     /* strs (msg.h), in any order, in place of what it had */
bool topics_want(const struct topics *self, struct span topic);
void topics_fini(struct topics *self);

#endif
