#include "options.h"
#include "t.h"

#include <stdlib.h>

static const struct row {
    const char *name, *argv[8], *error;
    uint16_t number;
    int ready_fd;
} rows[] = {
    { "all, apart",   { "--config", "a.yaml", "--number", "7", "--ready-fd", "3" }, NULL, 7, 3 },
    { "all, joined",  { "--config=a.yaml", "--number=7", "--ready-fd=3", "--log-level=debug" }, NULL, 7, 3 },
    { "the least",    { "--config", "a.yaml" }, NULL, 0, -1 },
    { "help alone",   { "--help" }, NULL, 0, -1 },
    { "no config",    { "--number", "1" }, "--config FILE is missing", 0, 0 },
    { "unknown",      { "--confg", "a" }, "no option '--confg'", 0, 0 },
    { "not a dash",   { "a.yaml" }, "what is 'a.yaml'?", 0, 0 },
    { "no value",     { "--config" }, "--config takes a value", 0, 0 },
    { "empty value",  { "--config=" }, "--config: '' is not a path", 0, 0 },
    { "a value too many", { "--help=1" }, "--help takes no value", 0, 0 },
    { "number is none",   { "--number", "x" }, "--number: 'x' is not a number that it takes", 0, 0 },
    { "number too large", { "--number", "1024" }, "--number: '1024' is not a number that it takes", 0, 0 },
    { "level is none",    { "--log-level", "loud" }, "--log-level: 'loud' is not a log level", 0, 0 },
};

TEST(options_parse_every_row)
{
    const struct row *r;
    EACH(r, rows) {
        char *argv[10] = { strdup("causeway-test") };
        int argc = 1;
        for (; argc < 9 && r->argv[argc - 1]; argc++) argv[argc] = strdup(r->argv[argc - 1]);
        struct options o;
        struct buf error = { 0 };
        bool good = options_parse(&o, argc, argv, &error);
        EQUAL(good, r->error == NULL);
        if (r->error) SAME(buf_span(&error), r->error);
        if (good) EQUAL(o.number, r->number);
        if (good) EQUAL(o.ready_fd, r->ready_fd);
        if (good && o.config) SAME(span_of(o.config), "a.yaml");
        buf_fini(&error);
        while (argc > 0) free(argv[--argc]);
    }
}

TEST(options_usage_names_every_option)
{
    struct buf out = { 0 };
    options_usage(&out, "causeway-router");
    CHECK(memmem(out.ptr, out.len, "  --ready-fd N       write", 26));
    CHECK(memmem(out.ptr, out.len, "  --help ", 9));
    buf_fini(&out);
}
