#include "distinct.h"

#include "json.h"

enum err distinct_check(struct span object)
{
    struct span names[DISTINCT_MAX], key, value;
    struct buf text = { 0 };            /* names with escapes, unquoted: never longer, so it never moves */
    size_t count = 0;
    enum err e = OK;
    for (struct span rest = object; !e && json_next_member(&rest, &key, &value); ) {
        if (count == DISTINCT_MAX) {
            e = ERR_LIMIT;
            break;
        }
        struct span name = span_head(span_skip(key, 1), key.len - 2);
        if (span_find(name, '\\') >= 0) {
            if (text.len == 0) buf_room(&text, object.len + 8);
            size_t from = text.len;
            json_unquote(&text, key);
            name = span_from(text.ptr + from, text.len - from);
        }
        for (size_t i = 0; i < count; i++)
            if (span_same(names[i], name)) e = ERR_DUPLICATE;
        names[count++] = name;
    }
    buf_fini(&text);
    return e;
}
