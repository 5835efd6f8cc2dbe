/* keys - every key of the topology's auth.keys, loaded at once or not at all.
 *
 * A reload is a second keyring: whoever holds the old one keeps it when the new
 * files are bad. Faults and warnings are a line each, with the file's name and
 * never with what stands in it. One owner: the judge. */
#ifndef CAUSEWAY_KEYS_JWT_H
#define CAUSEWAY_KEYS_JWT_H

#include "config.h"
#include "jws.h"

struct keys;
struct keys *keys_new(const struct config_auth *auth, struct buf *errors, struct buf *warnings);    /* NULL: see errors */
void keys_destroy(struct keys **self);

const struct jws_pin *keys_pins(const struct keys *self, size_t *count);    /* what jws_keys chooses from */
bool keys_verify(struct keys *self, size_t key, enum alg alg, struct span input, struct span signature);

#endif
