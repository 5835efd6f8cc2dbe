/* rules - the half of rules.h that runs per event. */
#include "rules_plan.h"
#include "json.h"
#include "msg.h"
#include "reserved.h"
#include "warm.h"

#include <stdlib.h>


void rules_effects_fini(struct rules_effects *e)
{
    free(e->at);
    free(e->place);
    buf_fini(&e->text);
    *e = (struct rules_effects){ 0 };
}

/* ---- effects: first lengths and places in the text, which grows; spans when it is whole */

void rules_effects_begin(struct rules_effects *out)
{
    out->count = 0;
    out->code = PROBLEM_NONE;
    out->field = out->problem = SPAN("");
    buf_clear(&out->text);
}

struct rules_effect *rules_add(struct rules_effects *out, enum rules_effect_kind kind, struct rules_place **place)
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

void rules_effects_finish(struct rules_effects *out)
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

enum err rules_add_emit(struct rules_effects *out, const struct rules_emit *emit, enum rules_effect_kind kind, struct template_run *run)
{
    struct rules_place *p;
    struct rules_effect *e = rules_add(out, kind, &p);
    e->is_volatile = emit->is_volatile, e->watchers = emit->watchers;
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
    struct rules_effect *e = rules_add(out, kind, &p);
    p->to = out->text.len;
    enum err err = template_render_address(&out->text, a, run);
    e->to.len = out->text.len - p->to;
    if (err) out->count--;
    return err;
}

void rules_add_ack(struct rules_effects *out, const struct template *ack, struct template_run *run)
{
    struct rules_place *p;
    struct rules_effect *e = rules_add(out, RULES_ACK, &p);
    add_args(out, e, p, ack, run);
}

void rules_add_null_ack(struct rules_effects *out)
{
    struct rules_place *p;
    struct rules_effect *e = rules_add(out, RULES_ACK, &p);
    p->args = out->text.len;
    buf_add_literal(&out->text, "[null]");
    e->args.len = out->text.len - p->args;
}

void rules_add_reply(struct rules_effects *out, const struct rules_emit *reply, struct template_run *run)
{
    (void)rules_add_emit(out, reply, RULES_REPLY, run);
}

/* ---- the keys of a rule, in their order */

static enum err refused(struct rules_effects *out, enum problem code, struct span field, struct span problem)
{
    out->code = code;
    out->field = field;
    out->problem = problem;
    return problem_err(code);
}

/* A path as the sender knows it. */
static struct span field_of(const struct rules_rule *rule, unsigned path)
{
    struct span field = path < TEMPLATE_PATHS_MAX ? template_path_text(&rule->program, path) : SPAN("");
    return field.len == 0 || span_same(field, SPAN("args.0")) ? SPAN("payload") : field;
}

static enum err bad_address(struct rules_effects *out, const struct rules_rule *rule, const struct template_run *run, enum err e)
{
    struct span field = field_of(rule, run->failed);
    switch (e) {
    case ERR_MISSING: (void)refused(out, PROBLEM_MISSING, field, SPAN("is missing")); break;
    case ERR_TYPE:    (void)refused(out, PROBLEM_TYPE, field, SPAN("must be text or a number")); break;
    case ERR_LIMIT:   (void)refused(out, PROBLEM_LONG, field, SPAN("is too long")); break;
    case ERR_STATE:   (void)refused(out, PROBLEM_ADDRESS, field, SPAN("names one of Socket.IO's own events")); break;
    default:          (void)refused(out, PROBLEM_ADDRESS, field, SPAN("has a character that is not allowed")); break;
    }
    return e;
}

bool rules_holds(const struct rules_requires *when, struct template_run *run)
{
    const char *text;
    for (size_t i = 0; i < when->count; i++)
        if (require_check(&when->at[i], template_value(run, when->at[i].path), &text)) return false;
    return true;
}

static enum err run_require(const struct rules_rule *rule, struct template_run *run, struct rules_effects *out)
{
    for (size_t i = 0; i < rule->require.count; i++) {
        const struct require *r = &rule->require.at[i];
        const char *text = "";
        struct span value = template_value(run, r->path);
        if (rule->require.in_object && run->first_known && run->first.len && !span_starts(run->first, '{')
            && json_type_of(run->first) != JSON_NULL)
            return refused(out, PROBLEM_TYPE, SPAN("payload"), SPAN("must be an object"));
        enum problem p = require_check(r, value, &text);
        if (p) return refused(out, p, field_of(rule, r->path), span_of(text));
    }
    return OK;
}

/* Do all these claims have one of their values? If not, *path is the first that has not. */
static bool claims_hold(const struct rules_claims *c, struct template_run *run, unsigned *path)
{
    for (size_t i = 0; i < c->count; i++) {
        if (one_of_holds(&c->at[i].values, template_value(run, c->at[i].path))) continue;
        *path = c->at[i].path;
        return false;
    }
    return true;
}

static enum err run_allow(const struct rules_rule *rule, const struct rules_allow *allow, struct template_run *run, struct rules_effects *out)
{
    unsigned path = TEMPLATE_PATHS_MAX;
    for (size_t i = 0; i < allow->count; i++)
        if (claims_hold(&allow->at[i], run, &path)) return OK;
    if (allow->count == 0) return OK;
    struct span claim = template_path_text(&rule->program, path);
    return refused(out, PROBLEM_ALLOW, span_skip(claim, strlen("claims.")), span_of(problem_text(PROBLEM_ALLOW)));
}

static enum err run_member(const struct rules_rule *rule, struct template_run *run, const struct rules_rooms *rooms, struct rules_effects *out)
{
    char bytes[ADDRESS_MAX + 16];
    for (size_t i = 0; i < rule->member.count; i++) {
        struct buf room = { bytes, 0, sizeof bytes };   /* never grows: an address is ADDRESS_MAX at most */
        enum err e = template_render_address(&room, &rule->member.at[i], run);
        if (e) return bad_address(out, rule, run, e);
        if (rooms && rooms->is_member(rooms->self, buf_span(&room))) continue;
        struct span field = run->failed == TEMPLATE_PATHS_MAX ? SPAN("room") : field_of(rule, run->failed);
        return refused(out, PROBLEM_MEMBER, field, span_of(problem_text(PROBLEM_MEMBER)));
    }
    return OK;
}

static enum err bad_watch(struct rules_effects *out, enum err e)
{
    return refused(out, e == ERR_MISSING ? PROBLEM_MISSING : PROBLEM_TYPE, SPAN("user"),
                   e == ERR_MISSING ? SPAN("is missing") : SPAN("must be a user's id, or a list of ids"));
}

/* Stops at the first error, or goes on past it and answers it at the end. */
static enum err run_effects(const struct rules_rule *rule, struct template_run *run, bool go_on, struct rules_effects *out)
{
    enum err first = OK;
#define EACH_OF(list, condition, call) \
    for (size_t i = 0; i < rule->list.count; i++) { \
        enum err e = (condition) ? (call) : OK; \
        if (!e) continue; \
        if (!first) first = bad_address(out, rule, run, e); \
        if (!go_on) return first; \
    }
    EACH_OF(join,  true, add_room(out, &rule->join.at[i], RULES_JOIN, run))
    EACH_OF(leave, true, add_room(out, &rule->leave.at[i], RULES_LEAVE, run))
    EACH_OF(emit,  rules_holds(&rule->emit.at[i].when, run), rules_add_emit(out, &rule->emit.at[i], RULES_EMIT, run))
    bool watches = rule->watch.to || rule->unwatch.to || rule->watched.count;
    enum err bad = watches ? rules_add_watch(out, rule, run) : OK;
    if (bad && !first) first = bad_watch(out, bad);
    if (bad && !go_on) return first;
    EACH_OF(reply, rules_holds(&rule->reply.at[i].when, run), rules_add_emit(out, &rule->reply.at[i], RULES_REPLY, run))
#undef EACH_OF
    return first;
}

bool rules_connect_asks(const struct rules *r)
{
    for (const struct rules_rule *rule = &r->connect; rule; rule = rule->otherwise)
        if (template_asks(&rule->program)) return true;
    return false;
}

static void add_work(struct rules_effects *out, struct span worker)
{
    struct rules_place *p;
    struct rules_effect *e = rules_add(out, RULES_WORK, &p);
    if (span_same(worker, SPAN("*"))) return;
    p->to = out->text.len;
    e->to.len = worker.len;
    buf_add(&out->text, worker);
}

/* ---- entries */

/* Among thousands of rules the one that is asked for is in no cache: its parts are fetched at once, not one by one when they are needed. */
static void warm(const struct rules_rule *rule)
{
    template_warm(&rule->program);
    warm_bytes(rule->require.at, rule->require.count * sizeof *rule->require.at);
    warm_bytes(rule->emit.at, rule->emit.count * sizeof *rule->emit.at);
    warm_bytes(rule->reply.at, rule->reply.count * sizeof *rule->reply.at);
}

/* Of the alternatives the first whose condition holds, its run begun; or NULL. */
static const struct rules_rule *choose(const struct rules_rule *rule, const struct template_scope *scope, struct template_run *run)
{
    for (; rule; rule = rule->otherwise) {
        template_start(run, &rule->program, scope);
        if (rules_holds(&rule->when, run)) return rule;
    }
    return NULL;
}

enum err rules_run(const struct rules *r, const struct template_scope *scope, const struct rules_rooms *rooms, struct rules_effects *out)
{
    struct template_run run;
    const struct rules_rule *known = rules_find(r, scope->event);
    if (known) warm(known);
    const struct rules_rule *rule = choose(known, scope, &run);
    rules_effects_begin(out);
    if (!rule) {
        rules_add_null_ack(out);
        rules_effects_finish(out);
        return known ? OK : ERR_UNKNOWN;
    }
    enum err e = run_allow(rule, &rule->allow[0], &run, out);
    if (!e) e = run_allow(rule, &rule->allow[1], &run, out);
    if (!e) e = run_require(rule, &run, out);
    if (!e) e = run_member(rule, &run, rooms, out);
    if (!e) e = run_effects(rule, &run, false, out);
    if (!e && rule->worker.len) add_work(out, rule->worker);
    else if (!e) rules_add_ack(out, &rule->ack, &run);
    else rules_answer(r, rule, scope, SPAN(""), out);
    rules_effects_finish(out);
    return e;
}

enum err rules_run_plain(const struct rules_rule *rule, const struct template_scope *scope, struct rules_effects *out)
{
    struct template_run run;
    enum err e = OK;
    rules_effects_begin(out);
    rule = choose(rule, scope, &run);
    if (rule) e = run_effects(rule, &run, true, out);
    rules_effects_finish(out);
    return e;
}

enum err rules_connect(const struct rules *r, const struct template_scope *scope, struct rules_effects *out) { return rules_run_plain(&r->connect, scope, out); }
enum err rules_online(const struct rules *r, const struct template_scope *scope, struct rules_effects *out) { return rules_run_plain(&r->online, scope, out); }
enum err rules_offline(const struct rules *r, const struct template_scope *scope, struct rules_effects *out) { return rules_run_plain(&r->offline, scope, out); }
