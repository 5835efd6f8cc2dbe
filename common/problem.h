/* problem - what is wrong with an event: problem.def's rows as an enum and a table. */
#ifndef CAUSEWAY_PROBLEM_H
#define CAUSEWAY_PROBLEM_H

#include "err.h"
#include "span.h"

enum problem {
    PROBLEM_NONE,
#define PROBLEM(NAME, name, err, text) PROBLEM_##NAME,
#include "problem.def"
#undef PROBLEM
    PROBLEM_COUNT
};

const char *problem_name(enum problem p);   /* "missing" */
const char *problem_text(enum problem p);   /* "is missing" */
enum err    problem_err(enum problem p);    /* what it is counted as; OK of PROBLEM_NONE */
bool        problem_find(enum problem *p, struct span name);

#endif
