/* The names of units: "gateway-3", "redis". */
#include "supervise.h"

static const struct { const char *name; uint16_t max; } kinds[UNIT_KINDS] = {
    [UNIT_REDIS] = { "redis", 1 }, [UNIT_ROUTER] = { "router", 64 }, [UNIT_AUTH] = { "auth", 100 },
    [UNIT_PRESENCE] = { "presence", 100 }, [UNIT_GATEWAY] = { "gateway", 100 },
};

const char *unit_kind_name(enum unit_kind kind) { return kinds[kind].name; }
uint16_t unit_kind_max(enum unit_kind kind)     { return kinds[kind].max; }

const char *unit_state_name(const struct unit *u)
{
    static const char *const names[UNIT_STATES] = {
        [UNIT_WAITING] = "waiting", [UNIT_STARTING] = "starting", [UNIT_UP] = "ready", [UNIT_PAUSED] = "dead", [UNIT_STOPPING] = "stopping",
    };
    return names[u->state];
}

bool unit_kind_of(struct span name, enum unit_kind *kind)
{
    for (unsigned i = 0; i < UNIT_KINDS; i++)
        if (span_same(name, span_of(kinds[i].name))) return *kind = (enum unit_kind)i, true;
    return false;
}

void unit_print(struct buf *out, struct unit_id id)
{
    buf_add(out, span_of(kinds[id.kind].name));
    if (id.kind != UNIT_REDIS) buf_add_format(out, "-%u", id.number);
}

bool unit_parse(struct span text, struct unit_id *id)
{
    struct span name = span_cut(&text, '-');
    uint64_t n = 0;
    if (!unit_kind_of(name, &id->kind)) return false;
    bool dash = name.ptr + name.len != text.ptr;
    if (id->kind == UNIT_REDIS ? dash : !dash || !span_to_uint(text, 1023, &n)) return false;
    id->number = (uint16_t)n;
    return true;
}
