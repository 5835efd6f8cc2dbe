#include "t.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_TESTS = 2000, MAX_EXACT = 65536 };
static struct { const char *name; t_function *run; } tests[MAX_TESTS];
static int count;
static void *exact[MAX_EXACT];
static int exacts;
static jmp_buf out;
const char *t_row;

void t_register(const char *name, t_function *run)
{
    if (count == MAX_TESTS) abort();
    tests[count].name = name;
    tests[count++].run = run;
}

void t_fail(const char *file, int line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("%s:%d: ", file, line);
    if (t_row) printf("[%s] ", t_row);
    vprintf(format, args);
    printf("\n");
    va_end(args);
    longjmp(out, 1);
}

void t_same(const char *file, int line, struct span got, struct span want)
{
    if (!span_same(got, want))
        t_fail(file, line, "got  %zu bytes '%.*s'\n    want %zu bytes '%.*s'",
               got.len, (int)got.len, got.ptr, want.len, (int)want.len, want.ptr);
}

struct span t_exact(struct span s)
{
    if (exacts == MAX_EXACT) {
        while (exacts) free(exact[--exacts]);       /* a test keeps at most the last few alive */
    }
    char *copy = malloc(s.len ? s.len : 1);
    if (!copy) abort();
    memcpy(copy, s.ptr, s.len);
    exact[exacts++] = copy;
    return (struct span){ copy, s.len };
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int main(int argc, char **argv)
{
    const char *prefix = argc > 1 ? argv[1] : "";
    static int passed, failed;
    setvbuf(stdout, NULL, _IOLBF, 0);
    qsort(tests, (size_t)count, sizeof tests[0], by_name);
    static int at;                              /* static: it outlives a longjmp */
    for (at = 0; at < count; at++) {
        if (strncmp(tests[at].name, prefix, strlen(prefix)) != 0) continue;
        t_row = NULL;
        if (setjmp(out) == 0) tests[at].run(), passed++;
        else printf("FAILED %s\n", tests[at].name), failed++;
        while (exacts) free(exact[--exacts]);
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed ? 1 : 0;
}
