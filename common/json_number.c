/* json_number - the part of json.h that prints numbers. */
#include "json.h"
#include "shortest.h"

static void add_zeros(struct buf *out, int count)
{
    while (count-- > 0) buf_add_byte(out, '0');
}

/* Number::toString of ECMAScript: 0.digits * 10^point, without an exponent from 1e-6 up to 1e21. */
static void add_decimal(struct buf *out, struct span digits, int point)
{
    int count = (int)digits.len;
    if (point > 21 || point < -5) {
        buf_add(out, span_head(digits, 1));
        if (count > 1) buf_add_byte(out, '.'), buf_add(out, span_skip(digits, 1));
        buf_add_byte(out, 'e');
        if (point > 0) buf_add_byte(out, '+');
        buf_add_int(out, point - 1);
    } else if (point <= 0) {
        buf_add_literal(out, "0.");
        add_zeros(out, -point);
        buf_add(out, digits);
    } else {
        buf_add(out, span_head(digits, (size_t)point));
        add_zeros(out, point - count);
        if (count > point) buf_add_byte(out, '.'), buf_add(out, span_skip(digits, (size_t)point));
    }
}

void json_add_number(struct buf *out, double n)
{
    char bytes[20];
    struct buf digits = { bytes, 0, sizeof bytes };     /* never grows: 17 at most */
    if (!(n - n == 0)) {        /* NaN, an infinity */
        buf_add_literal(out, "null");
        return;
    }
    if (n == 0) {
        buf_add_byte(out, '0');
        return;
    }
    if (n < 0) buf_add_byte(out, '-'), n = -n;
    struct shortest s = shortest_of(n);
    buf_add_uint(&digits, s.digits);
    add_decimal(out, buf_span(&digits), (int)digits.len + s.exponent);
}
