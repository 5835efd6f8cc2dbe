/* Frames between daemons: the first byte picks a record, the rest is walked as
 * a frame and decoded as that record. What decodes, encodes and decodes alike. */
#include "msg.h"

#include <stdlib.h>

#define MSG(name, class, doc, fields) \
    static void again_##name(struct span in) \
    { \
        struct msg_##name m; \
        struct buf once = { 0 }, twice = { 0 }; \
        if (msg_decode_##name(&m, in) == OK) { \
            msg_encode_##name(&once, &m); \
            size_t head = MSG_##class == MSG_RECORD ? 0 : MSG_HEAD_BYTES; \
            if (msg_decode_##name(&m, span_skip(buf_span(&once), head)) != OK) abort(); \
            msg_encode_##name(&twice, &m); \
            if (!span_same(buf_span(&once), buf_span(&twice))) abort(); \
        } \
        buf_fini(&once), buf_fini(&twice); \
    }
#include "msg.def"
#undef MSG

static void (*const again[])(struct span) = {
    [MSG_NONE] = NULL,
#define MSG(name, class, doc, fields) [MSG_##name] = again_##name,
#include "msg.def"
#undef MSG
};

static void try(enum msg_type type, struct span fields)
{
    struct buf text = { 0 };
    if (again[type]) again[type](fields);
    msg_print(&text, type, fields);
    buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    struct span frame = span_from(data + 1, size - 1), fields;
    try((enum msg_type)(data[0] % MSG_COUNT), frame);
    enum msg_type type;
    enum err e;
    while (msg_next(&frame, &type, &fields, &e)) try(type, fields);
    return 0;
}
