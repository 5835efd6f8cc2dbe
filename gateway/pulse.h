/* pulse - is a client still there, by what it says itself: an application's own heartbeat, beside Engine.IO's.
 *
 * The client sends an event every so often. Each 'scan' since it was last heard it is looked at: silent for longer than
 * 'timeout' then is a miss, and as many as 'misses' in a row are the end. Being heard begins anew. With 30 s, 10 s and 3
 * a client that falls silent has missed at 30, 60 and 90 s.
 *
 * Nothing is scanned: when the next miss is due follows from when it was last heard, so a client costs a timer, which looks
 * again when it fires too early. Times are milliseconds of any one clock. Pure. */
#ifndef CAUSEWAY_GATEWAY_PULSE_H
#define CAUSEWAY_GATEWAY_PULSE_H

#include <stdbool.h>
#include <stdint.h>

struct pulse_terms { uint32_t scan_ms, timeout_ms, misses; };      /* scan_ms, misses: at least 1 */

struct pulse {
    uint64_t heard;
    uint32_t missed;                /* up to the last look */
};

void     pulse_hear(struct pulse *self, uint64_t now);
/* Counts what was missed by now. True: it is dead. */
bool     pulse_look(struct pulse *self, const struct pulse_terms *terms, uint64_t now);
uint64_t pulse_due(const struct pulse *self, const struct pulse_terms *terms);     /* when the next one would be missed */

#endif
