#include "placeholder.h"
#include "json.h"

enum key { OTHER, MARK, NUM };      /* what the value to come belongs to */

struct level {
    bool object, marked, number;    /* marked: "_placeholder":true; number: "num" is one of ours */
    uint8_t key;
};

static enum key key_of(struct span key)
{
    if (json_string_is(key, SPAN("_placeholder"))) return MARK;
    return json_string_is(key, SPAN("num")) ? NUM : OTHER;
}

/* The last value of a key counts, as in JavaScript: each one overwrites. */
static void on_value(struct level *at, struct span value, unsigned count)
{
    uint64_t n;
    if (at->key == MARK) at->marked = json_is_true(value);
    if (at->key == NUM) at->number = count > 0 && json_to_uint(value, count - 1, &n);
    at->key = OTHER;
}

enum err placeholder_check(struct span json, unsigned count)
{
    struct level levels[JSON_MAX_DEPTH + 1] = { { .key = OTHER } };     /* [0]: around the value */
    struct level *at = levels;
    unsigned found = 0;
    while (json.len) {
        char c = json.ptr[0];
        if (c == '{' || c == '[') {
            if (at == levels + JSON_MAX_DEPTH) return ERR_DEPTH;
            on_value(at, SPAN(""), count);      /* neither true nor a number */
            *++at = (struct level){ .object = c == '{', .key = OTHER };
            json = span_skip(json, 1);
        } else if (c == '}' || c == ']') {
            if (at->marked && !at->number) return ERR_RANGE;
            if (at->marked && ++found > PLACEHOLDERS_MAX) return ERR_LIMIT;
            if (at > levels) at--;
            json = span_skip(json, 1);
        } else if (c != ',' && c != ':' && (uint8_t)c > ' ') {
            struct span value = json_eat(&json);    /* with the blanks behind it */
            if (at->object && span_starts(json, ':')) at->key = (uint8_t)key_of(value);
            else on_value(at, value, count);
        } else {
            json = span_skip(json, 1);      /* a comma, a colon, a blank */
        }
    }
    return OK;
}
