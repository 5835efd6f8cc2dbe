/* down: stops everything: gateways, then presence and auth, routers, Redis. */
#include "command.h"
#include "supervisor_os.h"
#include "talk_os.h"

#include <stdio.h>
#include <unistd.h>

static const struct flag flags[] = { PLACE_FLAGS, { 0 } };

static int run(const struct command *self, const struct arguments *a)
{
    struct place p;
    (void)self;
    place_find(&p, a, NULL, false);
    struct talk_report report = { .place = &p, .code = SUPERVISE_CODE_UNKNOWN };
    enum talk_end end = talk(&p, &(struct control_request){ .verb = CONTROL_STOP }, talk_report_line, &report);
    int code = COMMAND_OK;
    if (end == TALK_NOBODY) printf("%s is not running in %s\n", p.name, p.state);
    else if (end != TALK_OK) talk_report_why(&report), code = COMMAND_ENVIRONMENT;
    else if (report.bad) code = command_fail(COMMAND_NO, "%u did not exit 0: see %s/log", report.bad, p.state);
    else printf("%s is down\n", p.name);
    for (int i = 0; end != TALK_NOBODY && i < 100 && supervisor_locked(&p); i++) usleep(20000);
    talk_report_fini(&report);
    place_close(&p);
    return code;
}

const struct command command_down = { .name = "down", .words = "", .help = "stop it, and say how each one ended", .flags = flags, .run = run };
