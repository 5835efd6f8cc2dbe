/* require - what a field of a payload must be: there or not, a type, bounds, one of some values, free of banned words.
 *
 * Lengths of strings are UTF-16 units, as JavaScript counts; an integer is what
 * Number.isInteger says. A field that is optional may be missing or null. Present is what is
 * there and neither null nor an empty text; absent is all else. Pure. */
#ifndef CAUSEWAY_REQUIRE_H
#define CAUSEWAY_REQUIRE_H

#include "one_of.h"
#include "problem.h"
#include "template.h"
#include "words.h"

struct require {                /* require_fini */
    unsigned path;              /* of template_compile_field */
    unsigned types;             /* bits; 0: any */
    bool     optional, present, absent, clean, has_min, has_max;
    double   min, max;
    struct one_of in;
    const struct words *words;  /* with clean */
    const char *wrong;          /* what the sender is told: "must be a string" */
    char    *too_small, *too_large, *own_wrong;
};

/* 'n' is "string", [object, array], present, absent, or {type, min, max, in, clean, optional}; the path is set by the caller.
 * 'words' may be NULL: then nothing can be clean. False: errors were written. */
bool require_compile(struct require *r, struct template_compiler *c, const struct node *n, const struct words *words);
void require_fini(struct require *r);

/* PROBLEM_NONE, or what is wrong, and *text says it: "must be a string", "must have at most 1000 characters". It lives as long as 'r'. */
enum problem require_check(const struct require *r, struct span value, const char **text);

#endif
