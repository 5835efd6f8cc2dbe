#include "pulse.h"

/* Looks that find it silent for no longer than it may be. */
static uint64_t spared(const struct pulse_terms *terms)
{
    return terms->timeout_ms / terms->scan_ms;
}

void pulse_hear(struct pulse *self, uint64_t now)
{
    self->heard = now;
    self->missed = 0;
}

bool pulse_look(struct pulse *self, const struct pulse_terms *terms, uint64_t now)
{
    uint64_t looks = now > self->heard ? (now - self->heard) / terms->scan_ms : 0;
    uint64_t missed = looks > spared(terms) ? looks - spared(terms) : 0;
    self->missed = missed < terms->misses ? (uint32_t)missed : terms->misses;
    return self->missed == terms->misses;
}

uint64_t pulse_due(const struct pulse *self, const struct pulse_terms *terms)
{
    return self->heard + (spared(terms) + self->missed + 1) * terms->scan_ms;
}
