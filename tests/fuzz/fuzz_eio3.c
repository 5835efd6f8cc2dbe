/* A payload that is read whole is written again as it was; what waited in Engine.IO 4's form comes out readable. */
#include "eio3.h"

typedef enum err next(struct eio4_payload *it, struct eio4_packet *p, struct buf *binary);
typedef void append(struct buf *payload, const struct eio4_packet *p);

static enum err walk(struct span in, next *read, append *write, struct buf *again, struct buf *queued)
{
    struct buf binary = { 0 };
    struct eio4_packet p;
    enum err e = OK;
    for (struct eio4_payload it = eio4_payload(in); it.more; ) {
        e = read(&it, &p, &binary);
        if (e != OK) break;
        write(again, &p);
        if (queued) eio4_append(queued, &p);
    }
    buf_fini(&binary);
    return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span in = span_from(data, size);
    struct buf again = { 0 }, twice = { 0 }, queued = { 0 }, answer = { 0 };
    if (walk(in, eio3_next, eio3_append, &again, NULL) == OK) NEED(span_same(buf_span(&again), in));
    else NEED(again.len <= in.len);

    buf_clear(&again);
    if (walk(in, eio3_next_binary, eio3_append_binary, &again, NULL) == OK) {   /* base64 in it is written as bytes: then it is stable */
        NEED(again.len <= in.len);
        NEED(walk(buf_span(&again), eio3_next_binary, eio3_append_binary, &twice, NULL) == OK);
        NEED(span_same(buf_span(&twice), buf_span(&again)));
    }

    buf_clear(&again);
    if (walk(in, eio4_next, eio4_append, &again, NULL) == OK)
        for (int base64 = 0; base64 < 2; base64++) {
            buf_clear(&answer), buf_clear(&again), buf_clear(&queued);
            bool raw = eio3_payload(&answer, in, base64);
            NEED(walk(buf_span(&answer), raw ? eio3_next_binary : eio3_next, raw ? eio3_append_binary : eio3_append, &again, &queued) == OK);
            NEED(span_same(buf_span(&queued), in));
        }

    struct eio4_packet p;
    (void)eio3_decode(&p, in, &twice);
    (void)eio3_decode_binary(&p, in);
    buf_fini(&again), buf_fini(&twice), buf_fini(&queued), buf_fini(&answer);
    return 0;
}
