#include "t.h"
#include "buf.h"
#include "fold.h"
#include "words.h"

static const struct row { const char *name, *text; bool found; } rows[] = {
    { "nothing",                 "\"\"", false },
    { "another word",            "\"hello world\"", false },
    { "the word",                "\"spam\"", true },
    { "inside of another",       "\"an antispammer\"", true },
    { "in capitals",             "\"SpAm\"", true },
    { "escaped",                 "\"\\u0073p\\u0061m\"", true },
    { "nearly",                  "\"spa m\"", false },
    { "its end begins another",  "\"spaspam\"", true },
    { "one in the middle of one", "\"he said abuser\"", true },
    { "a phrase",                "\"please Buy  now, buy now\"", true },
    { "not the phrase",          "\"buy  now\"", false },
    { "Chinese",                 "\"\xe8\xbf\x99\xe6\x98\xaf\xe5\x9e\x83\xe5\x9c\xbe\xe8\xaf\x9d\"", true },
    { "half of it",              "\"\xe5\x9e\x83 \xe5\x9c\xbe\"", false },
    { "umlauts in capitals",     "\"\xc3\x9c" "BEL\"", true },
    { "Cyrillic in capitals",    "\"\xd0\xa1\xd0\x9f\xd0\x90\xd0\x9c\"", true },
    { "an emoji by surrogates",  "\"\\ud83d\\ude00\"", true },
    { "a lone surrogate",        "\"\\ud83d\"", false },
    { "the comment is no word",  "\"# not this\"", false },
};

static struct words *banned(void)
{
    struct words *w = words_new(SPAN("\xef\xbb\xbf# not this\n\n  spam \r\nabuse\nspa mail\nbuy now\n\xe5\x9e\x83\xe5\x9c\xbe\n\xc3\xbc" "bel\n"
                                     "\xd1\x81\xd0\xbf\xd0\xb0\xd0\xbc\n\xf0\x9f\x98\x80"));
    CHECK(w);
    return w;
}

TEST(words_are_found_anywhere_and_in_any_case)
{
    struct words *w = banned();
    const struct row *row;
    EQUAL(words_count(w), 8);
    EACH(row, rows)
        if (words_found(w, t_exact(span_of(row->text)), NULL) != row->found) FAIL("%s", row->found ? "not found" : "found");
    words_destroy(&w);
}

TEST(words_may_be_none)
{
    struct words *w = words_new(SPAN("# nothing\n"));
    CHECK(w && !words_found(w, SPAN("\"spam\""), NULL));
    words_destroy(&w);
    CHECK(!words_new(SPAN("\xff\n")));
}

/* The same as looking for each word at each place. */
TEST(words_agree_with_a_plain_search)
{
    static const char letters[] = "ab";
    char word[3][4], text[12];
    for (unsigned seed = 0; seed < 4000; seed++) {
        uint32_t bits = seed * 2654435761u;
        struct buf list = { 0 }, quoted = { 0 };
        bool want = false;
        for (unsigned k = 0; k < 3; k++) {
            unsigned length = 1 + (bits >> (2 * k)) % 3;
            for (unsigned i = 0; i < length; i++) word[k][i] = letters[bits >> (6 + 3 * k + i) & 1];
            word[k][length] = '\0';
            if (length == 1) word[k][0] = 'c';
            buf_add_format(&list, "%s\n", word[k]);
        }
        for (unsigned i = 0; i < 8; i++) text[i] = letters[bits >> (16 + i) & 1];
        text[8] = '\0';
        for (unsigned k = 0; k < 3; k++) want |= strstr(text, word[k]) != NULL;
        buf_add_format(&quoted, "\"%s\"", text);
        struct words *w = words_new(buf_span(&list));
        if (words_found(w, buf_span(&quoted), NULL) != want) FAIL("'%s' among: %s", text, buf_text(&list));
        words_destroy(&w);
        buf_fini(&list), buf_fini(&quoted);
    }
}

/* The time is the text's, not the list's: at most two moves a byte. */
TEST(words_cost_no_more_when_they_are_many)
{
    struct buf list = { 0 }, text = { 0 };
    size_t steps = 0;
    for (unsigned i = 0; i < 10000; i++) buf_add_format(&list, "aaaa%u-banned\n", i * 7919);
    buf_add_byte(&text, '"');
    for (unsigned i = 0; i < 10000; i++) buf_add_literal(&text, "aaaaa9");
    buf_add_byte(&text, '"');
    struct words *w = words_new(buf_span(&list));
    CHECK(!words_found(w, buf_span(&text), &steps));
    if (steps > 2 * text.len) FAIL("%zu moves for %zu bytes", steps, text.len);
    words_destroy(&w);
    buf_fini(&list), buf_fini(&text);
}

TEST(fold_makes_small_letters_of_all_scripts)
{
    static const struct { uint32_t from, to; } points[] = {
        { 'A', 'a' }, { 'z', 'z' }, { '@', '@' }, { '[', '[' }, { 0xc4, 0xe4 }, { 0xd7, 0xd7 }, { 0x100, 0x101 }, { 0x101, 0x101 },
        { 0x391, 0x3b1 }, { 0x3c2, 0x3c3 }, { 0x416, 0x436 }, { 0xff21, 0xff41 }, { 0x10400, 0x10428 }, { 0x4e2d, 0x4e2d }, { 0x10ffff, 0x10ffff },
    };
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) EQUAL(fold_point(points[i].from), points[i].to);
}
