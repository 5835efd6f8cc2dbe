#include "problem.h"

static const struct { const char *name, *text; enum err err; } rows[PROBLEM_COUNT] = {
    [PROBLEM_NONE] = { "", "", OK },
#define PROBLEM(NAME, name, err, text) [PROBLEM_##NAME] = { name, text, err },
#include "problem.def"
#undef PROBLEM
};

const char *problem_name(enum problem p) { return rows[p].name; }
const char *problem_text(enum problem p) { return rows[p].text; }
enum err    problem_err(enum problem p)  { return rows[p].err; }

bool problem_find(enum problem *p, struct span name)
{
    for (*p = PROBLEM_NONE + 1; *p < PROBLEM_COUNT; (*p)++)
        if (span_same(span_of(rows[*p].name), name)) return true;
    return false;
}
