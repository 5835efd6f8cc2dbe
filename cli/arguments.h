/* arguments - a command's words and flags, parsed once. Pure.
 *
 *     static const struct flag flags[] = { { "state", "DIR", "state directory" }, { "json", NULL, "for programs" }, { 0 } };
 *     arguments_parse(&a, flags, argc, argv, &error)
 *     a.word[0], a.words, arguments_flag(&a, "state")          NULL: not given; a flag without argument: ""
 *
 * --name VALUE and --name=VALUE; "--" ends the flags; "-" is a word. A flag that is its first
 * letter's only one may be written short: -f. Texts point into argv. */
#ifndef CAUSEWAY_CLI_ARGUMENTS_H
#define CAUSEWAY_CLI_ARGUMENTS_H

#include "buf.h"

enum { ARGUMENTS_MAX = 64 };

struct flag { const char *name, *argument, *help; };    /* argument NULL: takes none. The last row is empty. */

struct arguments {
    const char *word[ARGUMENTS_MAX];
    size_t      words;
    struct { const char *name, *value; } flag[ARGUMENTS_MAX];   /* as given, in order */
    size_t      flags;
};

/* False: *error says why, in one line. */
bool arguments_parse(struct arguments *a, const struct flag *flags, int argc, char *const *argv, struct buf *error);
const char *arguments_flag(const struct arguments *a, const char *name);    /* the last one given */
void arguments_help(struct buf *out, const struct flag *flags);

/* "90", "90s", "15m", "1h", "7d": seconds. */
bool arguments_seconds(struct span text, uint64_t *seconds);

#endif
