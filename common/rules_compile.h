/* rules_compile - what the files that compile rules share: for rules_compile*.c alone.
 * A function that compiles answers whether all was right; what was not is in the errors. */
#ifndef CAUSEWAY_RULES_COMPILE_H
#define CAUSEWAY_RULES_COMPILE_H

#include "rules_plan.h"

enum { RULES_ITEMS_MAX = 256 };     /* in one list of a rule */

struct compile {
    struct template_compiler t;
    struct buf where;           /* "namespaces./chat.events.say.emit" */
    bool error_first;
    const struct words *words;
    const struct node *limit;   /* of rules without one, or NULL */
    const char *limit_key;
    bool limited;               /* some rule has one */
    const struct node *every;   /* what stands before each rule of an event, or NULL */
};

size_t compile_enter(struct compile *c, const char *name);      /* what compile_leave needs */
bool compile_leave(struct compile *c, size_t before, bool good);    /* 'good' back */

#define COMPLAIN(c, n, ...) (node_error((c)->t.errors, (n), (c)->t.where, __VA_ARGS__), false)

void *compile_array(size_t count, size_t size);     /* zeroes */
bool compile_known(struct compile *c, const struct node *map, const char *const *known);    /* a map with no other keys; 'known' ends with NULL */
bool compile_flag(struct compile *c, const struct node *map, const char *key, bool *flag);
bool compile_reserved(const char *name);            /* is it one of Socket.IO's own events? NULL is not */

/* One thing or a list of them: how many, and each. */
static inline size_t compile_count(const struct node *n) { return n->kind == NODE_LIST ? n->count : 1; }
static inline const struct node *compile_item(const struct node *n, size_t i) { return n->kind == NODE_LIST ? n->child[i] : n; }

/* ---- rules_compile_checks.c: before a rule runs, and what is said where it does not */
bool compile_require(struct compile *c, const struct node *rule, struct rules_requires *out);   /* adds to what is there */
bool compile_when(struct compile *c, const struct node *map, struct rules_requires *out);
bool compile_allow(struct compile *c, const struct node *rule, struct rules_allow *out);
bool compile_refusal(struct compile *c, const struct node *n, struct rules_refusal *out);       /* n: what stands under errors or refuse */

/* ---- rules_compile_limit.c */
bool compile_limit(struct compile *c, const struct node *rule, struct span name, struct rules_limit *limit);        /* the rule's, else the namespace's */
bool compile_limit_node(struct compile *c, const struct node *n, struct span name, struct rules_limit *limit);      /* n may be NULL: none */

/* ---- rules_compile_effects.c: what a rule does */
typedef bool compile_address(struct template_address *a, struct template_compiler *c, const struct node *n);
bool compile_addresses(struct compile *c, const struct node *map, const char *key, compile_address *one, struct rules_addresses *out);
bool compile_args(struct compile *c, const struct node *map, struct rules_emit *reply);     /* of its event and args */
bool compile_replies(struct compile *c, const struct node *map, const char *key, struct rules_emits *out);
bool compile_watch(struct compile *c, const struct node *map, const char *key, struct template *out);    /* ids */
bool compile_watched(struct compile *c, const struct node *map, const char *key, struct rules_emits *out);
bool compile_emits(struct compile *c, const struct node *n, struct rules_emits *out);       /* n: an emit or a list of them */
bool compile_emits_of(struct compile *c, const struct node *map, const char *key, struct rules_emits *out);
bool compile_ack_value(struct compile *c, const struct node *n, struct span open, struct template *ack);   /* open: "[" or "[null,"; n NULL: [null] */
bool compile_ack(struct compile *c, const struct node *rule, struct template *ack);         /* of its ack or ack_args */

/* ---- rules_reject.c */
bool compile_rejections(struct compile *c, const struct node *n, struct rules_rejections **out);

#endif
