/* rules_reject - how a connection to a namespace is refused: by reason, in the namespace's words. */
#include "rules_compile.h"
#include "json.h"

#include <stdlib.h>

struct rejection {
    bool has_as, has_text, has_data, has_event;
    enum config_refuse as;
    struct template text, data; /* text: JSON */
    struct rules_emit reply;
};

struct rules_rejections {
    struct template_program program;
    struct rejection any, of[REJECTION_COUNT];
};

static const char *const names[REJECTION_COUNT] = {
#define REJECTION(NAME, name, doc) [REJECTION_##NAME] = name,
#include "rejection.def"
#undef REJECTION
};

/* ---- at load */

static bool compile_as(struct compile *c, const struct node *n, struct rejection *r)
{
    static const char *const styles[] = { "connect-error", "event", "disconnect", "close" };
    for (unsigned i = 0; n->kind == NODE_STRING && i < sizeof styles / sizeof styles[0]; i++) {
        if (strcmp(n->text, styles[i]) != 0) continue;
        r->as = (enum config_refuse)i;
        return r->has_as = true;
    }
    return COMPLAIN(c, n, "as must be connect-error, event, disconnect or close");
}

static bool compile_text(struct compile *c, const struct node *n, struct rejection *r)
{
    template_begin(&c->t);
    bool good = template_add_string(&c->t, n);
    r->text = template_end(&c->t);
    r->has_text = true;
    return good;
}

static bool compile_one(struct compile *c, const struct node *n, struct rejection *r)
{
    static const char *const keys[] = { "as", "message", "data", "event", "args", NULL };
    if (n->kind != NODE_MAP) return compile_text(c, n, r);
    const struct node *as = node_find(n, "as"), *message = node_find(n, "message"), *data = node_find(n, "data");
    bool good = compile_known(c, n, keys);
    r->has_event = node_find(n, "event") || node_find(n, "args");
    r->has_data = data != NULL;
    if (as) good &= compile_as(c, as, r);
    if (message) good &= compile_text(c, message, r);
    if (r->has_event) good &= compile_args(c, n, &r->reply);
    if (r->has_event && !as) r->as = CONFIG_REFUSE_EVENT, r->has_as = true;
    if (!data) return good;
    template_begin(&c->t);
    good &= template_add(&c->t, data);
    r->data = template_end(&c->t);
    return good;
}

static struct rejection *place_of(struct rules_rejections *all, const char *name)
{
    if (strcmp(name, "default") == 0) return &all->any;
    for (unsigned i = 0; i < REJECTION_COUNT; i++)
        if (strcmp(name, names[i]) == 0) return &all->of[i];
    return NULL;
}

bool compile_rejections(struct compile *c, const struct node *n, struct rules_rejections **out)
{
    if (!n) return true;
    size_t before = compile_enter(c, "refusals");
    struct rules_rejections *all = *out = compile_array(1, sizeof *all);
    bool good = true;
    c->t.program = &all->program;
    for (size_t i = 0; i < n->count; i++) {
        const struct node *m = n->child[i];
        struct rejection *r = place_of(all, m->key);
        size_t inner = compile_enter(c, m->key);
        if (r) good &= compile_one(c, m, r);
        else good = COMPLAIN(c, m, "there is no such reason: known are missing, invalid, denied, full, unavailable, handler, default");
        (void)compile_leave(c, inner, good);
    }
    return compile_leave(c, before, good);
}

void rules_rejections_destroy(struct rules_rejections **self)
{
    if (*self) template_fini(&(*self)->program);
    free(*self);
    *self = NULL;
}

/* ---- per connection */

static void set_extra(struct buf *extra, enum rejection_reason why, struct span error)
{
    buf_clear(extra);
    buf_add_literal(extra, "{\"code\":");
    json_quote(extra, span_of(names[why]));
    buf_add_literal(extra, ",\"error\":");
    buf_add(extra, error);
    buf_add_byte(extra, '}');
}

static const struct template *pick(bool has, const struct template *own, bool any_has, const struct template *any)
{
    return has ? own : any_has ? any : NULL;
}

static void add_default_args(struct buf *out, struct span error)
{
    buf_add_literal(out, "[\"error\",{\"message\":");
    buf_add(out, error);
    buf_add_literal(out, "}]");
}

static enum config_refuse style_of(const struct rejection *own, const struct rejection *any, enum config_refuse as)
{
    return own->has_as ? own->as : any->has_as ? any->as : as;
}

void rules_reject(const struct rules *r, enum config_refuse as, enum rejection_reason why, struct span text,
                  const struct template_scope *scope, struct rules_rejected *out)
{
    static const struct rules_rejections none = { 0 };
    const struct rules_rejections *all = r && r->rejections ? r->rejections : &none;
    const struct rejection *own = &all->of[why], *any = &all->any;
    struct template_scope told = *scope;
    struct template_run run;
    struct buf extra = { 0 }, error = { 0 };
    const struct template *said = pick(own->has_text, &own->text, any->has_text, &any->text), *data = pick(own->has_data, &own->data, any->has_data, &any->data),
                          *args = pick(own->has_event, &own->reply.args, any->has_event, &any->reply.args);
    json_quote(&error, text);
    set_extra(&extra, why, buf_span(&error));
    told.extra = buf_span(&extra);
    template_start(&run, &all->program, &told);
    if (said) {
        buf_clear(&error);
        template_render(&error, said, &run);
        set_extra(&extra, why, buf_span(&error));
        told.extra = buf_span(&extra);
        template_start(&run, &all->program, &told);
    }
    *out = (struct rules_rejected){ .as = style_of(own, any, as) };
    json_unquote(&out->message, buf_span(&error));
    if (data) template_render(&out->data, data, &run);
    if (args) template_render(&out->args, args, &run);
    else add_default_args(&out->args, buf_span(&error));
    buf_fini(&extra), buf_fini(&error);
}

void rules_rejected_fini(struct rules_rejected *r)
{
    buf_fini(&r->message), buf_fini(&r->data), buf_fini(&r->args);
}
