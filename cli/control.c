#include "control.h"
#include "json.h"

static const char *const verbs[] = {
    [CONTROL_STATUS] = "status", [CONTROL_SCALE] = "scale", [CONTROL_RESTART] = "restart", [CONTROL_DRAIN] = "drain", [CONTROL_STOP] = "stop",
};
enum { VERBS = sizeof verbs / sizeof verbs[0] };

void control_text(struct buf *out, struct span line, const char *key)
{
    struct span v = json_find(line, span_of(key));
    if (json_type_of(v) == JSON_STRING) json_unquote(out, v);
}

int64_t control_number(struct span line, const char *key, int64_t none)
{
    struct span v = json_find(line, span_of(key));
    uint64_t n;
    bool minus = span_eat(&v, '-');
    if (json_type_of(v) != JSON_NUMBER || !json_to_uint(v, INT64_MAX, &n)) return none;
    return minus ? -(int64_t)n : (int64_t)n;
}

bool control_parse(struct control_request *r, struct span line, struct buf *error)
{
    struct buf text = { 0 };
    unsigned verb = 0;
    *r = (struct control_request){ 0 };
    if (json_check(line, 8) != OK || json_type_of(line) != JSON_OBJECT) return buf_add_literal(error, "no JSON object"), false;
    control_text(&text, line, "do");
    while (verb < VERBS && !span_same(buf_span(&text), span_of(verbs[verb]))) verb++;
    bool good = verb < VERBS;
    if (!good) buf_add_literal(error, "no such verb");
    r->verb = (enum control_verb)verb;
    if (good && r->verb == CONTROL_SCALE) {
        int64_t count = control_number(line, "count", -1);
        buf_clear(&text);
        control_text(&text, line, "role");
        good = unit_kind_of(buf_span(&text), &r->unit.kind) && r->unit.kind != UNIT_REDIS && count >= 0 && count <= unit_kind_max(r->unit.kind);
        if (good) r->count = (uint16_t)count;
        else buf_add_literal(error, "no such role, or not so many");
    } else if (good && (r->verb == CONTROL_RESTART || r->verb == CONTROL_DRAIN)) {
        buf_clear(&text);
        control_text(&text, line, "id");
        good = unit_parse(buf_span(&text), &r->unit);
        if (!good) buf_add_literal(error, "no such id");
    }
    buf_fini(&text);
    return good;
}

void control_print(struct buf *line, const struct control_request *r)
{
    buf_add_format(line, "{\"do\":\"%s\"", verbs[r->verb]);
    if (r->verb == CONTROL_SCALE) buf_add_format(line, ",\"role\":\"%s\",\"count\":%u", unit_kind_name(r->unit.kind), r->count);
    if (r->verb == CONTROL_RESTART || r->verb == CONTROL_DRAIN) {
        buf_add_literal(line, ",\"id\":\"");
        unit_print(line, r->unit);
        buf_add_byte(line, '"');
    }
    buf_add_literal(line, "}\n");
}

static void begin(struct buf *line, const char *event, const struct control_event *e)
{
    buf_add_format(line, "{\"event\":\"%s\",\"id\":\"", event);
    unit_print(line, e->unit);
    buf_add_format(line, "\",\"pid\":%d,\"ms\":%llu", e->pid, (unsigned long long)e->ms);
}

void control_ready(struct buf *line, const struct control_event *e, struct span endpoint)
{
    begin(line, "ready", e);
    buf_add_literal(line, ",\"endpoint\":");
    json_quote(line, endpoint);
    buf_add_literal(line, "}\n");
}

void control_exit(struct buf *line, const struct control_event *e, int code, const char *text)
{
    begin(line, "exit", e);
    buf_add_format(line, ",\"code\":%d,\"text\":", code);
    json_quote(line, span_of(text));
    buf_add_literal(line, "}\n");
}

void control_done(struct buf *line)
{
    buf_add_literal(line, "{\"ok\":true}\n");
}

void control_failed(struct buf *line, const struct unit_id *unit, int code, const char *error)
{
    buf_add_literal(line, "{\"ok\":false");
    if (unit) {
        buf_add_literal(line, ",\"id\":\"");
        unit_print(line, *unit);
        buf_add_format(line, "\",\"code\":%d", code);
    }
    buf_add_literal(line, ",\"error\":");
    json_quote(line, span_of(error));
    buf_add_literal(line, "}\n");
}
