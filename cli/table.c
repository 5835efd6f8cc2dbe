#include "table.h"
#include "err.h"


void table_fini(struct table *t)
{
    buf_fini(&t->cells);
    *t = (struct table){ 0 };
}

void table_add(struct table *t, struct span cell)
{
    buf_add(&t->cells, cell);
    buf_add_byte(&t->cells, '\0');
    t->count++;
}

static size_t width_of(struct span text)        /* in characters */
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) n += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
    return n;
}

void table_print(struct buf *out, const struct table *t, const char *align)
{
    size_t columns = strlen(align), widest[32] = { 0 };
    NEED(columns <= 32);
    struct span rest = buf_span(&t->cells);
    for (size_t i = 0; i < t->count; i++) {
        size_t w = width_of(span_cut(&rest, '\0'));
        if (w > widest[i % columns]) widest[i % columns] = w;
    }
    rest = buf_span(&t->cells);
    for (size_t i = 0; i < t->count; i++) {
        struct span cell = span_cut(&rest, '\0');
        size_t column = i % columns, pad = widest[column] - width_of(cell);
        bool last = column + 1 == columns;
        for (size_t n = 0; align[column] == 'r' && n < pad; n++) buf_add_byte(out, ' ');
        buf_add(out, cell);
        for (size_t n = 0; align[column] == 'l' && !last && n < pad; n++) buf_add_byte(out, ' ');
        if (last) buf_add_byte(out, '\n');
        else buf_add_literal(out, "  ");
    }
}

void table_time(struct buf *out, uint64_t ms)
{
    unsigned long long s = ms / 1000;
    if (ms < 1000) buf_add_format(out, "%llums", (unsigned long long)ms);
    else if (s < 60) buf_add_format(out, "%llus", s);
    else if (s < 3600) buf_add_format(out, "%llum%02llus", s / 60, s % 60);
    else if (s < 86400) buf_add_format(out, "%lluh%02llum", s / 3600, s / 60 % 60);
    else buf_add_format(out, "%llud%02lluh", s / 86400, s / 3600 % 24);
}

static void scaled(struct buf *out, double n, double step, const char *letters)
{
    size_t i = 0;
    for (; n >= 999.5 && letters[i + 1]; i++) n /= step;
    bool whole = n >= 9.95 || n == (double)(long long)n;
    buf_add_format(out, whole ? "%.0f" : "%.1f", n);
    if (letters[i] != ' ') buf_add_byte(out, letters[i]);
}

void table_count(struct buf *out, double n)     { scaled(out, n, 1000, " kMG"); }
void table_bytes(struct buf *out, uint64_t n)   { scaled(out, (double)n, 1024, " KMGT"); }
