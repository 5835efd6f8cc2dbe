/* scale, restart, drain: changes to a running topology, each waited for. */
#include "command.h"
#include "curve_zmq.h"
#include "json.h"
#include "roster_zmq.h"
#include "talk_os.h"

#include <stdio.h>

static const struct flag flags[] = { PLACE_FLAGS, { 0 } };

/* ---- one change */

static int change(const struct place *p, const struct control_request *r)
{
    struct talk_report report = { .place = p, .code = SUPERVISE_CODE_UNKNOWN };
    struct buf missing = { 0 };
    enum talk_end end = talk(p, r, talk_report_line, &report);
    int code = COMMAND_OK;
    if (end == TALK_NOBODY) code = command_fail(COMMAND_NO, "%s is not running in %s", p->config.name, p->state);
    else if (end != TALK_OK) talk_report_why(&report), code = COMMAND_NO;
    else if (r->unit.kind != UNIT_REDIS && !roster_wait(p, &r->unit.kind, &missing))
        code = command_fail(COMMAND_NO, "%s: %s after %d s", unit_kind_name(r->unit.kind), buf_text(&missing), ROSTER_WAIT_MS / 1000);
    buf_fini(&missing);
    talk_report_fini(&report);
    return code;
}

/* ---- scale ROLE=N... */

static bool parse_scale(struct control_request *r, const char *word)
{
    struct span rest = span_of(word), role = span_cut(&rest, '=');
    uint64_t n;
    *r = (struct control_request){ .verb = CONTROL_SCALE };
    if (!unit_kind_of(role, &r->unit.kind) || r->unit.kind == UNIT_REDIS || !span_to_uint(rest, unit_kind_max(r->unit.kind), &n)) return false;
    r->count = (uint16_t)n;
    return true;
}

static bool add_keys(const struct place *p, const struct control_request *r, struct buf *error)
{
    bool good = true;
    for (uint16_t n = 0; good && p->config.bus.curve && n < r->count; n++)
        good = keys_add(p->config.bus.keys_dir, (enum role)launch_role(r->unit.kind), n, error);
    return good;
}

static int run_scale(const struct command *self, const struct arguments *a)
{
    struct place p;
    struct control_request r;
    struct buf error = { 0 };
    int code = COMMAND_OK;
    for (size_t i = 0; i < a->words; i++)
        if (!parse_scale(&r, a->word[i])) return command_misused(self, "'%s': router, auth, presence or gateway, '=' and how many", a->word[i]);
    if (!place_open(&p, a, NULL, false)) return COMMAND_USAGE;
    for (size_t i = 0; code == COMMAND_OK && i < a->words; i++) {
        (void)parse_scale(&r, a->word[i]);
        code = add_keys(&p, &r, &error) ? change(&p, &r) : command_fail(COMMAND_ENVIRONMENT, "%s", buf_text(&error));
        if (code == COMMAND_OK) printf("%s\n", a->word[i]);
    }
    buf_fini(&error);
    place_close(&p);
    return code;
}

/* ---- restart ROLE[-N], one after the other; drain ROLE-N */

static int restart_all(const struct place *p, enum unit_kind kind)
{
    struct buf status = { 0 };
    int code = COMMAND_OK;
    if (!talk_status(p, &status)) code = command_fail(COMMAND_NO, "%s is not running in %s", p->config.name, p->state);
    struct span list = json_find(buf_span(&status), SPAN("daemons")), one;
    while (code == COMMAND_OK && json_next(&list, &one)) {
        struct control_request r = { .verb = CONTROL_RESTART };
        struct buf id = { 0 };
        control_text(&id, one, "id");
        if (unit_parse(buf_span(&id), &r.unit) && r.unit.kind == kind) code = change(p, &r);
        buf_fini(&id);
    }
    buf_fini(&status);
    return code;
}

static int run_restart(const struct command *self, const struct arguments *a)
{
    struct place p;
    struct control_request r = { .verb = CONTROL_RESTART };
    enum unit_kind kind = UNIT_REDIS;
    bool all = unit_kind_of(span_of(a->word[0]), &kind);
    if (!all && !unit_parse(span_of(a->word[0]), &r.unit)) return command_misused(self, "'%s' is no role and no ROLE-N", a->word[0]);
    if (!place_open(&p, a, NULL, false)) return COMMAND_USAGE;
    int code = all ? restart_all(&p, kind) : change(&p, &r);
    place_close(&p);
    return code;
}

static int run_drain(const struct command *self, const struct arguments *a)
{
    struct place p;
    struct control_request r = { .verb = CONTROL_DRAIN };
    if (!unit_parse(span_of(a->word[0]), &r.unit) || r.unit.kind == UNIT_REDIS) return command_misused(self, "'%s' is no ROLE-N", a->word[0]);
    if (!place_open(&p, a, NULL, false)) return COMMAND_USAGE;
    int code = change(&p, &r);
    place_close(&p);
    return code;
}

const struct command command_scale = { .name = "scale", .words = "ROLE=N...", .help = "how many of a role shall run", .flags = flags, .least = 1, .most = 8, .run = run_scale };
const struct command command_restart = { .name = "restart", .words = "ROLE[-N]", .help = "one daemon, or all of a role one after the other", .flags = flags, .least = 1, .most = 1, .run = run_restart };
const struct command command_drain = { .name = "drain", .words = "ROLE-N", .help = "let one daemon finish and leave; it is not replaced", .flags = flags, .least = 1, .most = 1, .run = run_drain };
