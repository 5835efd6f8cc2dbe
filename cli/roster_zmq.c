/* Waits for the routers' view of a change that the supervisor has made. */
#include "roster_zmq.h"

#include "ask_zmq.h"
#include "json.h"
#include "talk_os.h"

#include <unistd.h>

enum { ROSTER_STEP_MS = 50, ANSWER_MS = 1000 };

static bool in_roster(struct span topology, const char *id, int64_t pid)
{
    struct span list = json_find(topology, SPAN("daemons")), one;
    while (json_next(&list, &one))
        if (json_string_is(json_find(one, SPAN("id")), span_of(id)))
            return control_number(one, "pid", 0) == pid && json_string_is(json_find(one, SPAN("state")), SPAN("ready"));
    return false;
}

static size_t count_role(struct span topology, struct span role)
{
    struct span list = json_find(topology, SPAN("daemons")), one;
    size_t n = 0;
    while (json_next(&list, &one)) n += json_string_is(json_find(one, SPAN("role")), role);
    return n;
}

static bool agrees_role(struct span status, struct span topology, enum unit_kind kind, struct buf *missing)
{
    struct span role = span_of(unit_kind_name(kind)), list = json_find(status, SPAN("daemons")), one;
    size_t ours = 0;
    bool good = true;
    while (json_next(&list, &one)) {
        struct buf id = { 0 };
        if (!json_string_is(json_find(one, SPAN("role")), role)) continue;
        control_text(&id, one, "id");
        ours++;
        if (!in_roster(topology, buf_text(&id), control_number(one, "pid", 0))) {
            buf_add_format(missing, "%s%s is not in the roster", missing->len ? ", " : "", buf_text(&id));
            good = false;
        }
        buf_fini(&id);
    }
    if (good && count_role(topology, role) > ours) buf_add_literal(missing, "the roster has more of them"), good = false;
    return good;
}

static bool agrees(struct span status, struct span topology, const enum unit_kind *only, struct buf *missing)
{
    bool good = !json_is_true(json_find(topology, SPAN("holding")));
    buf_clear(missing);
    if (!good) buf_add_literal(missing, "ownership of rooms is still moving");
    for (enum unit_kind kind = UNIT_ROUTER; kind < UNIT_KINDS; kind++)
        if (!only || *only == kind) good = agrees_role(status, topology, kind, missing) && good;
    return good;
}

bool roster_wait(const struct place *p, const enum unit_kind *only, struct buf *missing)
{
    static const struct span question = { "{\"topology\":true}", 17 };
    bool good = !p->config.router.command.on;
    for (unsigned waited = 0; !good && waited < ROSTER_WAIT_MS; waited += ROSTER_STEP_MS) {
        struct buf status = { 0 }, topology = { 0 };
        if (!talk_status(p, &status)) return buf_add_literal(missing, "the supervisor is gone"), false;
        struct ask *ask = ask_new(p, buf_span(&status));
        if (ask_command(ask, &question, 1, ANSWER_MS, &topology)) good = agrees(buf_span(&status), buf_span(&topology), only, missing);
        else buf_clear(missing), buf_add(missing, buf_span(&topology)), waited += ANSWER_MS;
        ask_destroy(&ask);
        buf_fini(&status), buf_fini(&topology);
        if (!good) usleep(ROSTER_STEP_MS * 1000);
    }
    return good;
}
