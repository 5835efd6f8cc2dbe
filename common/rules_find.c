/* rules_find - the rule of an event: by its whole name, or by the longest pattern that it begins with. And their end. */
#include "rules_plan.h"
#include "json.h"

#include <stdlib.h>

/* ---- at load */

static struct span name_of(const void *rule)
{
    return ((const struct rules_rule *)rule)->name;
}

static bool is_pattern(struct span name)
{
    return name.len && name.ptr[name.len - 1] == '*';
}

static uint32_t add_prefix(struct trie *t, struct span prefix)
{
    uint32_t state = 0;
    for (size_t i = 0; i < prefix.len; i++) state = trie_need(t, state, (uint8_t)prefix.ptr[i]);
    return state;
}

static void index_patterns(struct rules *r)
{
    size_t count = 0;
    for (const struct rules_rule *rule = r->rule; rule < r->rule + r->rule_count; rule++)
        if (is_pattern(rule->name)) count++, (void)add_prefix(&r->prefixes, span_head(rule->name, rule->name.len - 1));
    if (count == 0) return;
    r->by_prefix = calloc(r->prefixes.count + 1, sizeof *r->by_prefix);
    NEED(r->by_prefix);
    for (struct rules_rule *rule = r->rule; rule < r->rule + r->rule_count; rule++)
        if (is_pattern(rule->name)) r->by_prefix[add_prefix(&r->prefixes, span_head(rule->name, rule->name.len - 1))] = rule;
}

void rules_index(struct rules *r)
{
    static const struct siphash_key seed = { 0 };   /* a stranger only asks: he adds no name */
    map_init(&r->by_name, &seed, name_of);
    for (struct rules_rule *rule = r->rule; rule < r->rule + r->rule_count; rule++) {
        if (rule->name.len > r->longest) r->longest = rule->name.len;
        if (!is_pattern(rule->name)) (void)map_put(&r->by_name, rule->name, rule);
    }
    index_patterns(r);
}

/* ---- per event */

static const struct rules_rule *find_plain(const struct rules *r, struct span name)
{
    const struct rules_rule *found = name.len <= r->longest ? map_find(&r->by_name, name) : NULL;
    if (found || !r->by_prefix) return found;
    uint32_t state = 0;
    found = r->by_prefix[0];
    for (size_t i = 0; i < name.len && (state = trie_child(&r->prefixes, state, (uint8_t)name.ptr[i])); i++)
        if (r->by_prefix[state]) found = r->by_prefix[state];
    return found;
}

const struct rules_rule *rules_find(const struct rules *r, struct span event)
{
    if (event.len == 0 || (event.len > 6 * r->longest + 2 && !r->by_prefix)) return NULL;
    if (event.ptr[0] != '"') return find_plain(r, event);
    if (span_find(event, '\\') < 0) return find_plain(r, span_from(event.ptr + 1, event.len - 2));
    struct buf name = { 0 };
    json_unquote(&name, event);
    const struct rules_rule *rule = find_plain(r, buf_span(&name));
    buf_fini(&name);
    return rule;
}

bool rules_rule_works(const struct rules_rule *rule)
{
    while (rule && !rule->worker.len) rule = rule->otherwise;
    return rule != NULL;
}

struct span rules_rule_name(const struct rules_rule *rule) { return rule->name; }

/* ---- the end */

static void fini_requires(struct rules_requires *r)
{
    for (size_t i = 0; i < r->count; i++) require_fini(&r->at[i]);
    free(r->at);
}

static void fini_allow(struct rules_allow *a)
{
    for (size_t i = 0; i < a->count; i++) {
        for (size_t k = 0; k < a->at[i].count; k++) one_of_fini(&a->at[i].at[k].values);
        free(a->at[i].at);
    }
    free(a->at);
}

static void fini_emits(struct rules_emits *e)
{
    for (size_t i = 0; i < e->count; i++) {
        free(e->at[i].to.at), free(e->at[i].except.at);
        fini_requires(&e->at[i].when);
    }
    free(e->at);
}

void rules_rule_fini(struct rules_rule *r)
{
    union { const char *borrowed; char *owned; } name = { r->name.ptr }, worker = { r->worker.ptr };
    free(name.owned);
    free(worker.owned);
    fini_requires(&r->when), fini_requires(&r->require);
    fini_allow(&r->allow[0]), fini_allow(&r->allow[1]);
    free(r->member.at), free(r->join.at), free(r->leave.at);
    fini_emits(&r->emit), fini_emits(&r->watched), fini_emits(&r->reply);
    free(r->refuse), free(r->limit.text);
    template_fini(&r->program);
    if (r->otherwise) rules_rule_fini(r->otherwise);
    free(r->otherwise);
}

void rules_destroy(struct rules **self)
{
    struct rules *r = *self;
    if (!r) return;
    map_fini(&r->by_name);
    trie_fini(&r->prefixes);
    free(r->by_prefix);
    for (size_t i = 0; i < r->rule_count; i++) rules_rule_fini(&r->rule[i]);
    rules_rule_fini(&r->connect), rules_rule_fini(&r->online), rules_rule_fini(&r->offline), rules_rule_fini(&r->fallback);
    free(r->rule);
    rules_rejections_destroy(&r->rejections);
    rules_rolls_destroy(&r->rolls);
    words_destroy(&r->words);
    free(r);
    *self = NULL;
}
