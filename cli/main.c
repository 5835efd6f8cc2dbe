/* causeway - the command line: finds the command and runs it. */
#include "command.h"
#include "msg.h"

#include <stdarg.h>
#include <stdio.h>

#define CAUSEWAY_VERSION "0.1"

static const struct command *const table[] = {
#define COMMAND(name) &command_##name,
#include "commands.def"
#undef COMMAND
};
enum { TABLE_COUNT = sizeof table / sizeof table[0] };

/* How many of the words are the command's name; 0: they are another. */
static int named(const struct command *c, int argc, char *const *argv)
{
    struct span name = span_of(c->name);
    int n = 0;
    while (name.len) {
        struct span word = span_cut(&name, ' ');
        if (n == argc || !span_same(word, span_of(argv[n]))) return 0;
        n++;
    }
    return n;
}

static const struct command *find(int argc, char *const *argv, int *words)
{
    for (size_t i = 0; i < TABLE_COUNT; i++)
        if ((*words = named(table[i], argc, argv))) return table[i];
    return NULL;
}

static void print(struct buf *text, FILE *to)
{
    fputs(buf_text(text), to);
    buf_fini(text);
}

static void print_usage(const struct command *c, FILE *to)
{
    struct buf text = { 0 };
    buf_add_format(&text, "usage: causeway %s%s%s%s\n  %s\n", c->name, c->flags[0].name ? " [options]" : "", *c->words ? " " : "", c->words, c->help);
    arguments_help(&text, c->flags);
    print(&text, to);
}

static void print_all(FILE *to)
{
    struct buf text = { 0 };
    buf_add_literal(&text, "usage: causeway COMMAND ...\n\n");
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        if (table[i]->hidden) continue;
        struct buf head = { 0 };
        buf_add_format(&head, "%s %s", table[i]->name, table[i]->words);
        buf_add_format(&text, "  %-32s %s\n", buf_text(&head), table[i]->help);
        buf_fini(&head);
    }
    buf_add_literal(&text, "\ncauseway help COMMAND has the options. Exit codes: 0 good, 1 no, 100 usage or configuration, 111 the system.\n");
    print(&text, to);
}

static int say(const char *format, va_list values)
{
    fputs("causeway: ", stderr);
    int n = vfprintf(stderr, format, values);
    fputc('\n', stderr);
    return n;
}

int command_fail(int code, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    say(format, values);
    va_end(values);
    return code;
}

int command_misused(const struct command *c, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    say(format, values);
    va_end(values);
    print_usage(c, stderr);
    return COMMAND_USAGE;
}

/* ---- the two that are about the others */

static const struct flag no_flags[] = { { 0 } };

static int run_help(const struct command *self, const struct arguments *a)
{
    int words;
    (void)self;
    if (a->words == 0) return print_all(stdout), COMMAND_OK;
    const struct command *c = find((int)a->words, (char *const *)(uintptr_t)a->word, &words);
    if (!c) return command_fail(COMMAND_USAGE, "no command '%s'", a->word[0]);
    return print_usage(c, stdout), COMMAND_OK;
}

static int run_version(const struct command *self, const struct arguments *a)
{
    (void)self, (void)a;
    printf("causeway %s, wire version %d\n", CAUSEWAY_VERSION, MSG_VERSION);
    return COMMAND_OK;
}

const struct command command_help = { .name = "help", .words = "[COMMAND]", .help = "this list, or a command's options", .flags = no_flags, .most = 2, .run = run_help };
const struct command command_version = { .name = "version", .words = "", .help = "which version this is", .flags = no_flags, .run = run_version };

int main(int argc, char **argv)
{
    struct arguments a;
    struct buf error = { 0 };
    int words = 0, code;
    if (argc < 2) return print_all(stderr), COMMAND_USAGE;
    if (span_same(span_of(argv[1]), SPAN("--help")) || span_same(span_of(argv[1]), SPAN("-h"))) return print_all(stdout), COMMAND_OK;
    if (span_same(span_of(argv[1]), SPAN("--version"))) return run_version(NULL, NULL);
    const struct command *c = find(argc - 1, argv + 1, &words);
    if (!c) {
        fprintf(stderr, "causeway: no command '%s'\n", argv[1]);
        return print_all(stderr), COMMAND_USAGE;
    }
    argv += 1 + words, argc -= 1 + words;
    if (argc > 0 && span_same(span_of(argv[0]), SPAN("--help"))) return print_usage(c, stdout), COMMAND_OK;
    if (!arguments_parse(&a, c->flags, argc, argv, &error)) code = command_misused(c, "%s", buf_text(&error));
    else if (a.words < c->least || a.words > c->most) code = command_misused(c, "%s takes %s", c->name, *c->words ? c->words : "no words");
    else code = c->run(c, &a);
    buf_fini(&error);
    return code;
}
