/* one_of - allowed values, as rules list them: role: [admin, mod].
 *
 * Strings are the same by what they mean, numbers by value, and 1 is not "1". Pure. */
#ifndef CAUSEWAY_ONE_OF_H
#define CAUSEWAY_ONE_OF_H

#include "json.h"
#include "node.h"

enum { ONE_OF_MAX = 256 };

struct one_of {                 /* { 0 }: none. Its owner's: one_of_fini */
    struct one_of_value { enum json_type type; double number; char *text; } *at;
    size_t count;
};

/* 'n' is a value or a list of them: strings, numbers, true, false, null. False, and a line in 'errors': it is not. */
bool one_of_compile(struct one_of *o, const struct node *n, const char *where, struct buf *errors);
void one_of_fini(struct one_of *o);

bool one_of_is(const struct one_of *o, struct span value);      /* JSON, checked; empty is nothing of them */
bool one_of_holds(const struct one_of *o, struct span value);   /* the same; of a list: does it hold one of them? */

#endif
