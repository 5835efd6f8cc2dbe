/* bed - a gate with a small world around it: clients that are bytes, and a bus in
 * memory whose auth, presence and router answer at once (or, with 'by_hand', wait
 * for the test to speak). Time moves when the test says so. */
#ifndef CAUSEWAY_BED_H
#define CAUSEWAY_BED_H

#include "gate.h"
#include "sid.h"

enum { BED_CLIENTS = 64 };

struct bed_client {
    struct conn *conn;          /* NULL: not open, or closed by the gate */
    bool         closed;        /* by the gate */
    bool         stuck;         /* reads nothing */
    bool         head;          /* asked by HEAD: the next answer has no body */
    struct buf   in;            /* what came and was not looked at yet */
};

struct bed {
    struct config   config;
    struct generation *generation;
    struct gateway_stats stats;
    struct gate    *gate;
    struct view    *view;
    struct gate_time now;
    struct bed_client client[BED_CLIENTS];
    uint16_t        number;
    struct buf      mail;       /* what the gate said to other gateways, as it stands in frames, until bed_post */
    struct buf      said;       /* what the gate said to the bus, a line each: "router-0 EMIT ..." */
    bool            by_hand;
    uint64_t        seq, seed, link[64], epoch;
    uint64_t        view_number;
    bool            split;      /* clients' bytes arrive one by one */
    enum err        hand;       /* how handing over a descriptor to another gateway ends */
};

extern const struct compressor *bed_compressor;     /* the stand-in, unless somebody has a better one */

/* topology: YAML's flow style; NULL: one namespace "/" without rules, identity none. */
void bed_init(struct bed *b, const char *topology);
void bed_init_as(struct bed *b, const char *topology, uint16_t number);     /* another gateway than 0; its ids differ */
void bed_reload(struct bed *b, const char *topology);       /* as the shell does it */
void bed_fini(struct bed *b);       /* and all that was open is gone: gauges are checked to be 0 */

void bed_open(struct bed *b, unsigned client, size_t listener, const char *address);
void bed_open_passed(struct bed *b, unsigned client, size_t listener, const char *address);     /* its descriptor came from another gateway */
void bed_bytes(struct bed *b, unsigned client, struct span bytes);      /* from the client, as they are */
void bed_text(struct bed *b, unsigned client, const char *text);        /* a masked text frame */
void bed_frame(struct bed *b, unsigned client, int first_byte, struct span payload);   /* FIN and opcode as given, masked */
void bed_writable(struct bed *b, unsigned client);       /* it was stuck, and reads again */
void bed_hang_up(struct bed *b, unsigned client);
void bed_pass(struct bed *b, uint64_t ms);
void bed_turn(struct bed *b);       /* effects and writes */

/* Takes the next frame to a client out of what came: false: none. Its payload is copied to 'out'. A compressed one has bit 0x40 in 'opcode'. */
bool bed_next_frame(struct bed *b, unsigned client, int *opcode, struct buf *out);
/* Takes an HTTP answer: status, head and body. */
bool bed_next_answer(struct bed *b, unsigned client, unsigned *status, struct buf *head, struct buf *body);
/* A WebSocket client from the first byte to the open packet (which is read). */
void bed_websocket(struct bed *b, unsigned client, const char *query, const char *fields);

void bed_say(struct bed *b, enum role role, uint16_t number, enum msg_type type, struct buf *message);  /* to the gate; an encoded message; empties it */
void bed_deliver(struct bed *b, const struct msg_BODY *body);
void bed_roster(struct bed *b, enum roster_phase phase, const char *const *owners, const char *const *members);
bool bed_post(struct bed *from, struct bed *to);        /* what 'from' has said to gateways arrives at 'to'; false: nothing */
void bed_confirm(struct bed *b, uint16_t router);       /* all that it was sent */

#endif
