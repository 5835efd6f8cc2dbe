/* rules_watch - whom a user follows, as rules say it. */
#include "rules_plan.h"
#include "json.h"
#include "user.h"

enum { IDS_MAX = 1000 };        /* in one event */

static bool is_id(struct span v)
{
    char bytes[USER_KEY_MAX];
    struct buf key = { bytes, 0, sizeof bytes };        /* never grows */
    return (json_type_of(v) == JSON_STRING || json_type_of(v) == JSON_NUMBER) && user_key(&key, SPAN(""), v) == OK;
}

static enum err check(struct span v, bool all)
{
    if (json_type_of(v) == JSON_NULL) return ERR_MISSING;
    if (all && json_string_is(v, SPAN("*"))) return OK;
    if (json_type_of(v) != JSON_ARRAY) return is_id(v) ? OK : ERR_TYPE;
    struct span id;
    size_t count = 0;
    while (json_next(&v, &id))
        if (++count > IDS_MAX || !is_id(id)) return ERR_TYPE;
    return OK;
}

enum err rules_add_watch(struct rules_effects *out, const struct rules_rule *rule, struct template_run *run)
{
    struct rules_place *p;
    struct rules_effect *e = rules_add(out, RULES_WATCH, &p);
    e->alternative = rule->alternative;
    for (size_t i = 0; i < rule->watched.count; i++) e->asks |= rules_holds(&rule->watched.at[i].when, run);
    p->to = out->text.len;
    if (rule->unwatch.to) template_render(&out->text, &rule->unwatch, run);
    e->to.len = out->text.len - p->to;
    p->args = out->text.len;
    if (rule->watch.to) template_render(&out->text, &rule->watch, run);
    e->args.len = out->text.len - p->args;
    enum err err = e->to.len ? check(span_from(out->text.ptr + p->to, e->to.len), true) : OK;
    if (!err && e->args.len) err = check(span_from(out->text.ptr + p->args, e->args.len), false);
    if (err || (!e->asks && !e->to.len && !e->args.len)) out->count--;
    return err;
}

/* ---- what presence answers */

static void say(const struct rules_rule *rule, const struct rules_emit *emit, const struct template_scope *scope, struct span watched,
                struct rules_effects *out)
{
    struct template_scope told = *scope;
    struct template_run run;
    struct buf extra = { 0 };
    buf_add_literal(&extra, "{\"watched\":");
    buf_add(&extra, watched);
    buf_add_byte(&extra, '}');
    told.extra = buf_span(&extra);
    template_start(&run, &rule->program, &told);
    if (rules_holds(&emit->when, &run)) (void)rules_add_emit(out, emit, RULES_REPLY, &run);
    buf_fini(&extra);
}

void rules_watched(const struct rules *r, const struct template_scope *scope, bool connect, unsigned alternative, struct span online,
                   struct rules_effects *out)
{
    const struct rules_rule *rule = connect ? &r->connect : rules_find(r, scope->event);
    while (rule && rule->alternative != alternative) rule = rule->otherwise;
    rules_effects_begin(out);
    for (size_t i = 0; rule && i < rule->watched.count; i++) {
        const struct rules_emit *emit = &rule->watched.at[i];
        struct span rest = online, id;
        if (!emit->each) say(rule, emit, scope, online, out);
        else while (json_next(&rest, &id)) say(rule, emit, scope, id, out);
    }
    rules_effects_finish(out);
}

const struct rules_rolls *rules_rolls_of(const struct rules *r) { return r->rolls; }

bool rules_watches(const struct rules *r)
{
    for (size_t i = 0; i < r->online.emit.count; i++)
        if (r->online.emit.at[i].watchers) return true;
    for (size_t i = 0; i < r->offline.emit.count; i++)
        if (r->offline.emit.at[i].watchers) return true;
    return false;
}
