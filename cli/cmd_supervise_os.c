/* supervise: what 'up' leaves behind. */
#include "command.h"
#include "supervisor_os.h"

static const struct flag flags[] = { PLACE_FLAGS, { "report-fd", "N", "where events of the start go" }, { 0 } };

static int run(const struct command *self, const struct arguments *a)
{
    struct place p;
    uint64_t fd = 0;
    const char *report = arguments_flag(a, "report-fd");
    if (report && !span_to_uint(span_of(report), 65535, &fd)) return command_misused(self, "--report-fd: no number");
    if (!place_open(&p, a, NULL, true)) return COMMAND_USAGE;
    int code = supervisor_run(&p, report ? (int)fd : -1);
    place_close(&p);
    return code;
}

const struct command command_supervise = { .name = "supervise", .words = "", .help = "the supervisor itself, in the foreground", .flags = flags, .run = run, .hidden = true };
