/* Addresses come from clients and publishers: what decodes encodes alike, and a
 * key of it splits into the same two. */
#include "address.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_from(data, size), nsp, address;
    struct address a;
    if (address_decode(&a, text) != OK) return 0;
    struct buf out = { 0 };
    address_encode(&out, a.kind, a.name);
    if (!span_same(buf_span(&out), text)) abort();
    buf_clear(&out);
    address_key(&out, SPAN("/chat"), text);
    address_split(buf_span(&out), &nsp, &address);
    if (!span_same(nsp, SPAN("/chat")) || !span_same(address, text)) abort();
    buf_fini(&out);
    return 0;
}
