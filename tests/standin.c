#include "standin.h"

enum { LITERALS = 128, RUN = 126, RUN_MIN = 3, RUN_MAX = 129 };

static size_t run_length(struct span in)
{
    size_t n = 0;
    while (n < in.len && n < RUN_MAX && in.ptr[n] == in.ptr[0]) n++;
    return n;
}

static void squeeze(void *self, enum compression_form form, struct span in, struct buf *out)
{
    static const struct { const char *head, *tail; } around[COMPRESSION_FORMS] = {
        { "", "" }, [COMPRESSION_GZIP] = { "gzip head.", "its tail" }, [COMPRESSION_ZLIB] = { "zh", "tail" }, [COMPRESSION_MESSAGE] = { "", "" } };
    (void)self;
    buf_add(out, span_of(around[form].head));
    while (in.len) {
        size_t n = run_length(in);
        if (n >= RUN_MIN) {
            buf_add_byte(out, (char)(n + RUN)), buf_add_byte(out, in.ptr[0]);
        } else {
            for (n = 1; n < in.len && n < LITERALS && run_length(span_skip(in, n)) < RUN_MIN; ) n++;
            buf_add_byte(out, (char)(n - 1)), buf_add(out, span_head(in, n));
        }
        in = span_skip(in, n);
    }
    buf_add(out, span_of(around[form].tail));
}

static enum err swell(void *self, struct span in, size_t limit, struct buf *out)
{
    (void)self;
    size_t most = out->len + limit;
    while (in.len) {
        unsigned char c = (unsigned char)in.ptr[0];
        bool run = c >= LITERALS;
        size_t n = run ? (size_t)(c - RUN) : c + 1u, taken = run ? 1 : n;
        in = span_skip(in, 1);
        if (in.len < taken) return ERR_SYNTAX;
        if (n > most - out->len) return ERR_LIMIT;
        if (run) memset(buf_room(out, n), in.ptr[0], n), buf_grew(out, n);
        else buf_add(out, span_head(in, n));
        in = span_skip(in, taken);
    }
    return OK;
}

const struct compressor standin = { NULL, squeeze, swell };
