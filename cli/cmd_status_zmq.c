/* status: every daemon, what it carries, and what is wrong. */
#include "command.h"
#include "json.h"
#include "look_zmq.h"

#include <stdio.h>

static const struct flag flags[] = { PLACE_FLAGS, { "json", NULL, "for programs" }, { 0 } };

static int print(const struct overview *o, const struct buf *status, bool json)
{
    struct buf out = { 0 };
    if (json) {
        overview_json(&out, o, buf_span(status));
    } else {
        overview_table(&out, o);
        struct span rest = buf_span(&o->problems);
        while (rest.len) {
            struct span line = span_cut(&rest, '\n');
            buf_add_format(&out, "! %.*s\n", (int)line.len, line.ptr);
        }
    }
    fwrite(out.ptr, 1, out.len, stdout);
    buf_fini(&out);
    return o->all_up ? COMMAND_OK : COMMAND_NO;
}

static int run(const struct command *self, const struct arguments *a)
{
    struct place p;
    struct overview o;
    struct ask *ask = NULL;
    struct samples samples = { 0 };
    struct buf status = { 0 };
    bool json = arguments_flag(a, "json") != NULL;
    int code = COMMAND_NO;
    (void)self;
    if (!place_open(&p, a, NULL, false)) return COMMAND_USAGE;
    if (look(&o, &p, &ask, &samples, &status, p.config.service.stats_ms * 3 + 300)) {
        code = print(&o, &status, json);
        overview_fini(&o);
    } else if (json) {
        printf("{\"ok\":false,\"running\":false,\"daemons\":[],\"problems\":[\"it is not running\"]}\n");
    } else {
        printf("%s is not running in %s\n", p.config.name, p.state);
    }
    ask_destroy(&ask);
    samples_fini(&samples);
    buf_fini(&status);
    place_close(&p);
    return code;
}

const struct command command_status = { .name = "status", .words = "", .help = "every daemon: state, load, rates; exit 0 if all is up", .flags = flags, .run = run };
