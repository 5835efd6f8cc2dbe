/* command - one thing that 'causeway' can do. commands.def lists them; each has a file of its own. */
#ifndef CAUSEWAY_CLI_COMMAND_H
#define CAUSEWAY_CLI_COMMAND_H

#include "arguments.h"

enum { COMMAND_OK = 0, COMMAND_NO = 1, COMMAND_USAGE = 100, COMMAND_ENVIRONMENT = 111 };

struct command {
    const char *name;           /* "config check": of one or two words */
    const char *words;          /* "ROLE=N..." */
    const char *help;           /* a line */
    const struct flag *flags;
    size_t      least, most;    /* words behind the name */
    int       (*run)(const struct command *self, const struct arguments *a);
    bool        hidden;         /* not for people */
};

#define COMMAND(name) extern const struct command command_##name;
#include "commands.def"
#undef COMMAND

/* "causeway: text" to stderr, and the code. */
int command_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
int command_misused(const struct command *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
