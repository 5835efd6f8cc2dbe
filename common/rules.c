/* rules - the half of rules.h that runs per event. */
#include "rules_plan.h"
#include "json.h"
#include "msg.h"
#include "reserved.h"

#include <stdlib.h>

enum { EXTRA_MAX = 2048 };      /* {"field":...,"problem":...}: both are bounded at load */

struct rules_place { size_t to, except, args, attachments; };   /* where in the text, until it is whole */

/* ---- what there is */

const struct rules_rule *rules_find(const struct rules *r, struct span event)
{
    if (event.len == 0 || event.len > 6 * r->longest + 2) return NULL;
    if (event.ptr[0] != '"') return map_find(&r->by_name, event);
    if (span_find(event, '\\') < 0) return map_find(&r->by_name, span_from(event.ptr + 1, event.len - 2));
    struct buf name = { 0 };
    json_unquote(&name, event);
    const struct rules_rule *rule = map_find(&r->by_name, buf_span(&name));
    buf_fini(&name);
    return rule;
}

static void fini_emits(struct rules_emits *e)
{
    for (size_t i = 0; i < e->count; i++) free(e->at[i].to.at), free(e->at[i].except.at);
    free(e->at);
}

static void fini_rule(struct rules_rule *r)
{
    union { const char *borrowed; char *owned; } name = { r->name.ptr };
    free(name.owned);
    free(r->require.at);
    free(r->member.at), free(r->join.at), free(r->leave.at);
    fini_emits(&r->emit), fini_emits(&r->reply);
    template_fini(&r->program);
}

void rules_destroy(struct rules **self)
{
    struct rules *r = *self;
    if (!r) return;
    map_fini(&r->by_name);
    for (size_t i = 0; i < r->rule_count; i++) fini_rule(&r->rule[i]);
    fini_rule(&r->connect), fini_rule(&r->online), fini_rule(&r->offline), fini_rule(&r->fallback);
    free(r->rule);
    free(r);
    *self = NULL;
}

void rules_effects_fini(struct rules_effects *e)
{
    free(e->at);
    free(e->place);
    buf_fini(&e->text);
    *e = (struct rules_effects){ 0 };
}

/* ---- effects: first lengths and places in the text, which grows; spans when it is whole */

static void begin(struct rules_effects *out)
{
    out->count = 0;
    out->field = out->problem = SPAN("");
    buf_clear(&out->text);
}

static struct rules_effect *add(struct rules_effects *out, enum rules_effect_kind kind, struct rules_place **place)
{
    if (out->count == out->cap) {
        out->cap = out->cap ? 2 * out->cap : 8;
        out->at = realloc(out->at, out->cap * sizeof *out->at);
        out->place = realloc(out->place, out->cap * sizeof *out->place);
        NEED(out->at && out->place);
    }
    *place = &out->place[out->count];
    out->at[out->count] = (struct rules_effect){ .kind = kind };
    return &out->at[out->count++];
}

static void finish(struct rules_effects *out)
{
    const char *text = buf_span(&out->text).ptr;
    for (size_t i = 0; i < out->count; i++) {
        struct rules_effect *e = &out->at[i];
        const struct rules_place *p = &out->place[i];
        e->to.ptr = e->to.len ? text + p->to : "";
        e->except.ptr = e->except.len ? text + p->except : "";
        e->args.ptr = e->args.len ? text + p->args : "";
        e->attachments.ptr = e->attachments.len ? text + p->attachments : "";
    }
}

static void add_args(struct rules_effects *out, struct rules_effect *e, struct rules_place *p, const struct template *args, struct template_run *run)
{
    run->used.base = run->used.count = 0;
    p->args = out->text.len;
    template_render(&out->text, args, run);
    e->args.len = out->text.len - p->args;
    p->attachments = out->text.len;
    buf_add(&out->text, span_from(run->used.used, run->used.count));
    e->attachments.len = out->text.len - p->attachments;
}

static enum err add_addresses(struct rules_effects *out, const struct rules_addresses *a, struct template_run *run)
{
    char bytes[ADDRESS_MAX + 16];
    for (size_t i = 0; i < a->count; i++) {
        struct buf one = { bytes, 0, sizeof bytes };    /* never grows: an address is ADDRESS_MAX at most */
        enum err e = template_render_address(&one, &a->at[i], run);
        if (e) return e;
        msg_add_str(&out->text, buf_span(&one));
    }
    return OK;
}

static void add_sender(struct rules_effects *out, const struct template_scope *scope)
{
    char bytes[ADDRESS_MAX + 16];
    struct buf one = { bytes, 0, sizeof bytes };        /* never grows: a socket's id is ours */
    if (scope->socket.len == 0) return;
    NEED(scope->socket.len < ADDRESS_MAX);
    address_encode(&one, ADDRESS_SOCKET, scope->socket);
    msg_add_str(&out->text, buf_span(&one));
}

/* The event's name was rendered from what a client sent. */
static bool is_reserved(struct span args)
{
    struct span name;
    return json_event_name(args, &name) == OK && reserved_name(name);
}

static enum err add_emit(struct rules_effects *out, const struct rules_emit *emit, enum rules_effect_kind kind, struct template_run *run)
{
    struct rules_place *p;
    struct rules_effect *e = add(out, kind, &p);
    e->is_volatile = emit->is_volatile;
    p->to = out->text.len;
    enum err err = add_addresses(out, &emit->to, run);
    e->to.len = out->text.len - p->to;
    p->except = out->text.len;
    if (!err) err = add_addresses(out, &emit->except, run);
    if (!err && emit->others) add_sender(out, run->scope);
    e->except.len = out->text.len - p->except;
    if (!err) add_args(out, e, p, &emit->args, run);
    if (!err && emit->open_name && is_reserved(span_from(out->text.ptr + p->args, e->args.len))) err = ERR_STATE;
    if (err) out->count--;
    return err;
}

static enum err add_room(struct rules_effects *out, const struct template_address *a, enum rules_effect_kind kind, struct template_run *run)
{
    struct rules_place *p;
    struct rules_effect *e = add(out, kind, &p);
    p->to = out->text.len;
    enum err err = template_render_address(&out->text, a, run);
    e->to.len = out->text.len - p->to;
    if (err) out->count--;
    return err;
}

static void add_ack(struct rules_effects *out, const struct template *ack, struct template_run *run)
{
    struct rules_place *p;
    struct rules_effect *e = add(out, RULES_ACK, &p);
    add_args(out, e, p, ack, run);
}

static void add_null_ack(struct rules_effects *out)
{
    struct rules_place *p;
    struct rules_effect *e = add(out, RULES_ACK, &p);
    p->args = out->text.len;
    buf_add_literal(&out->text, "[null]");
    e->args.len = out->text.len - p->args;
}

/* ---- the keys of a rule, in their order */

static enum err refused(struct rules_effects *out, const struct rules_rule *rule, unsigned path, enum err e, struct span problem)
{
    out->field = path < TEMPLATE_PATHS_MAX ? template_path_text(&rule->program, path) : SPAN("");
    if (out->field.len == 0 || span_same(out->field, SPAN("args.0"))) out->field = SPAN("payload");
    out->problem = problem;
    return e;
}

static enum err bad_address(struct rules_effects *out, const struct rules_rule *rule, const struct template_run *run, enum err e)
{
    struct span problem = e == ERR_MISSING ? SPAN("is missing")
                        : e == ERR_TYPE    ? SPAN("must be text or a number")
                        : e == ERR_LIMIT   ? SPAN("is too long")
                        : e == ERR_STATE   ? SPAN("names one of Socket.IO's own events")
                        :                    SPAN("has a character that is not allowed");
    return refused(out, rule, run->failed, e, problem);
}

static enum err run_require(const struct rules_rule *rule, struct template_run *run, struct rules_effects *out)
{
    struct span problem;
    for (size_t i = 0; i < rule->require.count; i++) {
        const struct require *r = &rule->require.at[i];
        struct span value = template_value(run, r->path);
        if (rule->in_object && run->first_known && run->first.len && !span_starts(run->first, '{')
            && json_type_of(run->first) != JSON_NULL)
            return refused(out, rule, TEMPLATE_PATHS_MAX, ERR_TYPE, SPAN("must be an object"));
        enum err e = require_check(r, value, &problem);
        if (e) return refused(out, rule, r->path, e, problem);
    }
    return OK;
}

static enum err run_member(const struct rules_rule *rule, struct template_run *run, const struct rules_rooms *rooms, struct rules_effects *out)
{
    char bytes[ADDRESS_MAX + 16];
    for (size_t i = 0; i < rule->member.count; i++) {
        struct buf room = { bytes, 0, sizeof bytes };   /* never grows: an address is ADDRESS_MAX at most */
        enum err e = template_render_address(&room, &rule->member.at[i], run);
        if (e) return bad_address(out, rule, run, e);
        if (rooms && rooms->is_member(rooms->self, buf_span(&room))) continue;
        e = refused(out, rule, run->failed, ERR_AUTH, SPAN("is a room that you are not in"));
        if (run->failed == TEMPLATE_PATHS_MAX) out->field = SPAN("room");
        return e;
    }
    return OK;
}

/* Stops at the first error, or goes on past it and answers it at the end. */
static enum err run_effects(const struct rules_rule *rule, struct template_run *run, bool go_on, struct rules_effects *out)
{
    enum err first = OK;
#define EACH_OF(list, call) \
    for (size_t i = 0; i < rule->list.count; i++) { \
        enum err e = (call); \
        if (!e) continue; \
        if (!first) first = bad_address(out, rule, run, e); \
        if (!go_on) return first; \
    }
    EACH_OF(join,  add_room(out, &rule->join.at[i], RULES_JOIN, run))
    EACH_OF(leave, add_room(out, &rule->leave.at[i], RULES_LEAVE, run))
    EACH_OF(emit,  add_emit(out, &rule->emit.at[i], RULES_EMIT, run))
    EACH_OF(reply, add_emit(out, &rule->reply.at[i], RULES_REPLY, run))
#undef EACH_OF
    return first;
}

static void refuse(const struct rules *r, const struct rules_rule *rule, const struct template_scope *scope, struct rules_effects *out)
{
    char bytes[EXTRA_MAX];
    struct buf extra = { bytes, 0, sizeof bytes };      /* never grows: see EXTRA_MAX */
    struct template_scope told = *scope;
    struct template_run run;
    out->count = 0;
    buf_clear(&out->text);
    buf_add_literal(&extra, "{\"field\":");
    json_quote(&extra, out->field);
    buf_add_literal(&extra, ",\"problem\":");
    json_quote(&extra, out->problem);
    buf_add_byte(&extra, '}');
    told.extra = buf_span(&extra);

    const struct rules_rule *speaker = rule->refuse.own_reply ? rule : &r->fallback;
    template_start(&run, &speaker->program, &told);
    if (speaker->refuse.reply.args.to) (void)add_emit(out, &speaker->refuse.reply, RULES_REPLY, &run);
    template_start(&run, &rule->program, &told);
    add_ack(out, &rule->refuse.ack, &run);
}

bool rules_connect_asks(const struct rules *r) { return template_asks(&r->connect.program); }

/* ---- entries */

enum err rules_run(const struct rules *r, const struct template_scope *scope, const struct rules_rooms *rooms, struct rules_effects *out)
{
    struct template_run run;
    const struct rules_rule *rule = rules_find(r, scope->event);
    begin(out);
    if (!rule) {
        add_null_ack(out);
        finish(out);
        return ERR_UNKNOWN;
    }
    template_start(&run, &rule->program, scope);
    enum err e = run_require(rule, &run, out);
    if (!e) e = run_member(rule, &run, rooms, out);
    if (!e) e = run_effects(rule, &run, false, out);
    if (!e) add_ack(out, &rule->ack, &run);
    else refuse(r, rule, scope, out);
    finish(out);
    return e;
}

static enum err run_plain(const struct rules_rule *rule, const struct template_scope *scope, struct rules_effects *out)
{
    struct template_run run;
    begin(out);
    template_start(&run, &rule->program, scope);
    enum err e = run_effects(rule, &run, true, out);
    finish(out);
    return e;
}

enum err rules_connect(const struct rules *r, const struct template_scope *scope, struct rules_effects *out) { return run_plain(&r->connect, scope, out); }
enum err rules_online(const struct rules *r, const struct template_scope *scope, struct rules_effects *out) { return run_plain(&r->online, scope, out); }
enum err rules_offline(const struct rules *r, const struct template_scope *scope, struct rules_effects *out) { return run_plain(&r->offline, scope, out); }
