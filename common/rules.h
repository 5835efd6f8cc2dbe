/* rules - what a namespace does about events, as data: compiled at load from
 * the topology's nodes, run per event into a list of effects.
 *
 *     events:
 *       room:say:
 *         require: {room: string, message: {type: string, min: 1, max: 1000}}
 *         member: "{room}"
 *         emit: {to: "room:{room}", others: true, event: room:said, args: [{from: "{user.id}", message: "{message}"}]}
 *         reply: {event: said, args: [{id: "{new.id}"}]}
 *         ack: {ok: true}
 *
 * An event's name may end in '*', for whatever follows ("room:*", "*"): the rule of the whole name comes first, then the
 * pattern that says most of it. A rule may be a list of rules: the first whose 'when' holds is the event's, and where none
 * holds nothing happens (ack [null]).
 *
 * Keys of a rule, all optional, run in this order whatever the file's order:
 *     when      {PATH: CONDITION}: of an alternative, or of an emit or a reply alone; PATH as in braces, CONDITION as in require
 *     limit     how often: "30/60s", a map, or "none": rules_limit.h
 *     allow     {CLAIM: VALUE or [VALUES]}: claims of the user, all of them; a claim that is a list needs one of the values.
 *               A list of such maps: one of them must hold
 *     require   {FIELD: CONDITION}: a type, a list of types, or {type, min, max, in: VALUES, clean: true, optional: true}, or
 *               'present' (there, not null, not ""), 'absent'. Types: string, number, integer, boolean, object, array, any; min
 *               and max are UTF-16 units of a string, a number's value, elements of an array; clean: without banned words
 *               (the namespace's words_file). "require: string": the first argument itself. FIELD is "a", "a.b" or "args.1".
 *     member    a room, or a list: the sender must be in it
 *     join      a room, or a list; what is written fills the part after "room:"
 *     leave     the same
 *     emit      {when, to: ADDRESS or list, event, args: [...], others: true, except: ADDRESS or list, volatile: true}, or a list of these;
 *               the element "{args}" of args stands for all arguments as they came
 *     unwatch   a user id, or a list: whom the user does not follow any more; "*": anybody
 *     watch     the same: whom he follows from now on. Ids keep their type, "{ids}" may be a list; of his own realm
 *     watched   {when, event, args, volatile, each: true}, or a list: to the sending socket, {watched} being a list of those whom he
 *               follows (after watch and unwatch) and who are online in this namespace; with 'each' an event for each of them
 *     reply     {when, event, args, volatile}, or a list: to the sending socket
 *     ack       a template. Absent: [null]. In a namespace with acks: error-first v goes as [null, v], else as [v]
 *     ack_args  in its place, a list as args has it: an ack of several values, or of what came: ["{args}"]
 *     worker    true, or a name: a worker does the rest (docs/WORKERS.md), and says what is acknowledged
 *     refuse    what is said where one of these fails: {event, args, ack}, 'default' and each problem (problem.def): a text, or
 *               {text, event, args, ack}. In its scope stand {code} (the problem), {field}, {problem} (our words) and {error}: the
 *               text for it, else "{field} {problem}". A refusal's ack v goes as [v] in both forms; absent: [null].
 * The namespace's 'errors' is the same for all its rules; without it: event "error" with [{message: "{error}"}]. Each of text, answer
 * and ack is the rule's for the problem, its own for any, the namespace's for the problem, its for any.
 * The namespace's 'every' has an allow and a require that come before each rule's own.
 * 'connect' has when, join, emit, unwatch, watch, watched, reply; its one argument is what the client's CONNECT carries ('auth' of the client; {} where it
 * carries nothing): {args.0}, {field}. 'online' and 'offline' are {when, to, event, args, except, volatile} or a list;
 * to: watchers there (alone or in a list) means those who follow the user.
 *
 * An event that is refused has no effect but its refusal. Rules are immutable: one
 * owner, rules_destroy. Templates: template.h. Pure. */
#ifndef CAUSEWAY_RULES_H
#define CAUSEWAY_RULES_H

#include "config.h"
#include "problem.h"
#include "template.h"

struct rules;
struct rules_rule;

/* NULL where anything is wrong: every error is a line in 'errors'. Keeps nothing of 'ns'. */
struct rules *rules_new(const struct config_namespace *ns, struct buf *errors);
void rules_destroy(struct rules **self);

/* ---- running */

enum rules_effect_kind { RULES_JOIN, RULES_LEAVE, RULES_EMIT, RULES_WATCH, RULES_REPLY, RULES_ACK, RULES_WORK };

struct rules_effect {
    enum rules_effect_kind kind;
    bool        is_volatile;
    bool        watchers;       /* EMIT of an announcement: to those who follow the user, too */
    bool        asks;           /* WATCH: rules_watched is to be run with what presence answers, */
    unsigned    alternative;    /* of this rule of the event's list */
    struct span to;             /* JOIN, LEAVE: one address, "room:lobby"; EMIT: strs of addresses (msg.h); WORK: name of the workers, empty: any;
                                   WATCH: whom not to follow any more: a user id or a list of them in JSON, "*" in quotes, or empty */
    struct span except;         /* EMIT: strs; with 'others' the sender's "socket:<id>" is one of them */
    struct span args;           /* EMIT, REPLY: ["event", ...]; ACK: [...]; WATCH: whom to follow, as above */
    struct span nsp;            /* EMIT: namespace; empty: the socket's own */
    struct span attachments;    /* a byte each: number k of args is the packet's attachment attachments.ptr[k] */
};

/* What a run causes, in order. { 0 } is an empty one; reuse it from event to event.
 * Spans point into 'text' and live until the next run or rules_effects_fini. */
struct rules_effects {
    struct rules_effect *at;
    size_t      count;
    enum problem code;          /* where the event was refused: PROBLEM_MISSING, */
    struct span field, problem; /* "message", "is missing" */
    /* rules' own: */
    size_t      cap;
    struct rules_place *place;
    struct buf  text;
};
void rules_effects_fini(struct rules_effects *e);

/* Is the sender in that room ("room:lobby")? */
struct rules_rooms {
    bool (*is_member)(const void *self, struct span address);
    const void *self;
};

/* The rule of an event ("name" as it stands in the packet), or NULL. By hash, patterns by a look a byte: 10 rules or 10,000. */
const struct rules_rule *rules_find(const struct rules *r, struct span event);
bool rules_rule_works(const struct rules_rule *rule);           /* some alternative of it is for workers */
struct span rules_rule_name(const struct rules_rule *rule);     /* "room:say"; of a pattern "room:*" */

/* Runs the rule of scope->event. OK; ERR_UNKNOWN: there is none; else the event was refused:
 * ERR_MISSING, ERR_TYPE, ERR_LIMIT, ERR_RANGE, ERR_SYNTAX, ERR_CONTENT by what was wrong (out->code says more), ERR_AUTH:
 * not allowed or not a member, ERR_STATE: it would send one of Socket.IO's own events. The scope must not point into 'out'.
 * Whatever it says, 'out' holds all that is to be done; the last effect is always an ACK
 * (for packets that ask for one), or WORK: a worker does the rest. 'rooms' may be NULL: a member of nothing. */
enum err rules_run(const struct rules *r, const struct template_scope *scope, const struct rules_rooms *rooms,
                   struct rules_effects *out);

/* What the sender is told where something else refuses his event (a limit, a worker, the bus): the rule's or the namespace's words
 * for that problem. 'text' is {problem}, empty: ours; 'more' are further members of the scope, as JSON: "\"limit\":30". */
void rules_refuse(const struct rules *r, const struct template_scope *scope, enum problem code, struct span text, struct span more,
                  struct rules_effects *out);

/* ---- a connection that is refused (namespaces.<name>.refusals: a reason's own, else its 'default', else ours) */
enum rejection_reason {
#define REJECTION(NAME, name, doc) REJECTION_##NAME,
#include "rejection.def"
#undef REJECTION
    REJECTION_COUNT
};

struct rules_rejected {         /* rules_rejected_fini */
    enum config_refuse as;
    struct buf message;         /* plain text */
    struct buf data;            /* JSON of CONNECT_ERROR's data, or empty */
    struct buf args;            /* ["event", ...] */
};

/* 'r' may be NULL. 'as' is the namespace's own way, 'text' our words. */
void rules_reject(const struct rules *r, enum config_refuse as, enum rejection_reason why, struct span text,
                  const struct template_scope *scope, struct rules_rejected *out);
void rules_rejected_fini(struct rules_rejected *r);

bool rules_connect_asks(const struct rules *r);     /* does its rule look at what CONNECT carries? */

/* A socket that came, a user's first and last one. What can't be addressed is left out;
 * the first such error is answered. No ACK. */
enum err rules_connect(const struct rules *r, const struct template_scope *scope, struct rules_effects *out);
enum err rules_online(const struct rules *r, const struct template_scope *scope, struct rules_effects *out);
enum err rules_offline(const struct rules *r, const struct template_scope *scope, struct rules_effects *out);

/* What a rule's 'watched' says: 'online' is a JSON list of user ids, {watched}. 'connect': of the connect rule, else of
 * scope->event's; of that one of its alternatives. REPLYs alone. */
void rules_watched(const struct rules *r, const struct template_scope *scope, bool connect, unsigned alternative, struct span online,
                   struct rules_effects *out);
struct rules_rolls;
const struct rules_rolls *rules_rolls_of(const struct rules *r);     /* rules_roll.h; or NULL */
bool rules_watches(const struct rules *r);          /* is anything announced to watchers? */

#endif
