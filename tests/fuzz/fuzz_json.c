/* Whatever json_check calls good can be walked, and quoting any bytes gives good JSON
 * that means them. The first byte is the depth allowed. */
#include "json.h"

#include <stdlib.h>

static void walk(struct span value, unsigned depth)
{
    struct span rest = value, again = value, k, v;
    struct buf text = { 0 };
    switch (json_type_of(value)) {
    case JSON_ARRAY:
        while (json_next(&rest, &v)) {
            NEED(depth > 0);
            walk(v, depth - 1);
        }
        break;
    case JSON_OBJECT:
        while (json_next_member(&rest, &k, &v)) {
            NEED(depth > 0 && json_type_of(k) == JSON_STRING);
            walk(k, depth);
            walk(v, depth - 1);
            json_unquote(&text, k);
            NEED(json_find(again, buf_span(&text)).len > 0);
            buf_clear(&text);
        }
        break;
    case JSON_STRING:
        json_unquote(&text, value);
        NEED(utf8_valid(buf_span(&text)) && json_string_is(value, buf_span(&text)));
        NEED(json_utf16_length(value) <= text.len);
        break;
    case JSON_NONE:
        abort();
    default:
        break;
    }
    buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    struct span in = span_from(data + 1, size - 1), text = in, name;
    if (json_check(in, data[0]) == OK) {
        struct span value = json_eat(&text);
        NEED(text.len == 0);
        NEED(json_check(value, data[0]) == OK);
        walk(value, data[0]);
    } else {        /* not promised to make sense, but to stay inside */
        while (json_eat(&text).len) {}
        (void)json_find(in, SPAN("a"));
        (void)json_event_name(in, &name);
        (void)json_utf16_length(in);
    }
    struct buf quoted = { 0 }, back = { 0 };
    json_quote(&quoted, in);
    NEED(json_check(buf_span(&quoted), 0) == OK);
    json_unquote(&back, buf_span(&quoted));
    NEED(!utf8_valid(in) || span_same(buf_span(&back), in));
    buf_fini(&quoted);
    buf_fini(&back);
    return 0;
}
