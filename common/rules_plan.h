/* rules_plan - what rules are compiled to: for rules.c and rules_compile.c alone. */
#ifndef CAUSEWAY_RULES_PLAN_H
#define CAUSEWAY_RULES_PLAN_H

#include "map.h"
#include "require.h"
#include "rules.h"

struct rules_addresses { struct template_address *at; size_t count; };

struct rules_emit {             /* or a reply: then there is no 'to' */
    struct rules_addresses to, except;
    struct template args;       /* ["event", ...] */
    bool others, is_volatile;
    bool open_name;             /* the event's name has a path in it: it may come out as a reserved one */
};

struct rules_emits { struct rules_emit *at; size_t count; };

struct rules_rule {
    struct span name;           /* its own copy */
    struct template_program program;
    struct { struct require *at; size_t count; } require;
    bool in_object;             /* a requirement names a field: the first argument must be an object */
    struct rules_addresses member, join, leave;
    struct rules_emits emit, reply;
    struct template ack;        /* [null] where the rule says nothing */
    struct {                    /* the refusal */
        bool own_reply;         /* else the rules' default */
        struct rules_emit reply;
        struct template ack;
    } refuse;
};

struct rules {
    struct rules_rule *rule;    /* of the events */
    size_t             rule_count;
    struct rules_rule  connect, online, offline;
    struct rules_rule  fallback;        /* its refusal is what rules without one say */
    struct map         by_name; /* the events' */
    size_t             longest; /* name: what is longer is unknown without a look */
};


#endif
