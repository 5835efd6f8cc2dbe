#include "compression.h"

bool compression_try(struct compression *self, enum compression_form form, struct span in, struct buf *out)
{
    if (!self->by || form == COMPRESSION_NONE || in.len < self->threshold_bytes) return false;
    size_t before = out->len;
    self->by->deflate(self->by->self, form, in, out);
    size_t n = out->len - before;
    if (n >= in.len) {
        out->len = before;
        return false;
    }
    self->made[form]++;
    self->saved_bytes += in.len - n;
    return true;
}

struct span compression_coding(enum compression_form form)
{
    return form == COMPRESSION_GZIP ? SPAN("gzip") : SPAN("deflate");
}

/* ---- Accept-Encoding */

enum { WEIGHT_MOST = 1000, WEIGHT_NONE = -1 };

/* "0.5" in thousandths; what is no weight is WEIGHT_NONE. */
static int weight_of(struct span s)
{
    if (s.len == 0 || s.len > 5 || (s.ptr[0] != '0' && s.ptr[0] != '1') || (s.len > 1 && s.ptr[1] != '.')) return WEIGHT_NONE;
    int weight = s.ptr[0] == '1' ? WEIGHT_MOST : 0, place = 100;
    for (size_t i = 2; i < s.len; i++, place /= 10) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') return WEIGHT_NONE;
        weight += (s.ptr[i] - '0') * place;
    }
    return weight <= WEIGHT_MOST ? weight : WEIGHT_NONE;
}

/* "gzip;q=0.5": the name, and its weight. */
static struct span cut_coding(struct span one, int *weight)
{
    struct span name = span_trim(span_cut(&one, ';'));
    *weight = WEIGHT_MOST;
    while (one.len) {
        struct span value = span_trim(span_cut(&one, ';')), key = span_cut(&value, '=');
        if (span_same_nocase(span_trim(key), SPAN("q"))) *weight = weight_of(span_trim(value));
    }
    return name;
}

enum compression_form compression_accepted(const struct http1_request *r)
{
    enum { GZIP, DEFLATE, IDENTITY, ANY, X_GZIP, NAMES };
    static const char *const names[NAMES] = { "gzip", "deflate", "identity", "*", "x-gzip" };
    int weights[NAMES] = { WEIGHT_NONE, WEIGHT_NONE, WEIGHT_NONE, WEIGHT_NONE, WEIGHT_NONE };
    for (unsigned i = 0; i < r->count; i++) {
        if (!span_same_nocase(r->fields[i].name, SPAN("Accept-Encoding"))) continue;
        for (struct span rest = r->fields[i].value; rest.len; ) {
            int weight;
            struct span name = cut_coding(span_cut(&rest, ','), &weight);
            for (int k = 0; k < NAMES; k++)
                if (span_same_nocase(name, span_of(names[k]))) weights[k] = weight;
        }
    }
    int gzip = weights[GZIP] != WEIGHT_NONE ? weights[GZIP] : weights[X_GZIP] != WEIGHT_NONE ? weights[X_GZIP] : weights[ANY];
    int deflate = weights[DEFLATE] != WEIGHT_NONE ? weights[DEFLATE] : weights[ANY];
    int best = gzip >= deflate ? gzip : deflate;
    if (best <= 0 || best < weights[IDENTITY]) return COMPRESSION_NONE;
    return best == gzip ? COMPRESSION_GZIP : COMPRESSION_ZLIB;
}
