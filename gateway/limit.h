/* limit - how often a client's events may come: its rule's limit (rules_limit.h), asked of
 * the gate's permits. A part of the gate. */
#ifndef CAUSEWAY_GATEWAY_LIMIT_H
#define CAUSEWAY_GATEWAY_LIMIT_H

#include "gate_state.h"

void limits_init(struct gate *g);
void limits_pump(struct gate *g);               /* those whose wait is over go on */

/* May this event of the socket happen now? WAIT: hold it; hold_release is called when it is known. */
enum permits_answer limit_ask(struct socket *s, const struct sio_packet *p, uint64_t *reset);
/* It is refused, in the words of its rule. reset 0: not by a limit, but since too much is held. */
void limit_refuse(struct socket *s, const struct sio_packet *p, const struct span *attachments, uint64_t reset);
void limit_forget(struct socket *s);            /* it does not wait any more */

#endif
