/* rules_refuse - what the sender of a refused event is told: the rule's words, else the namespace's, else ours. */
#include "rules_plan.h"
#include "json.h"

static void add_member(struct buf *extra, const char *name, struct span text)
{
    if (extra->len > 1) buf_add_byte(extra, ',');
    json_quote(extra, span_of(name));
    buf_add_byte(extra, ':');
    json_quote(extra, text);
}

/* {"code":...,"field":...,"problem":... and what else is known, without the brace at the end. */
static void begin_extra(struct buf *extra, const struct rules_effects *out, struct span more)
{
    buf_clear(extra);
    buf_add_byte(extra, '{');
    add_member(extra, "code", span_of(problem_name(out->code)));
    add_member(extra, "field", out->field);
    add_member(extra, "problem", out->problem);
    if (more.len) buf_add_byte(extra, ','), buf_add(extra, more);
}

/* Of the rule and the namespace, in this order: who has such words for the problem? */
struct who { const struct rules_words *words; const struct rules_rule *rule; };

typedef bool has(const struct rules_words *w);
static bool has_text(const struct rules_words *w) { return w->has_text; }
static bool has_ack(const struct rules_words *w) { return w->has_ack; }
static bool has_answer(const struct rules_words *w) { return w->speaks; }

static struct who find(const struct rules_rule *rule, const struct rules_rule *fallback, enum problem code, has *said)
{
    const struct rules_rule *rules[] = { rule, fallback };
    for (size_t i = 0; i < 2; i++) {
        const struct rules_refusal *r = rules[i] ? rules[i]->refuse : NULL;
        if (r && said(&r->of[code])) return (struct who){ &r->of[code], rules[i] };
        if (r && said(&r->any)) return (struct who){ &r->any, rules[i] };
    }
    return (struct who){ 0 };
}

/* "{field} {problem}", where there is a field. */
static void add_default_text(struct buf *extra, const struct rules_effects *out)
{
    struct buf text = { 0 };
    buf_add(&text, out->field);
    if (text.len) buf_add_byte(&text, ' ');
    buf_add(&text, out->problem);
    json_quote(extra, buf_span(&text));
    buf_fini(&text);
}

static void end_extra(struct buf *extra, const struct who *text, struct template_scope *told, const struct rules_effects *out)
{
    struct buf said = { 0 };
    if (text->words) {
        struct template_run run;
        size_t open = extra->len;
        buf_add_byte(extra, '}');
        told->extra = buf_span(extra);
        template_start(&run, &text->rule->program, told);
        template_render(&said, &text->words->text, &run);
        extra->len = open;
    } else {
        add_default_text(&said, out);
    }
    buf_add_literal(extra, ",\"error\":");
    buf_add(extra, buf_span(&said));
    buf_add_byte(extra, '}');
    told->extra = buf_span(extra);
    buf_fini(&said);
}

void rules_answer(const struct rules *r, const struct rules_rule *rule, const struct template_scope *scope, struct span more, struct rules_effects *out)
{
    struct who text = find(rule, &r->fallback, out->code, has_text), answer = find(rule, &r->fallback, out->code, has_answer),
               ack = find(rule, &r->fallback, out->code, has_ack);
    struct template_scope told = *scope;
    struct template_run run;
    struct buf extra = { 0 };
    out->count = 0;
    buf_clear(&out->text);
    begin_extra(&extra, out, more);
    end_extra(&extra, &text, &told, out);
    template_start(&run, &answer.rule->program, &told);
    if (answer.words->reply.args.to) rules_add_reply(out, &answer.words->reply, &run);
    template_start(&run, &ack.rule->program, &told);
    rules_add_ack(out, &ack.words->ack, &run);
    buf_fini(&extra);
}

void rules_refuse(const struct rules *r, const struct template_scope *scope, enum problem code, struct span text, struct span more,
                  struct rules_effects *out)
{
    rules_effects_begin(out);
    out->code = code;
    out->problem = text.len ? text : span_of(problem_text(code));
    rules_answer(r, rules_find(r, scope->event), scope, more, out);
    rules_effects_finish(out);
}
