/* A polling payload that is read whole is written again as it was. */
#include "eio4.h"
#include "json.h"
#include "placeholder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span in = span_from(data, size);
    struct buf binary = { 0 }, again = { 0 };
    struct eio4_packet p;
    enum err e = OK;
    for (struct eio4_payload it = eio4_payload(in); it.more; ) {
        e = eio4_next(&it, &p, &binary);
        if (e == OK) eio4_append(&again, &p);
    }
    if (e == OK) NEED(span_same(buf_span(&again), in));
    else NEED(again.len <= in.len);

    if (eio4_decode(&p, in) == OK) {
        buf_clear(&again);
        eio4_encode(&again, &p);
        NEED(span_same(buf_span(&again), in));
    }
    if (json_check(in, JSON_MAX_DEPTH) == OK) NEED(placeholder_check(in, 2) != ERR_DEPTH);
    else (void)placeholder_check(in, 2);
    buf_fini(&binary);
    buf_fini(&again);
    return 0;
}
