/* What reads as a packet is good in every way that sio_decode's are, and is the same written and read again. */
#include "json.h"
#include "msg.h"
#include "placeholder.h"
#include "sio_msgpack.h"

enum { BYTES = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sio_packet p, again;
    struct span attachments[SIO_MAX_ATTACHMENTS], others[SIO_MAX_ATTACHMENTS];
    struct buf json = { 0 }, json_again = { 0 }, wire = { 0 }, text = { 0 }, strs = { 0 };
    if (sio_msgpack_decode(&p, attachments, &json, span_from(data, size), BYTES) == OK) {
        NEED(p.json.len == 0 || json_check(p.json, JSON_MAX_DEPTH) == OK);
        NEED(p.attachments == 0 || placeholder_check(p.json, p.attachments) == OK);
        for (unsigned i = 0; i < p.attachments; i++) msg_add_str(&strs, attachments[i]);
        sio_encode(&text, &p);
        NEED(sio_decode(&again, buf_span(&text)) == OK);        /* a client of the other parser, or one that waits to be connected */
        NEED(again.type == p.type && again.id == p.id && span_same(again.nsp, p.nsp) && span_same(again.name, p.name));

        sio_msgpack_encode(&wire, &p, buf_span(&strs));
        NEED(sio_msgpack_decode(&again, others, &json_again, buf_span(&wire), BYTES) == OK);
        NEED(again.type == p.type && again.id == p.id && span_same(again.nsp, p.nsp) && again.attachments == p.attachments);
        for (unsigned i = 0; i < p.attachments; i++) NEED(span_same(attachments[i], others[i]));
    }
    buf_fini(&json), buf_fini(&json_again), buf_fini(&wire), buf_fini(&text), buf_fini(&strs);
    return 0;
}
