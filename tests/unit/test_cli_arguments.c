#include "arguments.h"
#include "t.h"

#include <stdio.h>

static const struct flag flags[] = { { "state", "DIR", "" }, { "json", NULL, "" }, { "follow", NULL, "" }, { "sort", "BY", "" }, { 0 } };

/* One line: the words, then the flags. */
static void print(struct buf *out, const struct arguments *a)
{
    for (size_t i = 0; i < a->words; i++) buf_add_format(out, "<%s>", a->word[i]);
    for (size_t i = 0; i < a->flags; i++) buf_add_format(out, " %s=%s", a->flag[i].name, a->flag[i].value);
}

TEST(cli_arguments_decode_every_row)
{
    static const struct row { const char *name, *in, *want; } rows[] = {
        { "nothing",             "", "" },
        { "words",               "a|-", "<a><->" },
        { "a flag",              "--json|x", "<x> json=" },
        { "a value behind it",   "--state|d", " state=d" },
        { "a value in it",       "--state=d=e", " state=d=e" },
        { "an empty value",      "--state=", " state=" },
        { "short",               "-f|-j", " follow= json=" },
        { "the end of flags",    "--|--json", "<--json>" },
        { "short, ambiguous",    "-s|d", NULL },
        { "unknown",             "--jso", NULL },
        { "no value left",       "--state", NULL },
        { "a value too much",    "--json=1", NULL },
    };
    const struct row *r;
    EACH(r, rows) {
        struct arguments a;
        struct buf error = { 0 }, text = { 0 };
        char words[64], *argv[8];
        int n = 0;
        snprintf(words, sizeof words, "%s", r->in);
        for (char *word = words, *bar; *r->in && word; word = bar) {
            if ((bar = strchr(word, '|'))) *bar++ = '\0';
            argv[n++] = word;
        }
        bool good = arguments_parse(&a, flags, n, argv, &error);
        if (good) print(&text, &a);
        EQUAL(good, r->want != NULL);
        if (good) SAME(buf_span(&text), r->want);
        CHECK(good == (error.len == 0));
        buf_fini(&error), buf_fini(&text);
    }
}

TEST(cli_arguments_last_flag_wins)
{
    char one[] = "--state=a", two[] = "--state=b";
    char *in[] = { one, two };
    struct arguments a;
    struct buf error = { 0 };
    CHECK(arguments_parse(&a, flags, 2, in, &error));
    SAME(span_of(arguments_flag(&a, "state")), "b");
    CHECK(arguments_flag(&a, "json") == NULL);
}

TEST(cli_arguments_times)
{
    static const struct row { const char *name; bool good; uint64_t want; } rows[] = {
        { "90", true, 90 }, { "90s", true, 90 }, { "15m", true, 900 }, { "1h", true, 3600 }, { "7d", true, 604800 }, { "0", true, 0 },
        { "", false, 0 }, { "h", false, 0 }, { "1y", false, 0 }, { "1hh", false, 0 }, { "-1", false, 0 }, { "99999999999", false, 0 },
    };
    const struct row *r;
    EACH(r, rows) {
        uint64_t n = 0;
        EQUAL(arguments_seconds(span_of(r->name), &n), r->good);
        if (r->good) EQUAL(n, r->want);
    }
}
