#include "require.h"
#include "json.h"

#include <stdio.h>
#include <stdlib.h>

enum { NUMBER_TEXT_MAX = 63 };
enum type { ANY, STRING, NUMBER, INTEGER, BOOLEAN, OBJECT, ARRAY, TYPES };

static const struct row {
    const char *name;
    enum json_type json;        /* JSON_NONE: any */
    const char *wrong, *noun;
    const char *small, *large;  /* of bounds; NULL: it has none */
} rows[TYPES] = {
    [ANY]     = { "any",     JSON_NONE,   "", "", NULL, NULL },
    [STRING]  = { "string",  JSON_STRING, "must be a string",      "a string",      "must have at least %s characters", "must have at most %s characters" },
    [NUMBER]  = { "number",  JSON_NUMBER, "must be a number",      "a number",      "must be at least %s", "must be at most %s" },
    [INTEGER] = { "integer", JSON_NUMBER, "must be an integer",    "an integer",    "must be at least %s", "must be at most %s" },
    [BOOLEAN] = { "boolean", JSON_BOOL,   "must be true or false", "true or false", NULL, NULL },
    [OBJECT]  = { "object",  JSON_OBJECT, "must be an object",     "an object",     NULL, NULL },
    [ARRAY]   = { "array",   JSON_ARRAY,  "must be a list",        "a list",        "must have at least %s elements", "must have at most %s elements" },
};

/* ---- at load */

#define COMPLAIN(c, n, ...) (node_error((c)->errors, (n), (c)->where, __VA_ARGS__), false)

static bool add_type(struct require *r, struct template_compiler *c, const struct node *n)
{
    for (unsigned t = 0; n->kind == NODE_STRING && t < TYPES; t++) {
        if (strcmp(n->text, rows[t].name) != 0) continue;
        r->types |= t == ANY ? 0 : 1u << t;
        return true;
    }
    return COMPLAIN(c, n, "'%s' is no type: it is one of any, string, number, integer, boolean, object, array", n->text ? n->text : "");
}

static char *text_of(struct buf *b)
{
    (void)buf_text(b);
    return b->ptr;
}

/* "must be an object or a list" */
static char *say_types(unsigned types)
{
    struct buf text = { 0 };
    const char *gap = "must be ";
    for (unsigned t = 0; t < TYPES; t++) {
        if (!(types >> t & 1)) continue;
        buf_add(&text, span_of(gap)), buf_add(&text, span_of(rows[t].noun));
        gap = " or ";
    }
    return text_of(&text);
}

static bool compile_types(struct require *r, struct template_compiler *c, const struct node *n)
{
    bool good = true;
    if (n->kind != NODE_LIST) return add_type(r, c, n);
    for (size_t i = 0; i < n->count; i++) good &= add_type(r, c, n->child[i]);
    return good && (r->types || COMPLAIN(c, n, "a list of types must have some"));
}

static bool one_type(unsigned types, enum type *type)
{
    for (*type = ANY; *type < TYPES; ++*type)
        if (types == 1u << *type) return true;
    *type = ANY;
    return false;
}

static bool compile_flag(bool *flag, struct template_compiler *c, const struct node *n)
{
    if (n->kind != NODE_BOOL) return COMPLAIN(c, n, "must be true or false");
    *flag = n->text[0] == 't' || n->text[0] == 'T';
    return true;
}

static bool compile_bound(bool *has, double *bound, struct template_compiler *c, const struct node *n)
{
    *has = true;
    if (n->kind == NODE_NUMBER && strlen(n->text) <= 24) *bound = strtod(n->text, NULL);
    else return COMPLAIN(c, n, "must be a number");
    return true;
}

static char *print(const char *format, const char *bound)
{
    struct buf text = { 0 };
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    buf_add_format(&text, format, bound);
#pragma GCC diagnostic pop
    return text_of(&text);
}

/* Bounds and clean mean what the type says; so they are looked at when all keys are known. */
static bool compile_texts(struct require *r, struct template_compiler *c, const struct node *map, const char *min, const char *max)
{
    enum type type;
    bool single = one_type(r->types, &type);
    r->wrong = single ? rows[type].wrong : r->types ? (r->own_wrong = say_types(r->types)) : "";
    if (r->clean && type != STRING) return COMPLAIN(c, map, "clean is for strings");
    if (r->clean && !r->words) return COMPLAIN(c, map, "clean needs a list of banned words: the namespace's words_file");
    if (!r->has_min && !r->has_max) return true;
    if (!rows[type].small) return COMPLAIN(c, map, "type %s has no min and max", single || !r->types ? rows[type].name : "of several");
    if (r->has_min && r->has_max && r->min > r->max) return COMPLAIN(c, map, "min is larger than max");
    if (r->has_min) r->too_small = print(rows[type].small, min);
    if (r->has_max) r->too_large = print(rows[type].large, max);
    return true;
}

static bool compile_map(struct require *r, struct template_compiler *c, const struct node *n)
{
    bool good = true, typed = false;
    const char *min = "", *max = "";
    for (size_t i = 0; i < n->count; i++) {
        const struct node *m = n->child[i];
        if (strcmp(m->key, "type") == 0) typed = true, good &= compile_types(r, c, m);
        else if (strcmp(m->key, "optional") == 0) good &= compile_flag(&r->optional, c, m);
        else if (strcmp(m->key, "clean") == 0) good &= compile_flag(&r->clean, c, m);
        else if (strcmp(m->key, "in") == 0) good &= one_of_compile(&r->in, m, c->where, c->errors);
        else if (strcmp(m->key, "min") == 0) good &= compile_bound(&r->has_min, &r->min, c, m), min = m->text;
        else if (strcmp(m->key, "max") == 0) good &= compile_bound(&r->has_max, &r->max, c, m), max = m->text;
        else good = COMPLAIN(c, m, "unknown key '%s': known are type, min, max, in, clean, optional", m->key);
    }
    if (!typed && !r->in.count) return COMPLAIN(c, n, "type is missing");
    return good && compile_texts(r, c, n, min, max);
}

bool require_compile(struct require *r, struct template_compiler *c, const struct node *n, const struct words *words)
{
    *r = (struct require){ .path = r->path, .words = words };
    if (n->kind == NODE_MAP) return compile_map(r, c, n);
    if (n->kind == NODE_STRING && strcmp(n->text, "present") == 0) return r->present = true;
    if (n->kind == NODE_STRING && strcmp(n->text, "absent") == 0) return r->absent = true;
    if (n->kind == NODE_STRING || n->kind == NODE_LIST) return compile_types(r, c, n) && compile_texts(r, c, n, "", "");
    return COMPLAIN(c, n, "must be a type, present, absent, or {type, min, max, in, clean, optional}");
}

void require_fini(struct require *r)
{
    one_of_fini(&r->in);
    free(r->too_small), free(r->too_large), free(r->own_wrong);
    *r = (struct require){ 0 };
}

/* ---- per event */

/* Finite, and not so long that nobody means it. strtod needs an end; the number may stand at the buffer's. */
static bool number_of(struct span value, double *number)
{
    char text[NUMBER_TEXT_MAX + 1];
    if (value.len > NUMBER_TEXT_MAX) return false;
    memcpy(text, value.ptr, value.len);
    text[value.len] = '\0';
    *number = strtod(text, NULL);
    return *number <= 1.7976931348623157e308 && *number >= -1.7976931348623157e308;
}

static bool is_integer(double number)
{
    const double exact = 9007199254740992;      /* 2^53: beyond it there are no fractions */
    if (number >= exact || number <= -exact) return true;
    double back = (double)(int64_t)number;
    return back >= number && back <= number;
}

static double elements(struct span array)
{
    struct span element;
    size_t n = 0;
    while (json_next(&array, &element)) n++;
    return (double)n;
}

/* What min and max bound. A string's bytes are never fewer than its units: most need not be counted. */
static double size_of(const struct require *r, struct span value, double number)
{
    if (r->types == 1u << ARRAY) return elements(value);
    if (r->types != 1u << STRING) return number;
    double bytes = (double)(value.len - 2);
    if (!r->has_min && bytes <= r->max) return bytes;
    return (double)json_utf16_length(value);
}

static bool is_present(struct span value, enum json_type is)
{
    return is != JSON_NONE && is != JSON_NULL && !(is == JSON_STRING && value.len == 2);
}

static bool type_fits(const struct require *r, struct span value, enum json_type is, double *number)
{
    if (is == JSON_NUMBER && !number_of(value, number)) return false;
    for (unsigned t = ANY + 1; t < TYPES; t++)
        if (r->types >> t & 1 && rows[t].json == is && (t != INTEGER || is_integer(*number))) return true;
    return false;
}

static enum problem wrong(enum problem p, const char **text, const char *said)
{
    *text = said;
    return p;
}

static enum problem check_size(const struct require *r, struct span value, double number, const char **text)
{
    double size = size_of(r, value, number);
    if (r->has_min && size < r->min) return wrong(PROBLEM_SHORT, text, r->too_small);
    if (r->has_max && size > r->max) return wrong(PROBLEM_LONG, text, r->too_large);
    return PROBLEM_NONE;
}

enum problem require_check(const struct require *r, struct span value, const char **text)
{
    enum json_type is = json_type_of(value);
    enum problem p = PROBLEM_NONE;
    double number = 0;
    if (r->present || r->absent) {
        if (is_present(value, is) == r->present) return PROBLEM_NONE;
        return r->present ? wrong(PROBLEM_MISSING, text, problem_text(PROBLEM_MISSING)) : wrong(PROBLEM_VALUE, text, "must not be there");
    }
    if (r->optional && (is == JSON_NONE || is == JSON_NULL)) return PROBLEM_NONE;
    if (is == JSON_NONE) return wrong(PROBLEM_MISSING, text, problem_text(PROBLEM_MISSING));
    if (r->types && !type_fits(r, value, is, &number)) return wrong(PROBLEM_TYPE, text, r->wrong);
    if (r->in.count && !one_of_is(&r->in, value)) return wrong(PROBLEM_VALUE, text, problem_text(PROBLEM_VALUE));
    if (r->has_min || r->has_max) p = check_size(r, value, number, text);
    if (!p && r->clean && words_found(r->words, value, NULL)) p = wrong(PROBLEM_BANNED, text, problem_text(PROBLEM_BANNED));
    return p;
}
