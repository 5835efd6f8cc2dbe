#include "err.h"

#include <stdio.h>
#include <stdlib.h>

static const struct { const char *name, *text; } errs[ERR_COUNT] = {
#define ERR(name, text) [name] = { #name, text },
#include "err.def"
#undef ERR
};

const char *err_name(enum err e)
{
    return (unsigned)e < ERR_COUNT ? errs[e].name : "ERR_?";
}

const char *err_text(enum err e)
{
    return (unsigned)e < ERR_COUNT ? errs[e].text : "unknown error";
}

void err_abort(const char *file, int line, const char *expectation)
{
    fprintf(stderr, "level=fatal msg=\"broken expectation\" at=%s:%d expected=\"%s\"\n", file, line, expectation);
    abort();
}
