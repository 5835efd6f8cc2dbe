/* template_code - what a template is compiled to: for template.c and template_compile.c alone.
 *
 * A program is a list of ops over one text. Paths are interned: each is looked up
 * once per event, however many templates name it. */
#ifndef CAUSEWAY_TEMPLATE_CODE_H
#define CAUSEWAY_TEMPLATE_CODE_H

#include "template.h"

enum template_op_kind {
    TEMPLATE_TEXT,      /* adds text[at..at+len) */
    TEMPLATE_COMMA,     /* adds a comma unless the object or list was just opened */
    TEMPLATE_MEMBER,    /* the value with its key, text[at..at+len), and a comma if need be; nothing where it is missing */
    TEMPLATE_VALUE,     /* the value, or null */
    TEMPLATE_PART,      /* the value inside quoted text, or nothing */
    TEMPLATE_ALL_ARGS,  /* each argument, a comma before it if need be */
};

struct template_op {
    uint8_t  kind;
    uint8_t  path;
    unsigned at, len;
};

enum template_root {
    TEMPLATE_FIELD,     /* of the first argument; an extra value of that name goes before */
    TEMPLATE_ARGS,      /* of argument 'index' */
    TEMPLATE_CLAIMS,
    TEMPLATE_USER_ID, TEMPLATE_SOCKET_ID, TEMPLATE_SOCKET_ADDRESS, TEMPLATE_NSP, TEMPLATE_EVENT,
    TEMPLATE_NOW_ISO, TEMPLATE_NOW_MS, TEMPLATE_NOW_S, TEMPLATE_NEW_ID,
};

struct template_path {
    uint8_t  root;
    bool     payload_only;      /* extra values have no say */
    unsigned index;
    unsigned at, len;           /* in the program's text: as it was written */
    unsigned walk, walk_len;    /* the part of it that goes into the root's value; 0: the value itself */
    unsigned head_len;          /* the walk's first name */
};

_Static_assert(TEMPLATE_PATHS_MAX <= 64, "one bit of a word each");

static inline struct span template_text(const struct template_program *p, unsigned at, unsigned len)
{
    return (struct span){ p->text.ptr ? p->text.ptr + at : "", len };
}

#endif
