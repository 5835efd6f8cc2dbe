/* effect - what a core wants its shell to send: bus messages, in order.
 *
 * A core appends, the shell sends each with bus_send and empties the list. A
 * message is an encoded one (msg_encode_X) and its reference moves along. An
 * effect with a ticket is one whose link number the core wants to know: the
 * shell tells it at once. EFFECT_ALL as number means every ready member of the
 * role; a member that is not there any more loses the message, and the core
 * hears of that by the roster. Pure. */
#ifndef CAUSEWAY_EFFECT_H
#define CAUSEWAY_EFFECT_H

#include "blob.h"
#include "msg.h"

#define EFFECT_ALL UINT16_MAX

struct effect {
    enum role     role;
    uint16_t      number;
    enum msg_type type;
    struct blob  *message;
    uint64_t      ticket;
};

struct effects {
    struct effect *at;
    size_t         count, cap;
};

void effects_add(struct effects *self, enum role role, uint16_t number, enum msg_type type, struct blob *take, uint64_t ticket);
/* Encodes what is in 'scratch' as the message, and clears scratch. */
void effects_add_buf(struct effects *self, enum role role, uint16_t number, enum msg_type type, struct buf *scratch, uint64_t ticket);
void effects_clear(struct effects *self);       /* drops what nobody sent */
void effects_fini(struct effects *self);

#endif
