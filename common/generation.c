#include "generation.h"

#include <stdlib.h>

struct generation *generation_new(const struct config *config, struct buf *errors)
{
    struct generation *self = calloc(1, sizeof *self);
    size_t before = errors->len;
    NEED(self);
    self->holders = 1;
    self->count = config->namespace_count;
    self->rules = calloc(self->count + 1, sizeof *self->rules);
    NEED(self->rules);
    for (size_t i = 0; i < self->count; i++) self->rules[i] = rules_new(&config->namespaces[i], errors);
    if (errors->len != before) generation_drop(&self);
    return self;
}

struct generation *generation_hold(struct generation *self)
{
    self->holders++;
    return self;
}

void generation_drop(struct generation **self)
{
    struct generation *g = *self;
    *self = NULL;
    if (!g || --g->holders) return;
    for (size_t i = 0; i < g->count; i++) rules_destroy(&g->rules[i]);
    free(g->rules);
    if (g->retired) config_fini(g->retired);
    free(g->retired);
    free(g);
}

void generation_retire(struct generation *self, struct config **config)
{
    NEED(!self->retired);
    self->retired = *config;
    *config = NULL;
}
