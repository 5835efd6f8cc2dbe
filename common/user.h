/* user - how a user is named between daemons: (realm, id).
 *
 *   id     a JSON value as auth verified it: 42, "42"; its text is 42 in both
 *   key    realm, '/', text: "/42", "staff/42": tables, and who owns the user
 *   name   as in addresses and in Redis: "42", "staff/42"; a text that holds a '/'
 *          has its realm written even if that is the default: "/a/b"
 *
 * A realm holds no '/', so keys and names can be read back. Pure. */
#ifndef CAUSEWAY_USER_H
#define CAUSEWAY_USER_H

#include "buf.h"
#include "err.h"

enum { USER_TEXT_MAX = 256, USER_REALM_MAX = 64, USER_KEY_MAX = USER_REALM_MAX + 1 + USER_TEXT_MAX };

/* Appends the key. 'id' was checked as JSON. ERR_MISSING, ERR_TYPE, ERR_LIMIT, ERR_SYNTAX (a NUL byte,
 * a realm with a '/'): nothing was appended. */
enum err user_key(struct buf *out, struct span realm, struct span id);
void     user_split(struct span key, struct span *realm, struct span *text);
void     user_name(struct buf *out, struct span key);
void     user_key_of_name(struct buf *out, struct span name);

/* Who of the ready presence daemons (view_of_role) owns a user; RANK_NOBODY where there is none. */
uint16_t user_owner(struct span key, const uint16_t *numbers, size_t count);

#endif
