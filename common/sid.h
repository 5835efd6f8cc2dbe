/* sid - session and socket ids: 20 characters of base64url, as Socket.IO's are.
 *
 * 15 bytes: u16 number of the gateway that made it (so that any daemon finds the
 * owner without asking), 8 random bytes, 5 bytes of SipHash-2-4 over those ten
 * with the cluster's session-id key: an id that no gateway made is known as such
 * at any gateway, and a stranger would have to guess 104 bits.
 *
 * A Socket.IO 2 client makes its sockets' ids itself, of its session's: that one for
 * "/", "/chat#<session>" for another namespace. The private id (pid) by which a socket may
 * come back says nothing: 16 random bytes. Pure. */
#ifndef CAUSEWAY_SID_H
#define CAUSEWAY_SID_H

#include "buf.h"
#include "err.h"

#define SID_LENGTH 20
#define SID_KEY_BYTES 16
#define PID_LENGTH 22       /* 128 bits as base64url */

struct sid { char text[SID_LENGTH]; };      /* not terminated */

static inline struct span sid_span(const struct sid *s) { return (struct span){ s->text, SID_LENGTH }; }
void     sid_make(struct sid *out, uint16_t gateway, const uint8_t random[8], const uint8_t key[SID_KEY_BYTES]);
/* ERR_SYNTAX: not of the form; ERR_AUTH: not signed with this key. key NULL: the signature is not asked. */
enum err sid_decode(struct span text, const uint8_t *key, uint16_t *gateway);
enum err sid_of_socket(struct span id, uint16_t *gateway);     /* a socket's id, of either form; the signature is not asked */

#endif
