/* Offsets of clients: what is taken is written again as it was. */
#include "positions.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct positions p;
    struct span text = span_from(data, size);
    if (positions_decode(&p, text) != OK) return 0;
    struct buf again = { 0 };
    positions_encode(&again, &p);
    if (!span_same(buf_span(&again), text)) abort();
    buf_fini(&again);
    return 0;
}
