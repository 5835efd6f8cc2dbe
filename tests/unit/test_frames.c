#include "frames.h"
#include "standin.h"
#include "t.h"

static struct compression none;

static const struct row { const char *name, *nsp, *args; int attachments; const char *poll; } rows[] = {
    { "event",           "/",     "[\"a\",1]", 0, "42[\"a\",1]" },
    { "namespace",       "/chat", "[\"a\"]",   0, "42/chat,[\"a\"]" },
    { "one attachment",  "/",     "[\"a\",{\"_placeholder\":true,\"num\":0}]", 1,
      "451-[\"a\",{\"_placeholder\":true,\"num\":0}]\x1e" "bAQID" },
    { "two attachments", "/",     "[\"a\"]",   2, "452-[\"a\"]\x1e" "bAQID\x1e" "bAQID" },
};

TEST(frames_are_made_once_for_each_dialect)
{
    const struct row *r;
    EACH(r, rows) {
        struct buf strs = { 0 };
        for (int i = 0; i < r->attachments; i++) msg_add_str(&strs, SPAN("\x01\x02\x03"));
        struct frames f = frames_event(span_of(r->nsp), span_of(r->args), buf_span(&strs));
        struct blob *poll = frames_for(&f, DIALECT_POLL, &none), *ws = frames_for(&f, DIALECT_PLAIN, &none);
        SAME(blob_span(poll), r->poll);
        CHECK(poll == frames_for(&f, DIALECT_POLL, &none) && ws == frames_for(&f, DIALECT_PLAIN, &none));
        EQUAL(ws->refs, 1);
        CHECK(poll == frames_for(&f, DIALECT_POLL | DIALECT_V3 | DIALECT_DEFLATE, &none));     /* they queue the same bytes */
        /* law: translating gives what would have been made */
        for (unsigned content = 0; content <= DIALECT_MSGPACK; content += DIALECT_MSGPACK) {
            uint8_t to = (uint8_t)content;
            struct blob *there = frames_translate(frames_for(&f, to | DIALECT_POLL, &none), to, &none);
            SAME_SPAN(blob_span(there), blob_span(frames_for(&f, to, &none)));
            blob_drop(&there);
        }
        frames_fini(&f);
        buf_fini(&strs);
    }
}

TEST(frames_compress_for_all_at_once)
{
    struct compression with = { .by = &standin, .threshold_bytes = 20 };
    struct buf strs = { 0 };
    msg_add_str(&strs, SPAN("bbbbbbbbbbbbbbbbbbbbbbbb")), msg_add_str(&strs, SPAN("short"));
    struct frames f = frames_event(SPAN("/"), SPAN("[\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"]"), buf_span(&strs));
    struct blob *one = frames_for(&f, DIALECT_DEFLATE, &with);
    CHECK(one == frames_for(&f, DIALECT_DEFLATE, &with) && one != frames_for(&f, DIALECT_PLAIN, &with));
    EQUAL(with.made[COMPRESSION_MESSAGE], 2);      /* text and attachment; the short one is not worth it */
    CHECK(with.saved_bytes > 60);
    struct blob *there = frames_translate(frames_for(&f, DIALECT_POLL, &with), DIALECT_DEFLATE, &with);
    SAME_SPAN(blob_span(there), blob_span(one));
    blob_drop(&there);
    frames_fini(&f);
    f = frames_event(SPAN("/"), SPAN("[\"a\"]"), SPAN(""));
    CHECK(frames_for(&f, DIALECT_DEFLATE, &with) == frames_for(&f, DIALECT_PLAIN, &with));     /* the same blob, held twice */
    frames_fini(&f), buf_fini(&strs);
}

TEST(frames_translate_engine_packets)
{
    struct blob *ping = frames_engine(SPAN("2"), DIALECT_POLL), *ws = frames_translate(ping, DIALECT_PLAIN, &none);
    SAME(blob_span(ping), "2");
    SAME(blob_span(ws), "\x81\x01" "2");
    blob_drop(&ping), blob_drop(&ws);
}

static const struct carrier_row { const char *name; uint8_t dialect; struct span text, binary; } carriers[] = {
#define S(literal) { literal, sizeof literal - 1 }
    { "version 4",                     DIALECT_PLAIN,            S("\x81\x05" "42[1]"), S("\x82\x03" "\1\2\3") },
    { "version 3: a type before them", DIALECT_V3,               S("\x81\x05" "42[1]"), S("\x82\x04" "\4\1\2\3") },
    { "version 4, no binary",          DIALECT_B64,              S("\x81\x05" "42[1]"), S("\x81\x05" "bAQID") },
    { "version 3, no binary",          DIALECT_V3 | DIALECT_B64, S("\x81\x05" "42[1]"), S("\x81\x06" "b4AQID") },
};

TEST(frames_differ_by_carrier_only_where_there_are_bytes)
{
    struct buf strs = { 0 };
    msg_add_str(&strs, SPAN("\1\2\3"));
    struct frames plain = frames_event(SPAN("/"), SPAN("[1]"), SPAN("")), binary = frames_event(SPAN("/"), SPAN("[1]"), buf_span(&strs));
    const struct carrier_row *r;
    EACH(r, carriers) {
        SAME_SPAN(blob_span(frames_for(&plain, r->dialect, &none)), r->text);
        CHECK(frames_for(&plain, r->dialect, &none) == frames_for(&plain, DIALECT_PLAIN, &none));
        struct span both = blob_span(frames_for(&binary, r->dialect, &none));
        CHECK(span_has_prefix(both, SPAN("\x81\x07" "451-[1]")));
        SAME_SPAN(span_skip(both, 9), r->binary);
        CHECK(frames_for(&binary, r->dialect | DIALECT_POLL, &none) == frames_for(&binary, DIALECT_POLL, &none));
        struct blob *there = frames_translate(frames_for(&binary, DIALECT_POLL, &none), r->dialect, &none);
        SAME_SPAN(blob_span(there), both);
        blob_drop(&there);
    }
    frames_fini(&plain), frames_fini(&binary);
    buf_fini(&strs);
}

TEST(frames_of_every_length_class)
{
    static const size_t lengths[] = { 0, 1, 124, 125, 126, 65530, 65535, 65536, 70000 };
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct buf text = { 0 };
        for (size_t k = 0; k < lengths[i]; k++) buf_add_byte(&text, 'x');
        struct frames f = frames_packet(buf_span(&text), SPAN(""));
        if (lengths[i] == 0) f.args = SPAN("[]"), f.nsp = SPAN("/");
        struct blob *there = frames_translate(frames_for(&f, DIALECT_POLL, &none), DIALECT_PLAIN, &none);
        SAME_SPAN(blob_span(there), blob_span(frames_for(&f, DIALECT_PLAIN, &none)));
        blob_drop(&there);
        frames_fini(&f);
        buf_fini(&text);
    }
}

TEST(frames_of_msgpack_are_one_binary_message)
{
    struct buf strs = { 0 };
    msg_add_str(&strs, SPAN("\x09"));
    struct frames event = frames_event(SPAN("/c"), SPAN("[\"r\",{\"_placeholder\":true,\"num\":0}]"), buf_span(&strs));
    struct frames ack = frames_packet(SPAN("3/c,7[null]"), SPAN(""));
    SAME_SPAN(blob_span(frames_for(&event, DIALECT_MSGPACK, &none)), SPAN("\x82\x19" "\x83\xa4type\x02\xa4" "data\x92\xa1r\xc4\x01\x09\xa3nsp\xa2/c"));
    SAME_SPAN(blob_span(frames_for(&ack, DIALECT_MSGPACK, &none)), SPAN("\x82\x19" "\x84\xa2id\x07\xa4type\x03\xa4" "data\x91\xc0\xa3nsp\xa2/c"));
    SAME(blob_span(frames_for(&ack, DIALECT_MSGPACK | DIALECT_POLL, &none)), "bhKJpZAekdHlwZQOkZGF0YZHAo25zcKIvYw==");
    frames_fini(&event), frames_fini(&ack), buf_fini(&strs);
}
