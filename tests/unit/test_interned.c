#include "interned.h"
#include "t.h"

TEST(interned_keeps_a_text_once_and_as_long_as_it_is_held)
{
    struct interned in;
    interned_init(&in, &(struct siphash_key){ 1, 2 });
    size_t empty = interned_bytes(&in);
    struct interned_text *a = interned_hold(&in, SPAN("Mozilla/5.0")), *b = interned_hold(&in, t_exact(SPAN("Mozilla/5.0"))), *c = interned_hold(&in, SPAN("curl"));
    CHECK(a == b && a != c);
    SAME(interned_span(a), "Mozilla/5.0");
    CHECK(!interned_hold(&in, SPAN("")));
    SAME(interned_span(NULL), "");
    EQUAL(in.by_text.count, 2);
    interned_drop(&in, &a);
    CHECK(!a);
    SAME(interned_span(b), "Mozilla/5.0");
    interned_drop(&in, &b), interned_drop(&in, &c), interned_drop(&in, &c);
    EQUAL(in.by_text.count, 0);
    EQUAL(in.bytes, 0);
    CHECK(interned_bytes(&in) >= empty);
    interned_fini(&in);
}
