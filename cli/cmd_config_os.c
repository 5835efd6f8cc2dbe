/* config check, show, explain: the topology file without starting anything. config doc, verbs, wire, workers: the tables of docs/. */
#include "command.h"
#include "explain.h"
#include "msg.h"
#include "namespace.h"
#include "place_os.h"
#include "verbs.h"
#include "work_frame.h"

#include <stdio.h>

static const struct flag flags[] = { PLACE_FLAGS, { 0 } };
static const struct flag explain_flags[] = { PLACE_FLAGS, { "namespace", "NAME", "in this one alone, not in all that have a rule for it" }, { 0 } };
static const struct flag verbs_flags[] = { { "json", NULL, "the verbs, their fields and types, for programs" }, { 0 } };
static const struct flag no_flags[] = { { 0 } };

static void print(struct buf *text)
{
    fwrite(text->ptr, 1, text->len, stdout);
    buf_fini(text);
}

static int run_check(const struct command *self, const struct arguments *a)
{
    struct place p;
    (void)self;
    if (!place_open(&p, a, a->words ? a->word[0] : NULL, false)) return COMMAND_USAGE;
    int code = place_check(&p) ? COMMAND_OK : COMMAND_USAGE;
    if (code == COMMAND_OK) printf("%s: good\n", p.topology);
    place_close(&p);
    return code;
}

static int run_show(const struct command *self, const struct arguments *a)
{
    struct place p;
    struct buf yaml = { 0 };
    (void)self;
    if (!place_open(&p, a, a->words ? a->word[0] : NULL, false)) return COMMAND_USAGE;
    config_print(&yaml, &p.config);
    print(&yaml);
    place_close(&p);
    return COMMAND_OK;
}

/* In one namespace, or in each that has a rule for it. */
static bool explain_all(const struct config *c, size_t only, struct span event, struct buf *out)
{
    bool any = false;
    for (size_t i = 0; i < c->namespace_count; i++) {
        struct buf one = { 0 };
        bool known = (only == c->namespace_count || i == only) && explain_event(&one, &c->namespaces[i], event);
        if (known && any) buf_add_byte(out, '\n');
        if (known || i == only) buf_add(out, buf_span(&one));
        any |= known;
        buf_fini(&one);
    }
    if (!any && only == c->namespace_count) buf_add_format(out, "no namespace has a rule for '%.*s'\n", (int)event.len, event.ptr);
    return any;
}

static int run_explain(const struct command *self, const struct arguments *a)
{
    struct place p;
    struct buf text = { 0 };
    const char *name = arguments_flag(a, "namespace");
    if (!place_open(&p, a, a->words > 1 ? a->word[1] : NULL, false)) return COMMAND_USAGE;
    size_t only = name ? namespace_find(&p.config, span_of(name)) : p.config.namespace_count;
    int code = COMMAND_USAGE;
    if (name && only == p.config.namespace_count) code = command_misused(self, "there is no namespace '%s'", name);
    else if (place_check(&p)) code = explain_all(&p.config, only, span_of(a->word[0]), &text) ? COMMAND_OK : COMMAND_NO;
    print(&text);
    place_close(&p);
    return code;
}

static int run_doc(const struct command *self, const struct arguments *a)
{
    static const struct { const char *name; void (*document)(struct buf *out); } tables[] = {
        { "config doc", config_document }, { "config verbs", verbs_document }, { "config wire", msg_document }, { "config workers", work_frame_document } };
    struct buf markdown = { 0 };
    size_t i = 0;
    while (strcmp(tables[i].name, self->name) != 0) i++;
    if (arguments_flag(a, "json")) verbs_print(&markdown);
    else tables[i].document(&markdown);
    print(&markdown);
    return COMMAND_OK;
}

const struct command command_config_check = { .name = "config check", .words = "[TOPOLOGY]", .help = "all that is wrong with a topology file", .flags = flags, .most = 1, .run = run_check };
const struct command command_config_show = { .name = "config show", .words = "[TOPOLOGY]", .help = "every value as it stands, defaults included", .flags = flags, .most = 1, .run = run_show };
const struct command command_config_explain = { .name = "config explain", .words = "EVENT [TOPOLOGY]", .help = "what an event will do, in plain words; connect, online and offline too", .flags = explain_flags, .least = 1, .most = 2, .run = run_explain };
const struct command command_config_doc = { .name = "config doc", .words = "", .help = "every key and its default, as docs/TOPOLOGY.md", .flags = no_flags, .run = run_doc };
const struct command command_config_verbs = { .name = "config verbs", .words = "", .help = "what outsiders may ask, as in docs/ZMQ-API.md", .flags = verbs_flags, .run = run_doc };
const struct command command_config_wire = { .name = "config wire", .words = "", .help = "every message between daemons, as in docs/WIRE.md", .flags = no_flags, .run = run_doc };
const struct command command_config_workers = { .name = "config workers", .words = "", .help = "what workers and routers say to each other, as in docs/WORKERS.md", .flags = no_flags, .run = run_doc };
