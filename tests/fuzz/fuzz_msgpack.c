/* What is read becomes good JSON with its attachments; written back and read again it is the
 * same, then for good. The input's JSON, where it is some, is written and read as well. */
#include "json.h"
#include "msg.h"
#include "msgpack.h"
#include "placeholder.h"

enum { ATTACHMENTS = 10, BYTES = 1 << 20 };

static enum err to_json(struct msgpack_json *to, struct span attachments[ATTACHMENTS], struct span in)
{
    *to = (struct msgpack_json){ .max_bytes = BYTES, .attachments = attachments, .max_attachments = ATTACHMENTS };
    enum err e = msgpack_to_json(to, &in);
    struct span again = in;
    if (!e) NEED(msgpack_skip(&again) != OK || again.len < in.len);     /* what follows is its own value */
    return e;
}

static void write_and_read(struct span json, struct span strs)
{
    struct buf wire = { 0 };
    struct span attachments[ATTACHMENTS];
    struct msgpack_json to;
    msgpack_from_json(&wire, json, strs);
    struct span rest = buf_span(&wire);
    NEED(msgpack_skip(&rest) == OK && rest.len == 0);
    if (to_json(&to, attachments, buf_span(&wire)) == OK) {
        NEED(json_check(buf_span(&to.text), JSON_MAX_DEPTH) == OK);
        NEED(to.attachment_count == 0 || placeholder_check(buf_span(&to.text), to.attachment_count) == OK);
        struct buf again = { 0 }, list = { 0 };
        for (unsigned i = 0; i < to.attachment_count; i++) msg_add_str(&list, attachments[i]);
        msgpack_from_json(&again, buf_span(&to.text), buf_span(&list));
        NEED(strs.len == 0 || span_same(buf_span(&again), buf_span(&wire)));
        buf_fini(&again), buf_fini(&list);
    }
    buf_fini(&to.text), buf_fini(&wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span in = span_from(data, size), rest = in, attachments[ATTACHMENTS];
    struct msgpack_json to;
    enum err e = to_json(&to, attachments, in);
    if (e == OK && to.text.len) {       /* undefined is none */
        struct buf strs = { 0 };
        NEED(json_check(buf_span(&to.text), JSON_MAX_DEPTH) == OK);
        for (unsigned i = 0; i < to.attachment_count; i++) msg_add_str(&strs, attachments[i]);
        write_and_read(buf_span(&to.text), buf_span(&strs));
        buf_fini(&strs);
    }
    buf_fini(&to.text);
    NEED(msgpack_skip(&rest) == OK || e != OK);

    if (json_check(in, JSON_MAX_DEPTH) == OK) {
        write_and_read(in, SPAN(""));
    } else {                            /* not promised to make sense, but to stay inside */
        struct buf wire = { 0 };
        msgpack_from_json(&wire, in, SPAN(""));
        buf_fini(&wire);
    }
    return 0;
}
