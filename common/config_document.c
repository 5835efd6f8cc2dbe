/* docs/TOPOLOGY.md: how a topology file is read, then every row of the table. */
#include "config_table.h"

static const char intro[] =
    "# The topology file\n"
    "\n"
    "One YAML file describes a whole Causeway: `causeway config check FILE` says what is wrong with it, `causeway config\n"
    "show FILE` every value as it stands. [topology/local.yaml](../topology/local.yaml) is the one to start from. This page\n"
    "is generated from `common/config.def` (`scripts/docs`); do not edit it.\n"
    "\n"
    "- **Errors.** An unknown key, a bad value, a name that leads nowhere, a key said twice: each is told with file, line and\n"
    "  column, all of them at once, and nothing starts. What is allowed but dangerous is a warning.\n"
    "- **Numbers.** Where a key ends in `_bytes`, `64k`, `1M`, `1G` and `64KiB`, `1MiB`, `1GiB` (all of 1024) may be written\n"
    "  beside plain numbers; where it ends in `_ms`, `500ms`, `25s`, `2min`, `1h` beside plain milliseconds; where it ends\n"
    "  in `_s`, `10s` and `2min` beside plain seconds.\n"
    "- **Texts** that YAML would take for something else (`null`, `true`) are quoted. A list of one text may be written as\n"
    "  that text. `yes`, `no`, `on` and `off` are texts: a switch is `true` or `false`.\n"
    "- **Files.** `{state}` in the name of a file is the state directory. Other relative names start at the directory of the\n"
    "  file that says them, those of the environment at the working directory. They must be readable, but for those in the\n"
    "  state directory, which `causeway up` makes.\n"
    "- **`include:`** takes a file's name or a list of them, at the top of a file or of its `listeners:` or `namespaces:`,\n"
    "  and puts what that file says there, map into map. What the including file says itself wins; two included files that\n"
    "  say different things about one key are an error. Names are relative to the including file; at most 8 levels.\n"
    "  At the top, `include: {file: apps/music.yaml, prefix: /music}` (or in a list) puts a whole application below a name: its\n"
    "  namespaces `/` and `/x` become `/music` and `/music/x`, and its listeners get that `prefix`, so that its clients still\n"
    "  call them `/` and `/x`; its users are of the realm `music`, unless it names another. [topology/apps.yaml](../topology/apps.yaml) runs five applications so.\n"
    "- **The environment** sets single values, over the file: `CAUSEWAY_ROUTER_HISTORY_BYTES=128M` is\n"
    "  `router.history_bytes`; one of several maps goes by its name or its number: `CAUSEWAY_LISTENERS_PUBLIC_PORT`,\n"
    "  `CAUSEWAY_LISTENERS_0_PORT`, `CAUSEWAY_AUTH_KEYS_0_FILE`; lists are cut at commas. A `CAUSEWAY_` variable that no key\n"
    "  has is an error, but for `CAUSEWAY_STATE` (the state directory) and `CAUSEWAY_TOPOLOGY` (the file). Rules are not set so.\n"
    "- **Reload.** SIGHUP, `causeway reload` or the verb `reload` has the file read again and checked whole. Namespaces with all\n"
    "  below them and the keys marked \u21BB are taken over without dropping a connection; what else has changed is named and\n"
    "  waits for a restart. With any error everything stays as it was ([ZMQ-API.md](ZMQ-API.md), \"Reload\").\n"
    "- **Secrets** stand in files of their own, never here.\n"
    "- **Limits.** 16 MiB for one file, 64 levels of nesting, 1,000,000 values and 100,000 in one map or list, after all includes and aliases.\n";

static void say_words(struct buf *out, const char *words)
{
    for (struct span rest = span_of(words); rest.len; ) {
        buf_add_byte(out, '`');
        buf_add(out, span_cut(&rest, '|'));
        buf_add(out, rest.len ? SPAN("`, ") : SPAN("`"));
    }
}

static void say_form(struct buf *out, enum config_form form)
{
    for (const char *c = config_form_text(form); *c; c++)
        if (*c == '<') buf_add_literal(out, "&lt;");
        else buf_add_byte(out, *c);
}

static void say_kind(struct buf *out, const struct config_row *r)
{
    static const char *const units[] = { [UNIT_COUNT] = "number", [UNIT_PORT] = "port", [UNIT_BYTES] = "size", [UNIT_MS] = "duration", [UNIT_SECONDS] = "duration" };
    switch (r->kind) {
    case ROW_NUMBER:
        buf_add_format(out, "%s, ", units[r->unit]);
        config_print_number(out, r->unit, r->min);
        buf_add_literal(out, " to ");
        config_print_number(out, r->unit, r->max);
        break;
    case ROW_TEXT:   say_form(out, r->form); break;
    case ROW_CHOICE: say_words(out, r->allowed); break;
    case ROW_BOOL:   buf_add_literal(out, "`true`, `false`"); break;
    case ROW_TEXTS:
        buf_add_literal(out, "list of: ");
        if (r->allowed) say_words(out, r->allowed);
        else say_form(out, r->form);
        break;
    case ROW_RULES:  buf_add(out, span_skip(config_rules_shape(r), 2)); break;
    case ROW_GROUP:  buf_add_literal(out, "map, see below"); break;
    case ROW_LIST:   buf_add_literal(out, "list of maps, see below"); break;
    case ROW_MAP:    buf_add_literal(out, "map by name, see below"); break;
    }
}

static void say_default(struct buf *out, const struct config_row *r)
{
    bool many = r->kind == ROW_RULES || r->kind == ROW_LIST || r->kind == ROW_MAP;
    if (r->kind == ROW_GROUP) buf_add_format(out, "port `%s`", r->fallback);
    else if (many || (r->fallback && !r->fallback[0])) buf_add_literal(out, "none");
    else if (!r->fallback && (r->table == CONFIG_PLANE || r->table == CONFIG_METRICS)) buf_add_literal(out, "each its own");
    else if (!r->fallback) buf_add_literal(out, "**required**");
    else if (r->kind == ROW_TEXTS) buf_add_format(out, "`[%s]`", r->fallback);
    else buf_add_format(out, "`%s`", r->fallback);
}

void config_document(struct buf *markdown)
{
    buf_add(markdown, span_of(intro));
    for (unsigned t = 0; t < CONFIG_TABLE_COUNT; t++) {
        buf_add_format(markdown, "\n## %s\n\n%s\n\n", config_sections[t].heading, config_sections[t].help);
        buf_add_literal(markdown, "| key | what it may be | default | what it does |\n|---|---|---|---|\n");
        for (const struct config_row *r = NULL; (r = config_next_row((enum config_table)t, r)); ) {
            bool marked = config_row_live(r) && r->table != CONFIG_NAMESPACE;
            buf_add_format(markdown, "| `%s` | ", r->key);
            say_kind(markdown, r);
            buf_add_literal(markdown, " | ");
            say_default(markdown, r);
            buf_add_format(markdown, " | %s%s |\n", marked ? "\u21BB " : "", r->help);
        }
    }
}
