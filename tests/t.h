/* t - the unit tests' frame. A test is TEST(name) { ... }; it registers itself.
 *
 *   CHECK(cond)            the condition holds
 *   SAME(span, "text")     the bytes are these
 *   EQUAL(a, b)            two integers
 *   EACH(r, rows)          r walks a static array of rows; a failure names r->name
 *   FAIL("format", ...)    this test failed; go on to the next one
 *
 * All tests are linked with the core and with no library. 't [PREFIX]' runs those
 * whose name begins so. The last line is 'N passed, N failed'. */
#ifndef CAUSEWAY_T_H
#define CAUSEWAY_T_H

#include "err.h"
#include "span.h"

#include <setjmp.h>

typedef void t_function(void);
void t_register(const char *name, t_function *run);
_Noreturn void t_fail(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
void t_same(const char *file, int line, struct span got, struct span want);
extern const char *t_row;   /* the row under test, for the message */

#define TEST(name) \
    static void name(void); \
    __attribute__((constructor)) static void t_register_##name(void) { t_register(#name, name); } \
    static void name(void)
#define FAIL(...) t_fail(__FILE__, __LINE__, __VA_ARGS__)
#define CHECK(cond) ((cond) ? (void)0 : FAIL("%s", #cond))
#define SAME(got, want) t_same(__FILE__, __LINE__, (got), span_of(want))
#define SAME_SPAN(got, want) t_same(__FILE__, __LINE__, (got), (want))
#define EQUAL(got, want) do { long long t_g = (long long)(got), t_w = (long long)(want); \
    if (t_g != t_w) FAIL("%s is %lld, want %lld", #got, t_g, t_w); } while (0)
#define EQUAL_ERR(got, want) do { enum err t_g = (got), t_w = (want); \
    if (t_g != t_w) FAIL("%s: got %s, want %s", #got, err_name(t_g), err_name(t_w)); } while (0)
#define EACH(r, rows) \
    for ((r) = (rows); (r) < (rows) + sizeof (rows) / sizeof (rows)[0] && (t_row = (r)->name, 1); (r)++)

/* The same bytes in an exact-size heap block, so that ASan sees one byte too far. */
struct span t_exact(struct span s);

#endif
