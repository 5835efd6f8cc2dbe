#include "deflate_z.h"

#include <stdlib.h>
#define ZLIB_CONST
#include <zlib.h>

enum { PIECE_BYTES = 16384, MEMORY_LEVEL = 8 };

struct deflate {
    z_stream          out, in;          /* raw both: what stands around the data is written here */
    unsigned          window_bits;
    struct compressor compressor;
};

/* ---- to clients */

static void add_head(const struct deflate *self, enum compression_form form, struct buf *out)
{
    if (form == COMPRESSION_GZIP) {     /* no name, no time, from Unix */
        buf_add(out, span_from("\x1f\x8b\x08\0\0\0\0\0\0\x03", 10));
    } else if (form == COMPRESSION_ZLIB) {
        unsigned head = (self->window_bits - 8) << 12 | 8 << 8;
        head += 31 - head % 31;
        buf_add_byte(out, (char)(head >> 8)), buf_add_byte(out, (char)head);
    }
}

static void add_sum(struct buf *out, uint32_t n, bool big_endian)
{
    for (unsigned i = 0; i < 4; i++) buf_add_byte(out, (char)(n >> 8 * (big_endian ? 3 - i : i)));
}

static void add_tail(enum compression_form form, struct span in, struct buf *out)
{
    if (form == COMPRESSION_GZIP) {
        add_sum(out, (uint32_t)crc32_z(0, (const Bytef *)in.ptr, in.len), false);
        add_sum(out, (uint32_t)in.len, false);
    } else if (form == COMPRESSION_ZLIB) {
        add_sum(out, (uint32_t)adler32_z(1, (const Bytef *)in.ptr, in.len), true);
    } else {
        out->len -= 4;      /* 00 00 ff ff: RFC 7692, 7.2.1 */
    }
}

static void run(void *ptr, enum compression_form form, struct span in, struct buf *out)
{
    struct deflate *self = ptr;
    z_stream *z = &self->out;
    NEED(in.len <= UINT32_MAX / 2 && deflateReset(z) == Z_OK);
    add_head(self, form, out);
    z->next_in = (const Bytef *)in.ptr, z->avail_in = (uInt)in.len;
    size_t room = deflateBound(z, (uLong)in.len) + 16;
    do {        /* once, as the bound is one */
        z->next_out = (Bytef *)buf_room(out, room), z->avail_out = (uInt)room;
        NEED(deflate(z, form == COMPRESSION_MESSAGE ? Z_SYNC_FLUSH : Z_FINISH) != Z_STREAM_ERROR);
        buf_grew(out, room - z->avail_out);
    } while (z->avail_out == 0);
    add_tail(form, in, out);
}

/* ---- from clients */

/* Feeds 'in' to the decompressor. OK: all of it is taken; '*over': a last block ended with it. */
static enum err take(z_stream *z, struct span in, size_t most, struct buf *out, bool *over)
{
    z->next_in = (const Bytef *)in.ptr, z->avail_in = (uInt)in.len;
    *over = false;
    for (;;) {
        size_t room = most - out->len + 1;      /* one more than may come, so that too much is seen */
        if (room > PIECE_BYTES) room = PIECE_BYTES;
        z->next_out = (Bytef *)buf_room(out, room), z->avail_out = (uInt)room;
        int code = inflate(z, Z_SYNC_FLUSH);
        buf_grew(out, room - z->avail_out);
        if (out->len > most) return ERR_LIMIT;
        if (code == Z_STREAM_END) {
            *over = z->avail_in == 0;
            if (*over) return OK;
            NEED(inflateReset(z) == Z_OK);      /* blocks may follow a last one */
        } else if (code == Z_BUF_ERROR || (code == Z_OK && z->avail_out > 0)) {
            return OK;
        } else if (code != Z_OK) {
            return ERR_SYNTAX;
        }
    }
}

static enum err open_message(void *ptr, struct span in, size_t limit, struct buf *out)
{
    struct deflate *self = ptr;
    z_stream *z = &self->in;
    size_t most = out->len + limit;
    bool over;
    if (in.len == 0) return OK;         /* not quite DEFLATE, but nobody means anything else by it */
    if (in.len > UINT32_MAX / 2) return ERR_LIMIT;
    NEED(inflateReset(z) == Z_OK);
    enum err e = take(z, in, most, out, &over);
    if (e || over) return e;            /* behind a last block the tail is none */
    e = take(z, span_from("\0\0\xff\xff", 4), most, out, &over);
    bool between_blocks = (z->data_type & 128) && !(z->data_type & 63);
    return e ? e : between_blocks ? OK : ERR_SYNTAX;
}

/* ---- life */

struct deflate *deflate_new(unsigned level, unsigned window_bits)
{
    struct deflate *self = calloc(1, sizeof *self);
    NEED(self);
    self->window_bits = window_bits;
    NEED(deflateInit2(&self->out, (int)level, Z_DEFLATED, -(int)window_bits, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) == Z_OK);
    NEED(inflateInit2(&self->in, -15) == Z_OK);
    self->compressor = (struct compressor){ self, run, open_message };
    return self;
}

void deflate_destroy(struct deflate **self)
{
    if (!*self) return;
    deflateEnd(&(*self)->out);
    inflateEnd(&(*self)->in);
    free(*self);
    *self = NULL;
}

const struct compressor *deflate_compressor(const struct deflate *self)
{
    return &self->compressor;
}
