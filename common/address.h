/* address - what a body is for: "user:42", "room:lobby", "socket:<id>" or "*".
 *
 * The part before the colon is ours, the part behind it may be anybody's: a
 * client that names a room fills only the part after "room:", so it can never
 * reach a user or a socket by choosing a name. A room key is the namespace, a
 * NUL byte and the address: what routers own and gateways are interested in.
 * Namespaces are the topology's and hold no NUL; a name with one is refused, so
 * no two pairs make one key.
 * User ids in addresses are the text of the id (42 and "42" meet in user:42),
 * with the realm before it where it is not the default: "user:realm/42". */
#ifndef CAUSEWAY_ADDRESS_H
#define CAUSEWAY_ADDRESS_H

#include "buf.h"
#include "err.h"

#define ADDRESS_MAX 512     /* bytes of an address */

enum address_kind { ADDRESS_USER, ADDRESS_ROOM, ADDRESS_SOCKET, ADDRESS_ALL };

struct address {
    enum address_kind kind;
    struct span       name;     /* behind the colon; empty for "*" */
};

enum err address_decode(struct address *a, struct span text);   /* ERR_SYNTAX (no name too), ERR_LIMIT; ERR_UNKNOWN: no such kind */
void     address_encode(struct buf *out, enum address_kind kind, struct span name);
void     address_key(struct buf *out, struct span nsp, struct span address);    /* the room key */
void     address_split(struct span key, struct span *nsp, struct span *address);

#endif
