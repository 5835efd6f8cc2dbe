/* zlib behind compression.h's functions; and, since this program is linked with the transcripts, behind a whole gate. */
#include "deflate_z.h"

#include "bed.h"
#include "t.h"

#include <stdlib.h>
#define ZLIB_CONST
#include <zlib.h>

static const struct compressor *z;

__attribute__((constructor)) static void before_all(void)
{
    static struct deflate *deflate;
    deflate = deflate_new(3, 15);
    bed_compressor = z = deflate_compressor(deflate);
}

static enum err inflated(struct span in, size_t limit, struct buf *out)
{
    buf_clear(out);
    return z->inflate(z->self, t_exact(in), limit, out);
}

/* ---- from clients. The examples are those of RFC 7692, 7.2.3 */

static const struct row { const char *name; struct span in; enum err err; const char *want; } rows[] = {
    { "fixed codes",                { "\xf2\x48\xcd\xc9\xc9\x07\x00", 7 }, OK, "Hello" },
    { "stored block",               { "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 11 }, OK, "Hello" },
    { "last block, then another",   { "\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8 }, OK, "Hello" },
    { "last block, then nothing",   { "\xf3\x48\xcd\xc9\xc9\x07\x00", 7 }, OK, "Hello" },
    { "two blocks",                 { "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13 }, OK, "Hello" },
    { "no data",                    { "\x00", 1 }, OK, "" },
    { "no bytes",                   { "", 0 }, OK, "" },
    { "no such block",              { "\x07", 1 }, ERR_SYNTAX, NULL },
    { "cut in a symbol",            { "\xf2\x48\xcd\xc9\xc9", 5 }, ERR_SYNTAX, NULL },
    { "cut in a stored block",      { "\x00\x0a\x00\xf5\xff\x48\x65", 7 }, ERR_SYNTAX, NULL },
    { "stored, its lengths differ", { "\x00\x05\x00\xfa\xfe\x48\x65\x6c\x6c\x6f\x00", 11 }, ERR_SYNTAX, NULL },
    { "the tail was left on",       { "\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00\xff\xff", 11 }, ERR_SYNTAX, NULL },
    { "back beyond the beginning",  { "\x02\x06\x00\x00", 4 }, ERR_SYNTAX, NULL },
    { "gzip",                       { "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", 10 }, ERR_SYNTAX, NULL },
};

TEST(deflate_opens_messages)
{
    struct buf out = { 0 };
    const struct row *r;
    EACH(r, rows) {
        EQUAL_ERR(inflated(r->in, 100, &out), r->err);
        if (r->want) SAME(buf_span(&out), r->want);
    }
    buf_fini(&out);
}

TEST(deflate_keeps_nothing_of_the_message_before)
{
    struct buf out = { 0 };     /* the second example of 7.2.3.2 refers to the first one's text */
    EQUAL_ERR(inflated(span_from("\xf2\x48\xcd\xc9\xc9\x07\x00", 7), 100, &out), OK);
    EQUAL_ERR(inflated(span_from("\xf2\x00\x11\x00\x00", 5), 100, &out), ERR_SYNTAX);
    EQUAL_ERR(inflated(span_from("\xf2\x48\xcd\xc9\xc9\x07\x00", 7), 100, &out), OK);
    SAME(buf_span(&out), "Hello");
    buf_fini(&out);
}

/* ---- and back */

static void fill(struct buf *text, size_t n, int kind)
{
    uint64_t seed = 42;
    while (text->len < n) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        buf_add_byte(text, kind == 0 ? 'a' : kind == 1 ? (char)("{\"id\":,}"[seed >> 61]) : (char)(seed >> 56));
    }
}

TEST(deflate_undoes_inflate)
{
    static const size_t lengths[] = { 0, 1, 2, 1023, 16383, 16384, 16385, 65535, 65536, 300000 };
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        for (int kind = 0; kind < 3; kind++) {
            struct buf text = { 0 }, packed = { 0 }, back = { 0 };
            fill(&text, lengths[i], kind);
            z->deflate(z->self, COMPRESSION_MESSAGE, buf_span(&text), &packed);
            CHECK(packed.len < 4 || memcmp(packed.ptr + packed.len - 4, "\0\0\xff\xff", 4) != 0);
            EQUAL_ERR(inflated(buf_span(&packed), lengths[i], &back), OK);
            SAME_SPAN(buf_span(&back), buf_span(&text));
            if (lengths[i]) EQUAL_ERR(inflated(buf_span(&packed), lengths[i] - 1, &back), ERR_LIMIT);
            CHECK(back.len <= lengths[i]);
            struct buf again = { 0 };
            z->deflate(z->self, COMPRESSION_MESSAGE, buf_span(&text), &again);
            SAME_SPAN(buf_span(&again), buf_span(&packed));
            buf_fini(&text), buf_fini(&packed), buf_fini(&back), buf_fini(&again);
        }
}

TEST(deflate_cuts_bombs)
{
    struct buf text = { 0 }, packed = { 0 }, out = { 0 };
    fill(&text, 20 << 20, 0);
    z->deflate(z->self, COMPRESSION_MESSAGE, buf_span(&text), &packed);
    CHECK(packed.len < text.len / 100);
    EQUAL_ERR(inflated(buf_span(&packed), 1000000, &out), ERR_LIMIT);
    CHECK(out.cap <= 2 << 20);
    buf_fini(&text), buf_fini(&packed), buf_fini(&out);
}

/* Every prefix and every changed bit is safe, and stays below the limit. */
TEST(deflate_survives_everything)
{
    struct buf text = { 0 }, packed = { 0 }, out = { 0 };
    fill(&text, 600, 1);
    z->deflate(z->self, COMPRESSION_MESSAGE, buf_span(&text), &packed);
    for (size_t n = 0; n < packed.len; n++) (void)inflated(span_head(buf_span(&packed), n), 1000, &out);
    for (size_t bit = 0; bit < packed.len * 8; bit++) {
        packed.ptr[bit / 8] = (char)(packed.ptr[bit / 8] ^ 1 << bit % 8);
        (void)inflated(buf_span(&packed), 1000, &out);
        packed.ptr[bit / 8] = (char)(packed.ptr[bit / 8] ^ 1 << bit % 8);
        CHECK(out.len <= 1001);
    }
    EQUAL_ERR(inflated(buf_span(&packed), 1000, &out), OK);
    SAME_SPAN(buf_span(&out), buf_span(&text));
    buf_fini(&text), buf_fini(&packed), buf_fini(&out);
}

/* ---- what others read: zlib's own reader of both HTTP codings, and of a small window */

static void read_with(int window_bits, struct span in, struct span want)
{
    z_stream s = { 0 };
    NEED(inflateInit2(&s, window_bits) == Z_OK);
    unsigned char *out = malloc(want.len + 1);
    NEED(out);
    s.next_in = (const Bytef *)in.ptr, s.avail_in = (uInt)in.len, s.next_out = out, s.avail_out = (uInt)want.len + 1;
    int code = inflate(&s, Z_FINISH);
    size_t n = s.total_out, left = s.avail_in;
    inflateEnd(&s);
    bool same = span_same(span_from(out, n), want);
    free(out);
    EQUAL(code, Z_STREAM_END);
    EQUAL(left, 0);
    CHECK(same);
}

TEST(deflate_writes_http_codings)
{
    static const unsigned windows[] = { 9, 12, 15 };
    for (size_t i = 0; i < 3; i++) {
        struct deflate *d = deflate_new(6, windows[i]);
        const struct compressor *c = deflate_compressor(d);
        for (size_t n = 0; n < 100000; n = n * 3 + 1) {
            struct buf text = { 0 }, out = { 0 };
            fill(&text, n, 1);
            c->deflate(c->self, COMPRESSION_GZIP, buf_span(&text), &out);
            read_with(16 + 15, buf_span(&out), buf_span(&text));
            buf_clear(&out);
            c->deflate(c->self, COMPRESSION_ZLIB, buf_span(&text), &out);
            read_with((int)windows[i], buf_span(&out), buf_span(&text));
            buf_clear(&out);
            c->deflate(c->self, COMPRESSION_MESSAGE, buf_span(&text), &out);
            buf_add(&out, span_from("\0\0\xff\xff\x03\0", 6));     /* and an end */
            read_with(-(int)windows[i], buf_span(&out), buf_span(&text));
            buf_fini(&text), buf_fini(&out);
        }
        deflate_destroy(&d);
    }
}
