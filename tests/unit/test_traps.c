/* tests/traps.def says where each fact is tested: is it there? */
#include "buf.h"
#include "t.h"

#include <stdio.h>

enum { TRAPS = 55 };

static const struct trap { unsigned number; const char *name, *polling, *websocket, *v3, *better; } traps[] = {
#define TRAP(number, what, polling, websocket, v3, better) { number, what, polling, websocket, v3, better },
#include "../traps.def"
#undef TRAP
};

TEST(traps_are_all_there)
{
    EQUAL(sizeof traps / sizeof traps[0], TRAPS);
    const struct trap *r;
    unsigned number = 0;
    EACH(r, traps) {
        EQUAL(r->number, ++number);
        CHECK(*r->polling || *r->websocket || *r->v3);
    }
}

/* "trap 12", "traps 3, 8 and 11", "traps 26 to 30" */
static bool names(struct span line, unsigned trap)
{
    for (; line.len >= 6; line = span_skip(line, 1)) {
        struct span rest = line;
        if (!span_eat_prefix(&rest, SPAN("trap"))) continue;
        span_eat(&rest, 's');
        bool range = false;
        uint64_t n, last = 0;
        while (span_eat(&rest, ' ') && span_eat_uint(&rest, &n)) {
            if (n == trap || (range && last < trap && trap < n)) return true;
            last = n;
            range = false;
            if (span_eat(&rest, ',')) continue;
            range = span_eat_prefix(&rest, SPAN(" to"));
            if (!range) span_eat_prefix(&rest, SPAN(" and"));
        }
    }
    return false;
}

static bool tests(struct span text, unsigned trap, bool transcript)
{
    while (text.len) {
        struct span line = span_cut(&text, '\n');
        if ((!transcript || span_has_prefix(line, SPAN("case "))) && names(line, trap)) return true;
    }
    return false;
}

static void look(const struct trap *r, struct span file)
{
    struct buf path = { 0 }, text = { 0 };
    buf_add_format(&path, "tests/%.*s", (int)file.len, file.ptr);
    FILE *f = fopen(buf_text(&path), "r");
    if (!f) FAIL("trap %u: there is no tests/%.*s", r->number, (int)file.len, file.ptr);
    for (size_t n; (n = fread(buf_room(&text, 65536), 1, 65536, f)) > 0; ) buf_grew(&text, n);
    fclose(f);
    bool found = tests(buf_span(&text), r->number, span_has_prefix(span_skip(file, file.len - 4), SPAN(".txt")));
    buf_fini(&path), buf_fini(&text);
    if (!found) FAIL("tests/%.*s has no case that names trap %u", (int)file.len, file.ptr, r->number);
}

TEST(traps_are_tested_where_the_table_says)
{
    const struct trap *r;
    EACH(r, traps) {
        const char *columns[] = { r->polling, r->websocket, r->v3 };
        for (size_t i = 0; i < 3; i++)
            for (struct span rest = span_of(columns[i]); rest.len; ) look(r, span_cut(&rest, ' '));
    }
}

TEST(traps_are_known_by_their_numbers)
{
    CHECK(names(SPAN("case x (trap 12)"), 12));
    CHECK(!names(SPAN("case x (trap 12)"), 1));
    CHECK(names(SPAN("(traps 3, 8 and 11)"), 3) && names(SPAN("(traps 3, 8 and 11)"), 8) && names(SPAN("(traps 3, 8 and 11)"), 11));
    CHECK(!names(SPAN("(traps 3, 8 and 11)"), 4));
    CHECK(names(SPAN("traps 26 to 30."), 28) && names(SPAN("traps 26 to 30"), 30) && !names(SPAN("traps 26 to 30"), 31));
    CHECK(names(SPAN("a trap, and trap 7"), 7) && !names(SPAN("trapdoor 7"), 7));
}
