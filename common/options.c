#include "options.h"

enum wants { WANTS_NOTHING, WANTS_TEXT, WANTS_NUMBER, WANTS_LEVEL };

static const struct option {
    const char *name, *argument, *help;
    enum wants  wants;
    size_t      offset;
} table[] = {
    { "config",    "FILE", "the topology file", WANTS_TEXT, offsetof(struct options, config) },
    { "state",     "DIR",  "state directory, in place of the topology's", WANTS_TEXT, offsetof(struct options, state) },
    { "number",    "N",    "which instance of its role this is (0)", WANTS_NUMBER, offsetof(struct options, number) },
    { "ready-fd",  "N",    "write a line to this descriptor once it serves", WANTS_NUMBER, offsetof(struct options, ready_fd) },
    { "log-level", "L",    "debug, info, warn or error", WANTS_LEVEL, offsetof(struct options, log_level) },
    { "help",      NULL,   "this text", WANTS_NOTHING, offsetof(struct options, help) },
    { "version",   NULL,   "the version", WANTS_NOTHING, offsetof(struct options, version) },
};
enum { TABLE_COUNT = sizeof table / sizeof table[0] };

static const struct option *option_find(struct span name)
{
    for (size_t i = 0; i < TABLE_COUNT; i++)
        if (span_same(name, span_of(table[i].name))) return &table[i];
    return NULL;
}

static bool option_set(struct options *o, const struct option *option, const char *value, struct buf *error)
{
    void *at = (char *)o + option->offset;
    uint64_t n = 0;
    switch (option->wants) {
    case WANTS_NOTHING:
        *(bool *)at = true;
        return true;
    case WANTS_TEXT:
        if (*value) return *(const char **)at = value, true;
        break;
    case WANTS_LEVEL:
        if (log_level_of(span_of(value), &o->log_level)) return o->has_log_level = true;
        break;
    case WANTS_NUMBER:
        if (!span_to_uint(span_of(value), option->offset == offsetof(struct options, number) ? 1023 : 65535, &n)) break;
        if (option->offset == offsetof(struct options, number)) o->number = (uint16_t)n;
        else o->ready_fd = (int)n;
        return true;
    }
    buf_add_format(error, "--%s: '%s' is not a %s", option->name, value,
                   option->wants == WANTS_NUMBER ? "number that it takes" : option->wants == WANTS_LEVEL ? "log level" : "path");
    return false;
}

bool options_parse(struct options *o, int argc, char *const *argv, struct buf *error)
{
    *o = (struct options){ .ready_fd = -1, .log_level = LOG_INFO };
    for (int i = 1; i < argc; i++) {
        struct span name = span_of(argv[i]);
        if (!span_eat_prefix(&name, SPAN("--"))) return buf_add_format(error, "what is '%s'?", argv[i]), false;
        ptrdiff_t equals = span_find(name, '=');
        const char *value = equals >= 0 ? name.ptr + equals + 1 : NULL;
        if (equals >= 0) name.len = (size_t)equals;
        const struct option *option = option_find(name);
        if (!option) return buf_add_format(error, "no option '%s'", argv[i]), false;
        bool takes = option->wants != WANTS_NOTHING;
        if (takes && !value && i + 1 < argc) value = argv[++i];
        if (takes != (value != NULL))
            return buf_add_format(error, "--%s takes %s", option->name, takes ? "a value" : "no value"), false;
        if (!option_set(o, option, value, error)) return false;
    }
    if (!o->config && !o->help && !o->version) return buf_add_literal(error, "--config FILE is missing"), false;
    return true;
}

void options_usage(struct buf *out, const char *program)
{
    buf_add_format(out, "usage: %s --config FILE [--number N] [...]\n", program);
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        char head[32] = "";
        struct buf name = { 0 };
        buf_add_format(&name, "--%s %s", table[i].name, table[i].argument ? table[i].argument : "");
        memcpy(head, name.ptr, name.len < sizeof head ? name.len : sizeof head - 1);
        buf_add_format(out, "  %-18s %s\n", head, table[i].help);
        buf_fini(&name);
    }
}
