/* rules_plan - what rules are compiled to: for rules*.c alone. */
#ifndef CAUSEWAY_RULES_PLAN_H
#define CAUSEWAY_RULES_PLAN_H

#include "map.h"
#include "require.h"
#include "rules_limit.h"
#include "rules_roll.h"
#include "trie.h"

struct rules_requires {         /* require, when */
    struct require *at;
    size_t count;
    bool   in_object;           /* one names a field: the first argument must be an object */
};

struct rules_claims {           /* allow: one of its maps */
    struct rules_claim { unsigned path; struct one_of values; } *at;
    size_t count;
};

struct rules_allow { struct rules_claims *at; size_t count; };  /* one of them must hold; none: all are allowed */

struct rules_addresses { struct template_address *at; size_t count; };

struct rules_emit {             /* or a reply: then there is no 'to' */
    struct rules_addresses to, except;
    struct template args;       /* ["event", ...] */
    struct rules_requires when; /* only where these hold */
    bool others, is_volatile;
    bool watchers;              /* of an announcement: to them, too */
    bool each;                  /* of watched: an event for each of them */
    bool open_name;             /* the event's name has a path in it: it may come out as a reserved one */
};

struct rules_emits { struct rules_emit *at; size_t count; };

struct rules_words {            /* an answer to a refused event */
    bool has_text, speaks, has_ack;     /* speaks: it says what is sent, be it nothing but an ack */
    struct template text;               /* JSON: {error} */
    struct rules_emit reply;            /* args { 0 }: none */
    struct template ack;
};

struct rules_refusal {          /* errors, refuse */
    struct rules_words any;     /* whatever the problem */
    struct rules_words of[PROBLEM_COUNT];
};

struct rules_rule {
    struct span name;           /* its own copy; a pattern's with its '*' */
    struct template_program program;
    struct rules_requires when, require;
    struct rules_limit limit;           /* of the fallback: the namespace's, for what has no rule */
    struct rules_allow allow[2];        /* the namespace's for every rule, its own */
    struct rules_addresses member, join, leave;
    struct rules_emits emit, watched, reply;
    struct template unwatch, watch;     /* JSON: an id, a list of them, "*" */
    unsigned alternative;       /* its place in the event's list */
    struct template ack;        /* [null] where the rule says nothing */
    struct span worker;         /* its own copy: name of the workers that do the rest, "*": any; empty: none, and there is an ack */
    struct rules_refusal *refuse;       /* or NULL */
    struct rules_rule *otherwise;       /* where 'when' does not hold, or NULL; it is owned */
};

struct rules {
    struct rules_rule *rule;    /* of the events */
    size_t             rule_count;
    struct rules_rule  connect, online, offline;
    struct rules_rule  fallback;        /* the namespace's errors, compiled whether or not it says any */
    struct rules_rejections *rejections;        /* or NULL: rules_reject.c */
    struct rules_rolls *rolls;  /* or NULL */
    bool               limited; /* some rule has a limit */
    struct words      *words;   /* or NULL */
    struct map         by_name; /* the events' that are no patterns */
    struct trie        prefixes;        /* the patterns', without their '*' */
    struct rules_rule **by_prefix;      /* by the trie's state; or NULL */
    size_t             longest; /* name, or prefix: what is longer is no name, and its end no matter to patterns */
};

struct rules_place { size_t to, except, args, attachments; };   /* of an effect: where in the text, until it is whole */

void rules_rule_fini(struct rules_rule *rule);
void rules_index(struct rules *r);
void rules_rejections_destroy(struct rules_rejections **self);

/* ---- rules.c for rules_refuse.c */
void rules_effects_begin(struct rules_effects *out);
void rules_effects_finish(struct rules_effects *out);
void rules_add_ack(struct rules_effects *out, const struct template *ack, struct template_run *run);
void rules_add_null_ack(struct rules_effects *out);
enum err rules_add_emit(struct rules_effects *out, const struct rules_emit *emit, enum rules_effect_kind kind, struct template_run *run);
struct rules_effect *rules_add(struct rules_effects *out, enum rules_effect_kind kind, struct rules_place **place);
bool rules_holds(const struct rules_requires *when, struct template_run *run);
void rules_add_reply(struct rules_effects *out, const struct rules_emit *reply, struct template_run *run);

/* All of its effects; the first error is answered, the others go on. */
enum err rules_run_plain(const struct rules_rule *rule, const struct template_scope *scope, struct rules_effects *out);

/* ---- rules_watch.c for rules.c: whom to follow, whom not. OK; ERR_MISSING; ERR_TYPE: no user id, nor a list of them */
enum err rules_add_watch(struct rules_effects *out, const struct rules_rule *rule, struct template_run *run);

/* The answer for out->code, out->field and out->problem in place of what is in 'out'; 'more': see rules_refuse. */
void rules_answer(const struct rules *r, const struct rules_rule *rule, const struct template_scope *scope, struct span more,
                  struct rules_effects *out);

#endif
