#include "arguments.h"

static const struct flag *long_flag(const struct flag *flags, struct span name)
{
    for (const struct flag *f = flags; f->name; f++)
        if (span_same(span_of(f->name), name)) return f;
    return NULL;
}

static const struct flag *short_flag(const struct flag *flags, char letter)
{
    const struct flag *found = NULL;
    for (const struct flag *f = flags; f->name; f++) {
        if (f->name[0] != letter) continue;
        if (found) return NULL;
        found = f;
    }
    return found;
}

static bool take_flag(struct arguments *a, const struct flag *f, const char *value)
{
    if (a->flags == ARGUMENTS_MAX) return false;
    a->flag[a->flags].name = f->name;
    a->flag[a->flags++].value = value ? value : "";
    return true;
}

bool arguments_parse(struct arguments *a, const struct flag *flags, int argc, char *const *argv, struct buf *error)
{
    bool only_words = false;
    *a = (struct arguments){ 0 };
    for (int i = 0; i < argc; i++) {
        struct span text = span_of(argv[i]);
        if (only_words || text.len < 2 || text.ptr[0] != '-') {
            if (a->words == ARGUMENTS_MAX) return buf_add_literal(error, "too many words"), false;
            a->word[a->words++] = argv[i];
            continue;
        }
        if (span_same(text, SPAN("--"))) {
            only_words = true;
            continue;
        }
        const char *value = NULL;
        bool is_long = span_eat_prefix(&text, SPAN("--"));
        struct span name = is_long ? span_cut(&text, '=') : span_skip(text, 1);
        if (is_long && name.ptr[name.len] == '=') value = text.ptr;
        const struct flag *f = is_long ? long_flag(flags, name) : name.len == 1 ? short_flag(flags, name.ptr[0]) : NULL;
        if (!f) return buf_add_format(error, "no option '%s'", argv[i]), false;
        if (f->argument && !value && i + 1 < argc) value = argv[++i];
        if ((f->argument != NULL) != (value != NULL))
            return buf_add_format(error, "--%s takes %s", f->name, f->argument ? f->argument : "no value"), false;
        if (!take_flag(a, f, value)) return buf_add_literal(error, "too many options"), false;
    }
    return true;
}

const char *arguments_flag(const struct arguments *a, const char *name)
{
    for (size_t i = a->flags; i-- > 0;)
        if (strcmp(a->flag[i].name, name) == 0) return a->flag[i].value;
    return NULL;
}

void arguments_help(struct buf *out, const struct flag *flags)
{
    for (const struct flag *f = flags; f->name; f++) {
        struct buf name = { 0 };
        buf_add_format(&name, "--%s%s%s", f->name, f->argument ? " " : "", f->argument ? f->argument : "");
        buf_add_format(out, "  %-20s  %s\n", buf_text(&name), f->help);
        buf_fini(&name);
    }
}

bool arguments_seconds(struct span text, uint64_t *seconds)
{
    static const struct { char letter; uint64_t seconds; } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
    uint64_t n, unit = 1;
    if (!span_eat_uint(&text, &n) || n > UINT32_MAX) return false;
    if (text.len) {
        unit = 0;
        for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
            if (text.len == 1 && text.ptr[0] == units[i].letter) unit = units[i].seconds;
    }
    *seconds = n * unit;
    return unit != 0;
}
