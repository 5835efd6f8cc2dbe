/* Frames from another process, into a link with messages of its own: pieces of
 * u16 length and bytes. Whatever it answers is a good frame, numbers only grow. */
#include "link.h"
#include "link_head.h"

#include <stdlib.h>

static void drain(struct link *link, uint64_t now)
{
    struct link_head head;
    struct span messages;
    int frames = 0;
    for (struct blob *frame; (frame = link_frame(link, now)); frames++) {
        if (link_head_decode(&head, &messages, blob_span(frame)) != OK || frames > 100) abort();
        blob_drop(&frame);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct link *link = link_new(9, &(struct link_limits){ .frame_bytes = 100 });
    if (size && data[0] % 2) link_defer(link, true);
    for (int i = 0; i < 20; i++) link_send(link, blob_new(SPAN("\5\0\0\0\15abcd")));
    struct span in = span_from(data, size);
    for (uint64_t now = 0; in.len >= 2; now += 100) {
        size_t len = (unsigned char)in.ptr[0] | (size_t)(unsigned char)in.ptr[1] << 8;
        struct span frame = span_head(span_skip(in, 2), len);
        in = span_skip(in, 2 + len);
        enum err e;
        enum msg_type type;
        uint64_t number, received = link_received(link), confirmed = link_confirmed(link);
        (void)link_on_frame(link, frame, now, &e);
        for (struct span fields; link_next(link, &type, &fields, &number);) {
            if (number && (number <= received || number != link_received(link))) abort();
            if (number) received = number;
            if (number % 3 == 1) link_confirm(link, number);
        }
        if (link_received(link) < received || link_confirmed(link) < confirmed) abort();
        if (now % 300 == 0) {
            struct blob *taken = link_take_unconfirmed(link);
            blob_drop(&taken);
        }
        drain(link, now);
        link_send(link, blob_new(SPAN("\1\0\0\0\15")));
    }
    link_destroy(&link);
    return 0;
}
