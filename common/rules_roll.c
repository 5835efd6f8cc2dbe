#include "rules_roll.h"

#include "config_table.h"
#include "msg.h"
#include "namespace.h"
#include "rules_compile.h"

#include <stdlib.h>

struct rules_roll {
    struct template_program program;
    struct buf      rooms;          /* strs */
    struct template member;
    struct rules_emit told, state;
    bool            has_state;
    uint64_t        every_ms, most;
};

struct rules_rolls { struct rules_roll *at; size_t count; };

static bool compile_number(struct compile *c, const struct node *map, const char *key, enum config_unit unit, uint64_t min, uint64_t max, const char *range, uint64_t *value)
{
    const struct node *n = node_find(map, key);
    if (!n) return true;
    if (!n->text || !config_parse_number(unit, span_of(n->text), value) || *value < min || *value > max) return COMPLAIN(c, n, "%s must be %s", key, range);
    return true;
}

static bool compile_rooms(struct compile *c, const struct node *map, struct rules_roll *r)
{
    const struct node *n = node_find(map, "rooms");
    if (!n) return COMPLAIN(c, map, "rooms is missing");
    size_t count = compile_count(n);
    if (count == 0 || count > RULES_ITEMS_MAX) return COMPLAIN(c, n, "rooms must be a name or a list of 1 to %d", RULES_ITEMS_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct node *item = compile_item(n, i);
        const char *star = item->text ? strchr(item->text, '*') : NULL;
        if (!item->text || !item->text[0] || (star && star[1])) return COMPLAIN(c, item, "rooms must be names; a '*' can only be the last character, for whatever follows");
        msg_add_str(&r->rooms, span_of(item->text));
    }
    return true;
}

static bool compile_member(struct compile *c, const struct node *map, struct template *member)
{
    const struct node *n = node_find(map, "member");
    struct node *fallback = n ? NULL : node_text(NODE_STRING, map, SPAN("{user.id}"));
    template_begin(&c->t);
    bool good = template_add(&c->t, n ? n : fallback);
    *member = template_end(&c->t);
    node_destroy(&fallback);
    return good;
}

static bool compile_told(struct compile *c, const struct node *map, struct rules_emit *told)
{
    c->t.no_socket = true;
    bool good = compile_args(c, map, told);
    c->t.no_socket = false;
    if (good && told->open_name) good = COMPLAIN(c, map, "event must be a name without braces");
    return good;
}

static bool compile_roll(struct compile *c, const struct node *n, struct rules_roll *r)
{
    static const char *const keys[] = { "rooms", "every", "most", "member", "event", "args", "state", NULL };
    static const char *const state_keys[] = { "event", "args", NULL };
    r->every_ms = 1000, r->most = 100;
    c->t.program = &r->program;
    if (!compile_known(c, n, keys)) return false;
    const struct node *state = node_find(n, "state");
    bool good = compile_rooms(c, n, r);
    good &= compile_number(c, n, "every", UNIT_MS, RULES_ROLL_EVERY_MIN_MS, RULES_ROLL_EVERY_MAX_MS, "a time from 50ms to 1h", &r->every_ms);
    good &= compile_number(c, n, "most", UNIT_COUNT, 1, RULES_ROLL_MOST_MAX, "a number from 1 to 10000", &r->most);
    good &= compile_member(c, n, &r->member);
    good &= compile_told(c, n, &r->told);
    if (!state) return good;
    r->has_state = true;
    size_t before = compile_enter(c, "state");
    good = good & compile_known(c, state, state_keys) && compile_told(c, state, &r->state);
    return compile_leave(c, before, good);
}

struct rules_rolls *rules_rolls_new(const struct config_namespace *ns, struct buf *errors)
{
    const struct node *n = ns->room_presence;
    if (!n || n->kind == NODE_NULL) return NULL;
    struct compile c = { .t.errors = errors, .t.nsp_parts = namespace_wildcards(span_of(ns->name)) };
    struct rules_rolls *self = compile_array(1, sizeof *self);
    (void)compile_enter(&c, "namespaces");
    (void)compile_enter(&c, ns->name);
    (void)compile_enter(&c, "room_presence");
    size_t count = compile_count(n);
    bool good = count <= RULES_ROLLS_MAX || COMPLAIN(&c, n, "more than %d", RULES_ROLLS_MAX);
    self->at = compile_array(count, sizeof *self->at);
    while (good && self->count < count) {
        good &= compile_roll(&c, compile_item(n, self->count), &self->at[self->count]);
        self->count++;
    }
    buf_fini(&c.where);
    if (!good || !self->count) rules_rolls_destroy(&self);
    return self;
}

void rules_rolls_destroy(struct rules_rolls **self_p)
{
    struct rules_rolls *self = *self_p;
    if (!self) return;
    for (size_t i = 0; i < self->count; i++) template_fini(&self->at[i].program), buf_fini(&self->at[i].rooms);
    free(self->at);
    free(self);
    *self_p = NULL;
}

static bool fits(const struct rules_roll *r, struct span room)
{
    struct span rest = buf_span(&r->rooms), one;
    while (msg_next_str(&rest, &one)) {
        bool open = one.ptr[one.len - 1] == '*';
        if (open ? span_has_prefix(room, span_head(one, one.len - 1)) : span_same(room, one)) return true;
    }
    return false;
}

const struct rules_roll *rules_roll_find(const struct rules_rolls *self, struct span room)
{
    for (size_t i = 0; self && i < self->count; i++)
        if (fits(&self->at[i], room)) return &self->at[i];
    return NULL;
}

uint64_t rules_roll_every(const struct rules_roll *r)     { return r->every_ms; }
uint32_t rules_roll_most(const struct rules_roll *r)      { return (uint32_t)r->most; }
bool     rules_roll_has_state(const struct rules_roll *r) { return r->has_state; }

static void render(const struct rules_roll *r, const struct template *t, const struct template_scope *scope, struct buf *json)
{
    struct template_run run;
    template_start(&run, &r->program, scope);
    run.used.base = run.used.count = 0;
    template_render(json, t, &run);
}

void rules_roll_member(const struct rules_roll *r, const struct template_scope *scope, struct buf *json)
{
    render(r, &r->member, scope, json);
}

void rules_roll_say(const struct rules_roll *r, bool state, const struct template_scope *scope, struct buf *json)
{
    render(r, state ? &r->state.args : &r->told.args, scope, json);
}
