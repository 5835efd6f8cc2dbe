#include "jsonp.h"

#include "http1.h"
#include "json.h"

struct jsonp jsonp_of(struct span value)
{
    struct jsonp j = { .asked = value.ptr };
    for (size_t i = 0; i < value.len && j.digits < JSONP_DIGITS_MAX; i++)
        if (value.ptr[i] >= '0' && value.ptr[i] <= '9') j.number[j.digits++] = value.ptr[i];
    return j;
}

void jsonp_answer(struct buf *out, const struct jsonp *j, struct span utf8)
{
    buf_add_literal(out, "___eio[");
    buf_add(out, span_from(j->number, j->digits));
    buf_add_literal(out, "](");
    json_quote(out, utf8);
    buf_add_literal(out, ");");
}

bool jsonp_form(struct buf *out, struct span body)
{
    struct buf field = { 0 };
    bool found = http1_query(body, SPAN("d"), &field);
    for (struct span rest = buf_span(&field); rest.len; ) {
        if (span_eat_prefix(&rest, SPAN("\\\\n"))) buf_add_literal(out, "\\n");
        else if (span_eat_prefix(&rest, SPAN("\\n"))) buf_add_byte(out, '\n');
        else buf_add_byte(out, rest.ptr[0]), rest = span_skip(rest, 1);
    }
    buf_fini(&field);
    return found;
}
