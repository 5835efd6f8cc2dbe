#include "link_head.h"
#include "t.h"

#define BYTES(literal) { "" literal, sizeof(literal) - 1 }
static const struct row {
    const char *name; struct link_head head; struct span messages; enum err err;
} rows[] = {
    { "nothing but the header",   { 0, 5, 9, 0, 7, 6 }, BYTES(""), OK },
    { "an EMIT",                  { 1, 5, 9, 1, 0, 0 }, BYTES("\1\0\0\0\15"), OK },
    { "a BEAT has no number",     { 1, 5, 0, 0, 0, 0 }, BYTES("\1\0\0\0\204"), OK },
    { "both",                     { 2, 5, 9, 3, 0, 0 }, BYTES("\1\0\0\0\204" "\1\0\0\0\15"), OK },
    { "a skip",                   { 1, 5, 9, 3, 0, 0 }, BYTES("\11\0\0\0\0" "\2\0\0\0\0\0\0\0"), OK },
    { "a word",                   { 1, 5, 9, 0, 0, 0 }, BYTES("\2\0\0\0\200\1"), OK },
    { "newer ones",               { 2, 5, 9, 1, 0, 0 }, BYTES("\1\0\0\0\177" "\1\0\0\0\377"), OK },
    { "no epoch",                 { 0, 0, 9, 0, 0, 0 }, BYTES(""), ERR_RANGE },
    { "confirmed, not received",  { 0, 5, 9, 0, 6, 7 }, BYTES(""), ERR_RANGE },
    { "received beyond reason",   { 0, 5, 9, 0, UINT64_MAX, 7 }, BYTES(""), ERR_RANGE },
    { "numbered beyond reason",   { 1, 5, 9, UINT64_MAX, 0, 0 }, BYTES("\1\0\0\0\15"), ERR_RANGE },
    { "reliable without number",  { 1, 5, 9, 0, 0, 0 }, BYTES("\1\0\0\0\15"), ERR_RANGE },
    { "number without reliable",  { 1, 5, 9, 1, 0, 0 }, BYTES("\1\0\0\0\204"), ERR_RANGE },
    { "fewer than it says",       { 2, 5, 9, 1, 0, 0 }, BYTES("\1\0\0\0\15"), ERR_SYNTAX },
    { "more than it says",        { 0, 5, 9, 0, 0, 0 }, BYTES("\1\0\0\0\204"), ERR_SYNTAX },
    { "cut in a message",         { 1, 5, 9, 1, 0, 0 }, BYTES("\2\0\0\0\15"), ERR_TRUNC },
    { "a record",                 { 1, 5, 9, 1, 0, 0 }, BYTES("\1\0\0\0\1"), ERR_UNKNOWN },
    { "skip of nothing",          { 1, 5, 9, 1, 0, 0 }, BYTES("\11\0\0\0\0" "\0\0\0\0\0\0\0\0"), ERR_RANGE },
    { "skip beyond reason",       { 1, 5, 9, 1, 0, 0 }, BYTES("\11\0\0\0\0" "\0\0\0\0\0\0\0\377"), ERR_RANGE },
    { "skip without a count",     { 1, 5, 9, 1, 0, 0 }, BYTES("\3\0\0\0\0" "\1\0"), ERR_TRUNC },
};

TEST(link_head_decodes_every_row)
{
    const struct row *r;
    EACH(r, rows) {
        struct buf frame = { 0 }, again = { 0 };
        link_head_encode(&frame, &r->head);
        EQUAL(frame.len, LINK_HEAD_BYTES);
        buf_add(&frame, r->messages);
        struct link_head head;
        struct span messages;
        struct span exact = t_exact(buf_span(&frame));
        EQUAL_ERR(link_head_decode(&head, &messages, exact), r->err);
        if (r->err == OK) {
            struct link_item item;
            uint32_t count = 0;
            link_head_encode(&again, &head);
            SAME_SPAN(buf_span(&again), span_head(exact, LINK_HEAD_BYTES));
            SAME_SPAN(messages, r->messages);
            while (link_head_next(&messages, &item)) count++;
            EQUAL(count, r->head.messages);
        }
        for (size_t n = 0; n < frame.len; n++)
            CHECK(link_head_decode(&head, &messages, t_exact(span_head(exact, n))) != OK || r->head.messages == 0);
        buf_fini(&frame), buf_fini(&again);
    }
}

TEST(link_head_versions)
{
    static const struct { int speaks, oldest; enum err err; } versions[] = {
        { MSG_VERSION, MSG_VERSION_MIN, OK }, { MSG_VERSION + 1, MSG_VERSION, OK },
        { MSG_VERSION + 1, MSG_VERSION + 1, ERR_VERSION }, { MSG_VERSION_MIN - 1, 0, ERR_VERSION },
    };
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        struct buf frame = { 0 };
        struct link_head head = { .epoch = 1 };
        struct span messages;
        link_head_encode(&frame, &head);
        frame.ptr[2] = (char)versions[i].speaks, frame.ptr[3] = (char)versions[i].oldest;
        EQUAL_ERR(link_head_decode(&head, &messages, buf_span(&frame)), versions[i].err);
        frame.ptr[0] = 'X';
        EQUAL_ERR(link_head_decode(&head, &messages, buf_span(&frame)), ERR_SYNTAX);
        buf_fini(&frame);
    }
}
