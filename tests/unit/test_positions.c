#include "positions.h"
#include "t.h"

static const struct row { const char *name, *text; enum err err; uint16_t router; uint64_t epoch, seq; } rows[] = {
    { "nothing known",      ".",                        OK, 0, 0, 0 },
    { "nothing said",       "",                         ERR_SYNTAX, 0, 0, 0 },
    { "two dots",           "..",                       ERR_SYNTAX, 0, 0, 0 },
    { "one",                "ABk.B",                    OK, 0, 100, 1 },
    { "zero is a digit",    "ABk.A",                    OK, 0, 100, 0 },
    { "two",                "ABk.BcA.CBl.F",            OK, 0, 100, 5888 },
    { "the second of two",  "ABk.BcA.CBl.F",            OK, 2, 101, 5 },
    { "the last router",    "_B.B",                     OK, 63, 1, 1 },
    { "the largest numbers", "AP__________.P__________", OK, 0, UINT64_MAX, UINT64_MAX },
    { "beyond them",        "AQAAAAAAAAAA.B",           ERR_RANGE, 0, 0, 0 },
    { "much beyond them",   "ABAAAAAAAAAAAAAAA.B",      ERR_RANGE, 0, 0, 0 },
    { "epoch zero",         "AA.B",                     ERR_RANGE, 0, 0, 0 },
    { "a leading zero",     "AAB.B",                    ERR_SYNTAX, 0, 0, 0 },
    { "and in the seq",     "AB.AB",                    ERR_SYNTAX, 0, 0, 0 },
    { "no seq",             "AB",                       ERR_SYNTAX, 0, 0, 0 },
    { "no seq behind a dot", "AB.",                     ERR_SYNTAX, 0, 0, 0 },
    { "no epoch",           "A.B",                      ERR_SYNTAX, 0, 0, 0 },
    { "a dot at the end",   "AB.B.",                    ERR_SYNTAX, 0, 0, 0 },
    { "a dot at the front", ".AB.B",                    ERR_SYNTAX, 0, 0, 0 },
    { "twice the same",     "AB.B.AB.B",                ERR_SYNTAX, 0, 0, 0 },
    { "descending",         "BB.B.AB.B",                ERR_SYNTAX, 0, 0, 0 },
    { "a foreign character", "AB.B B",                  ERR_SYNTAX, 0, 0, 0 },
    { "standard base64",    "AB.B+",                    ERR_SYNTAX, 0, 0, 0 },
    { "a high byte",        "AB.\xc3\xa9",              ERR_SYNTAX, 0, 0, 0 },
};

TEST(positions_decode_every_row)
{
    const struct row *r;
    EACH(r, rows) {
        struct positions p;
        EQUAL_ERR(positions_decode(&p, t_exact(span_of(r->text))), r->err);
        if (r->err != OK) continue;
        EQUAL(p.at[r->router].epoch, r->epoch);
        EQUAL(p.at[r->router].seq, r->seq);
        struct buf text = { 0 };
        positions_encode(&text, &p);
        SAME(buf_span(&text), r->text);
        buf_fini(&text);
    }
}

TEST(positions_survive_every_prefix)
{
    struct span text = SPAN("ABk.BcA.CBl.F._P__________.P__________");
    for (size_t n = 0; n <= text.len; n++) {
        struct positions p;
        (void)positions_decode(&p, t_exact(span_head(text, n)));
    }
}

TEST(positions_of_all_routers_fit)
{
    struct positions p, again;
    struct buf text = { 0 };
    for (size_t i = 0; i < POSITIONS_MAX; i++) p.at[i] = (struct position){ UINT64_MAX - i, UINT64_MAX };
    positions_encode(&text, &p);
    CHECK(text.len <= POSITIONS_TEXT_MAX);
    EQUAL_ERR(positions_decode(&again, buf_span(&text)), OK);
    CHECK(memcmp(&p, &again, sizeof p) == 0);
    buf_add_literal(&text, ".AB.B");
    EQUAL_ERR(positions_decode(&again, buf_span(&text)), ERR_LIMIT);
    buf_fini(&text);
}
