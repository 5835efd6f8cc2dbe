/* require - what a field of a payload must be: a type, bounds, or absent.
 *
 * Lengths of strings are UTF-16 units, as JavaScript counts; an integer is what
 * Number.isInteger says. A field that is optional may be missing or null. Pure. */
#ifndef CAUSEWAY_REQUIRE_H
#define CAUSEWAY_REQUIRE_H

#include "template.h"

enum require_type { REQUIRE_ANY, REQUIRE_STRING, REQUIRE_NUMBER, REQUIRE_INTEGER, REQUIRE_BOOLEAN, REQUIRE_OBJECT, REQUIRE_ARRAY };

struct require {
    unsigned path;              /* of template_compile_field */
    enum require_type type;
    bool     optional, has_min, has_max;
    double   min, max;
    char     too_small[64], too_large[64];      /* what the sender is told */
};

/* 'n' is "string", or {type, min, max, optional}. False: errors were written. */
bool require_compile(struct require *r, struct template_compiler *c, const struct node *n, struct span field);

/* ERR_MISSING, ERR_TYPE, ERR_LIMIT (too long or large), ERR_RANGE (too short or small); *problem then
 * says it: "must be a string", "must have at most 1000 characters". It lives as long as 'r'. */
enum err require_check(const struct require *r, struct span value, struct span *problem);

#endif
