/* template - payloads and addresses with {paths} in them, compiled at load,
 * rendered per event straight into a buf: no tree, no code, no allocation else.
 *
 *     {senderId: "{user.id}", text: "to {room}: {message}", at: "{now.iso}"}
 *
 * A string that is one {path} keeps the JSON type of the value, copied byte for
 * byte (42 stays 42, 1.10 stays 1.10). In longer text numbers and booleans stand
 * as they are, objects as their JSON. "{{" is a brace. A value that is missing
 * takes its key with it in an object, is null in a list and nothing in text.
 *
 *     {message} {a.b} {list.0}   of the packet's first argument, if it is an object or list
 *     {args.N} {args.N.x}        any argument
 *     {args}                     all of them: an element of a list of arguments, never a value (template_add_arguments)
 *     {user.id}                  the user, type kept; {user.X} and {claims.X}: claim X
 *     {socket.id} {socket.address} {nsp} {event}
 *     {nsp.1} {nsp.2}            what the wildcards of its pattern stand for
 *     {now.iso} {now.ms} {now.s} one time for the whole event
 *     {new.id}                   22 random characters, the same in the whole event
 *     {X}                        where the scope has extra values (reason, count; field and
 *                                problem in a refusal) these come before the payload's
 *
 * A payload field whose name is one of the roots above is reached by {args.0.NAME}.
 *
 * Programs own what they compile to; a 'struct template' is a range of one and dies
 * with it. Rendering takes a scope (what is known, borrowed) and a run (what was
 * worked out so far): one run serves all templates of one program for one event.
 * Pure: time and randomness stand in the scope. */
#ifndef CAUSEWAY_TEMPLATE_H
#define CAUSEWAY_TEMPLATE_H

#include "address.h"
#include "buf.h"
#include "err.h"
#include "iso.h"
#include "node.h"
#include "renumber.h"

enum {
    TEMPLATE_PATHS_MAX = 64,    /* different paths in one program */
    TEMPLATE_NAME_MAX  = 256,   /* bytes behind the colon of a rendered address */
};

/* ---- compiling */

struct template_program {       /* { 0 } is an empty one */
    struct template_op   *op;
    struct template_path *path;
    unsigned              op_count, op_cap, path_count, path_cap;
    struct buf            text;     /* literals and paths */
};

struct template { unsigned from, to; };     /* ops of the program; { 0 }: none, renders nothing */

struct template_address {
    enum { TEMPLATE_SELF, TEMPLATE_ALL, TEMPLATE_NAMED } form;
    enum address_kind kind;
    struct template   name;     /* what stands behind the colon */
};

struct template_compiler {
    struct template_program *program;
    struct buf *errors;         /* lines by node_error */
    const char *where;          /* the path in the topology, for those */
    bool        no_socket;      /* 'self' and {socket.X} mean nothing here */
    size_t      nsp_parts;      /* how many wildcards the namespace's name has */
    unsigned    floor;          /* template_begin's */
};

/* A template is what was added between begin and end. False: errors were written. */
void template_begin(struct template_compiler *c);
struct template template_end(struct template_compiler *c);
void template_add_literal(struct template_compiler *c, struct span json);           /* as it is */
bool template_add(struct template_compiler *c, const struct node *n);               /* any node */
bool template_add_string(struct template_compiler *c, const struct node *n);        /* a string, whatever is in it */
/* The elements of a list, into one that is open: {args} there stands for all that came. 'behind': some element is in it already. */
bool template_add_arguments(struct template_compiler *c, const struct node *list, bool behind);
bool template_asks(const struct template_program *p);      /* does it look at the packet's arguments? */
/* "room:{room}", "user:{id}", "socket:{id}", "*", "self": the kind is literal, so that a client fills a name only. */
bool template_compile_address(struct template_address *a, struct template_compiler *c, const struct node *n);
/* A room's name alone: what stands behind "room:". */
bool template_compile_room(struct template_address *a, struct template_compiler *c, const struct node *n);
/* The path of one payload field, "message", "a.b" or "args.1": roots have no meaning but args. */
bool template_compile_field(unsigned *path, struct template_compiler *c, const struct node *n, struct span name);
/* Any path whose value is JSON, as it stands in braces: "message", "user.role", "args.1". */
bool template_compile_path(unsigned *path, struct template_compiler *c, const struct node *n, struct span text);
struct span template_path_text(const struct template_program *p, unsigned path);    /* "a.b" */
void template_fini(struct template_program *p);

/* ---- rendering */

struct template_scope {         /* all borrowed; empty where there is none */
    struct span packet;         /* the event's JSON array ["event", ...], checked */
    unsigned    attachments;    /* of the packet: its placeholders were checked against it */
    struct span user;           /* JSON value: 42, "42"; empty: anonymous */
    struct span realm;          /* of the user; empty: the default one */
    struct span claims;         /* JSON object, checked */
    struct span socket, address, nsp;   /* plain text */
    const struct span *nsp_parts;       /* what the wildcards of its pattern stand for (namespace.h) */
    size_t      nsp_part_count;
    struct span event;          /* JSON: as it stands in the packet */
    struct span extra;          /* JSON object, checked: reason, count, ... */
    uint64_t    now_ms;         /* Unix time */
    uint8_t     random[16];     /* for {new.id} */
};

struct template_run {           /* by template_start; no need to clear or free it */
    const struct template_program *program;
    const struct template_scope   *scope;
    uint64_t    known, text;                    /* bits: which values below are there; which are plain text, not JSON */
    struct span value[TEMPLATE_PATHS_MAX];
    bool        first_known;
    struct span first;                          /* the packet's first argument */
    unsigned    failed;                         /* after an ERR_*: the path that was wrong, or TEMPLATE_PATHS_MAX */
    struct renumber used;                       /* attachments that the text rendered since refers to */
    char        iso[ISO_LENGTH_MAX], ms[20], s[20], id[24];
};

void template_warm(const struct template_program *p);    /* it will be run at once, and may be in no cache (warm.h) */
void template_start(struct template_run *run, const struct template_program *p, const struct template_scope *scope);
struct span template_value(struct template_run *run, unsigned path);    /* of template_compile_field: JSON, or empty where missing */

/* JSON. Adds to run->used; set that to { 0 } before what gets attachments of its own. */
void template_render(struct buf *out, const struct template *t, struct template_run *run);

/* "room:lobby". ERR_MISSING: a value is missing or null, or the name is empty; ERR_TYPE: a value
 * is no text, number or boolean; ERR_LIMIT: longer than TEMPLATE_NAME_MAX; ERR_SYNTAX: a NUL byte.
 * Nothing is written but for OK. A user's address gets the scope's realm (template_user_address):
 * a client reaches nobody of another one. */
enum err template_render_address(struct buf *out, const struct template_address *a, struct template_run *run);

/* "user:42", "user:realm/42": the address of a user whose id is this JSON value. An id that holds
 * a '/' has its realm written even if that is the default: "user:/a/b". ERR_* as above. */
enum err template_user_address(struct buf *out, struct span realm, struct span user);

#endif
