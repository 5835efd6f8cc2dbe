#include "require.h"
#include "json.h"

#include <stdio.h>
#include <stdlib.h>

enum { NUMBER_TEXT_MAX = 63 };

static const struct type {
    const char *name;
    uint8_t     json;           /* enum json_type; JSON_NONE: any */
    const char *problem;
    const char *small, *large;  /* of bounds; NULL: it has none */
} types[] = {
    [REQUIRE_ANY]     = { "any",     JSON_NONE,   "", NULL, NULL },
    [REQUIRE_STRING]  = { "string",  JSON_STRING, "must be a string", "must have at least %s characters", "must have at most %s characters" },
    [REQUIRE_NUMBER]  = { "number",  JSON_NUMBER, "must be a number", "must be at least %s", "must be at most %s" },
    [REQUIRE_INTEGER] = { "integer", JSON_NUMBER, "must be an integer", "must be at least %s", "must be at most %s" },
    [REQUIRE_BOOLEAN] = { "boolean", JSON_BOOL,   "must be true or false", NULL, NULL },
    [REQUIRE_OBJECT]  = { "object",  JSON_OBJECT, "must be an object", NULL, NULL },
    [REQUIRE_ARRAY]   = { "array",   JSON_ARRAY,  "must be a list", "must have at least %s elements", "must have at most %s elements" },
};
enum { TYPES = sizeof types / sizeof types[0] };

/* ---- at load */

#define COMPLAIN(c, n, ...) (node_error((c)->errors, (n), (c)->where, __VA_ARGS__), false)

static bool compile_type(struct require *r, struct template_compiler *c, const struct node *n)
{
    for (unsigned t = 0; n->kind == NODE_STRING && t < TYPES; t++) {
        if (strcmp(n->text, types[t].name) != 0) continue;
        r->type = (enum require_type)t;
        return true;
    }
    return COMPLAIN(c, n, "'%s' is no type: it is one of any, string, number, integer, boolean, object, array", n->text ? n->text : "");
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

/* Bounds mean what the type says; so they are looked at when all keys are known. */
static bool compile_problems(struct require *r, struct template_compiler *c, const struct node *map, const char *min, const char *max)
{
    const struct type *type = &types[r->type];
    if (!r->has_min && !r->has_max) return true;
    if (!type->small) return COMPLAIN(c, map, "type %s has no min and max", type->name);
    if (r->has_min && r->has_max && r->min > r->max) return COMPLAIN(c, map, "min is larger than max");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    if (r->has_min) (void)snprintf(r->too_small, sizeof r->too_small, type->small, min);
    if (r->has_max) (void)snprintf(r->too_large, sizeof r->too_large, type->large, max);
#pragma GCC diagnostic pop
    return true;
}

bool require_compile(struct require *r, struct template_compiler *c, const struct node *n, struct span field)
{
    *r = (struct require){ .type = REQUIRE_ANY };
    if (!template_compile_field(&r->path, c, n, field)) return false;
    if (n->kind == NODE_STRING) return compile_type(r, c, n);
    if (n->kind != NODE_MAP) return COMPLAIN(c, n, "must be a type, or {type, min, max, optional}");
    bool good = true, typed = false;
    const char *min = "", *max = "";
    for (size_t i = 0; i < n->count; i++) {
        const struct node *m = n->child[i];
        if (strcmp(m->key, "type") == 0) typed = true, good &= compile_type(r, c, m);
        else if (strcmp(m->key, "optional") == 0) good &= compile_flag(&r->optional, c, m);
        else if (strcmp(m->key, "min") == 0) good &= compile_bound(&r->has_min, &r->min, c, m), min = m->text;
        else if (strcmp(m->key, "max") == 0) good &= compile_bound(&r->has_max, &r->max, c, m), max = m->text;
        else good = COMPLAIN(c, m, "unknown key '%s': known are type, min, max, optional", m->key);
    }
    if (!typed) return COMPLAIN(c, n, "type is missing");
    return good && compile_problems(r, c, n, min, max);
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
    if (r->type == REQUIRE_ARRAY) return elements(value);
    if (r->type != REQUIRE_STRING) return number;
    double bytes = (double)(value.len - 2);
    if (!r->has_min && bytes <= r->max) return bytes;
    return (double)json_utf16_length(value);
}

static enum err failed(enum err e, struct span *problem, const char *text)
{
    *problem = span_of(text);
    return e;
}

enum err require_check(const struct require *r, struct span value, struct span *problem)
{
    const struct type *type = &types[r->type];
    enum json_type is = json_type_of(value);
    double number = 0;
    if (r->optional && (is == JSON_NONE || is == JSON_NULL)) return OK;
    if (is == JSON_NONE) return failed(ERR_MISSING, problem, "is missing");
    if (type->json == JSON_NONE) return OK;
    if (is != (enum json_type)type->json) return failed(ERR_TYPE, problem, type->problem);
    if (is == JSON_NUMBER && !number_of(value, &number)) return failed(ERR_TYPE, problem, type->problem);
    if (r->type == REQUIRE_INTEGER && !is_integer(number)) return failed(ERR_TYPE, problem, type->problem);
    if (!r->has_min && !r->has_max) return OK;
    double size = size_of(r, value, number);
    if (r->has_min && size < r->min) return failed(ERR_RANGE, problem, r->too_small);
    if (r->has_max && size > r->max) return failed(ERR_LIMIT, problem, r->too_large);
    return OK;
}
