/* order - users that are online in the byte order of their keys: a treap.
 *
 * Two pointers in each user, no memory else; add, drop and search take O(log n)
 * steps. A user's weight is a hash of where it lies in memory, which no client
 * chooses. One owner: users. Pure. */
#ifndef CAUSEWAY_ORDER_H
#define CAUSEWAY_ORDER_H

#include "users.h"

void order_add(struct user **root, struct user *u);     /* it is not in it */
void order_drop(struct user **root, struct user *u);    /* it is in it */
struct user *order_after(struct user *root, struct span key);       /* the first one behind that key, or NULL */

#endif
