/* script - what the parts of the transcripts' interpreter share: texts with escapes and variables, clients, the bus.
 * transcript.c says what stands in a file. */
#ifndef CAUSEWAY_TESTS_SCRIPT_H
#define CAUSEWAY_TESTS_SCRIPT_H

#include "bed.h"

enum { NAMES = 32, VARS = 32 };

struct script {
    struct bed  bed;
    bool        begun, split;
    char       *config;
    const char *file;
    unsigned    line;
    char        place[128];
    struct { char name[16]; bool opened; } names[NAMES];
    unsigned    name_count;
    struct { char name[16], value[64]; } vars[VARS];
    unsigned    var_count;
    size_t      said;           /* how much of bed.said was looked at */
    struct buf  head;           /* of the newest answer */
};

/* ---- script_text.c */
int script_hex(char digit);                                           /* -1: it is none */
void script_expand(struct script *s, struct span in, struct buf *out);         /* what is sent */
bool script_matches(struct script *s, struct span want, struct span got);

/* ---- script_clients.c */
unsigned script_client(struct script *s, struct span name);        /* by its name; a new one where there is none */
const char *script_method(struct span word);                       /* "get": "GET"; NULL: it is none */
void script_open(struct script *s, struct span rest);
void script_knock(struct script *s, struct span rest);
void script_raw(struct script *s, struct span rest);
void script_request(struct script *s, const char *method, struct span rest);
void script_send(struct script *s, unsigned i, struct span rest);
void script_expect(struct script *s, unsigned i, struct span want);

/* ---- script_bus.c */
void script_on_bus_line(struct script *s, struct span want);
void script_bus(struct script *s, struct span line);
void script_roster(struct script *s, struct span line);
void script_reborn(struct script *s, struct span rest);
void script_sid(struct script *s, struct span rest);
void script_hand(struct script *s, struct span name);
void script_passed(struct script *s, struct span name);

#endif
