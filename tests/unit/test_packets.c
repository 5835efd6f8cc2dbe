/* What ends a connection and what does not (traps 27 to 33): each packet on a WebSocket, on polling with a
 * GET that waits and without one. Packets of a row stand as in a payload: 0x1e between them, b<base64> for binary. */
#include "base64.h"
#include "bed.h"
#include "t.h"

#include <stdio.h>

#define RS "\x1e"
#define B  RS "bAQID"                   /* an attachment */
#define P(n) "{\"_placeholder\":true,\"num\":" #n "}"
#define DEEP8 "[[[[[[[["
#define DEEP64 DEEP8 DEEP8 DEEP8 DEEP8 DEEP8 DEEP8 DEEP8 DEEP8
#define UP8 "]]]]]]]]"
#define UP64 UP8 UP8 UP8 UP8 UP8 UP8 UP8 UP8

enum fate { STAYS, ENDS };
static const struct row { const char *name, *packets; enum fate fate; const char *answers; } rows[] = {
    /* ---- CONNECT, DISCONNECT */
    { "a second CONNECT",                   "40",                           ENDS,  "" },
    { "one with a payload",                 "40{\"a\":1}",                  ENDS,  "" },
    { "CONNECT with null",                  "40/chat,null",                 ENDS,  "" },
    { "with a list",                        "40/chat,[]",                   ENDS,  "" },
    { "with a text",                        "40/chat,\"x\"",                ENDS,  "" },
    { "with a number",                      "40/chat,1",                    ENDS,  "" },
    { "with half an object",                "40/chat,{\"a\":",              ENDS,  "" },
    { "of a namespace that is none",        "40/no,",                       STAYS, "44/no,{\"message\":\"Invalid namespace\"}" },
    { "and another one",                    "40/no," RS "40/nope,{}",       STAYS, "44/no,{\"message\":\"Invalid namespace\"}" RS "44/nope,{\"message\":\"Invalid namespace\"}" },
    { "names are literal",                  "40/chat/," RS "40/chat?x=1,",  STAYS, "44/chat/,{\"message\":\"Invalid namespace\"}" RS "44/chat?x=1,{\"message\":\"Invalid namespace\"}" },
    { "DISCONNECT from the last one",       "41",                           STAYS, "" },
    { "and nothing is connected",           "41" RS "42[\"x\"]",            ENDS,  "" },
    { "twice",                              "41" RS "41",                   ENDS,  "" },
    { "of another namespace",               "41/chat,",                     ENDS,  "" },
    { "with an object",                     "41{}",                         ENDS,  "" },
    { "with a list",                        "41[\"x\"]",                    ENDS,  "" },
    { "CONNECT_ERROR from a client",        "44",                           ENDS,  "" },
    { "with a message",                     "44{\"message\":\"x\"}",        ENDS,  "" },
    /* ---- what is no packet */
    { "an unknown type",                    "47",                           ENDS,  "" },
    { "a letter",                           "4x",                           ENDS,  "" },
    { "an empty message",                   "4",                            ENDS,  "" },
    /* ---- events */
    { "of a namespace that is not connected", "42/chat,[\"x\"]",            ENDS,  "" },
    { "binary of one",                      "451-/chat,[\"x\"," P(0) "]" B, ENDS,  "" },
    { "without payload",                    "42",                           ENDS,  "" },
    { "with an id alone",                   "421",                          ENDS,  "" },
    { "an object",                          "42{\"a\":1}",                  ENDS,  "" },
    { "null",                               "42null",                       ENDS,  "" },
    { "a text",                             "42\"x\"",                      ENDS,  "" },
    { "half a list",                        "42[\"x\"",                     ENDS,  "" },
    { "more behind it",                     "42[\"x\"]]",                   ENDS,  "" },
    { "a raw control character",            "42[\"x\x01\"]",                ENDS,  "" },
    { "an empty list",                      "42[]",                         ENDS,  "" },
    { "a name that is null",                "42[null]",                     ENDS,  "" },
    { "true",                               "42[true]",                     ENDS,  "" },
    { "an object",                          "42[{}]",                       ENDS,  "" },
    { "a list",                             "42[[]]",                       ENDS,  "" },
    { "reserved: connect",                  "42[\"connect\"]",              ENDS,  "" },
    { "reserved: connect_error",            "42[\"connect_error\"]",        ENDS,  "" },
    { "reserved: disconnect",               "42[\"disconnect\"]",           ENDS,  "" },
    { "reserved: disconnecting",            "42[\"disconnecting\"]",        ENDS,  "" },
    { "reserved: newListener",              "42[\"newListener\"]",          ENDS,  "" },
    { "reserved: removeListener",           "42[\"removeListener\"]",       ENDS,  "" },
    { "reserved, written otherwise",        "42[\"\\u0063onnect\"]",        ENDS,  "" },
    { "reserved, with attachments",         "451-[\"connect\"," P(0) "]" B, ENDS,  "" },
    { "ordinary names",                     "420[\"error\"]" RS "421[\"ping\"]" RS "422[\"connection\"]" RS "423[\"Connect\"]", STAYS, "430[null]" RS "431[null]" RS "432[null]" RS "433[null]" },
    { "an empty name",                      "420[\"\"]",                    STAYS, "430[null]" },
    { "numbers are names",                  "420[7]" RS "421[-1]" RS "422[1.5]" RS "423[0,\"x\"]", STAYS, "430[\"seven\"]" RS "431[null]" RS "432[null]" RS "433[null]" },
    { "nobody asked for an ack",            "42[\"x\"]" RS "42[7]",         STAYS, "" },
    { "nested as deep as may be",           "420[\"x\"," DEEP8 DEEP8 DEEP8 DEEP8 DEEP8 DEEP8 DEEP8 UP8 UP8 UP8 UP8 UP8 UP8 UP8 "]", STAYS, "430[null]" },
    { "and deeper (trap 47)",               "420[\"x\"," DEEP64 UP64 "]",   ENDS,  "" },
    { "a lone surrogate (trap 33)",         "420[\"echo\",\"\\ud800\"]",    STAYS, "430[\"\\ud800\"]" },
    /* ---- ack ids */
    { "0 is one",                           "420[\"x\"]",                   STAYS, "430[null]" },
    { "the largest, digit for digit",       "429007199254740991[\"x\"]",    STAYS, "439007199254740991[null]" },
    { "more than JavaScript counts to",     "429007199254740992[\"x\"]",    ENDS,  "" },
    { "letters",                            "42abc[\"x\"]",                 ENDS,  "" },
    { "negative",                           "42-1[\"x\"]",                  ENDS,  "" },
    { "a fraction",                         "421.5[\"x\"]",                 ENDS,  "" },
    /* ---- acks */
    { "nobody asked for",                   "430[]" RS "4399[1,2]" RS "439007199254740991[]", STAYS, "" },
    { "binary, nobody asked for",           "461-5[" P(0) "]" B,            STAYS, "" },
    { "of a namespace that is not connected", "43/chat,0[]",                ENDS,  "" },
    { "no id",                              "43[]",                         ENDS,  "" },
    { "letters",                            "43abc[]",                      ENDS,  "" },
    { "negative",                           "43-1[]",                       ENDS,  "" },
    { "a fraction",                         "431.5[]",                      ENDS,  "" },
    { "no payload",                         "431",                          ENDS,  "" },
    { "an object",                          "431{}",                        ENDS,  "" },
    /* ---- attachments (trap 32) */
    { "one comes back",                     "451-0[\"echo\"," P(0) "]" B,   STAYS, "461-0[" P(0) "]" B },
    { "out of order, counted anew",         "452-0[\"echo\",[" P(1) "," P(0) "]]" RS "bAQ==" RS "bAg==", STAYS, "462-0[[" P(0) "," P(1) "]]" RS "bAg==" RS "bAQ==" },
    { "twice the same",                     "451-0[\"echo\",[" P(0) "," P(0) "]]" B, STAYS, "461-0[[" P(0) "," P(0) "]]" B },
    { "one that nothing names",             "452-0[\"echo\"," P(1) "]" RS "bAQ==" RS "bAg==", STAYS, "461-0[" P(0) "]" RS "bAg==" },
    { "ten",                                "4510-0[\"echo\",[" P(0) "," P(1) "," P(2) "," P(3) "," P(4) "," P(5) "," P(6) "," P(7) "," P(8) "," P(9) "]]" B B B B B B B B B B,
                                            STAYS, "4610-0[[" P(0) "," P(1) "," P(2) "," P(3) "," P(4) "," P(5) "," P(6) "," P(7) "," P(8) "," P(9) "]]" B B B B B B B B B B },
    { "eleven",                             "4511-[\"x\"," P(0) "]",        ENDS,  "" },
    { "none",                               "450-[\"x\"]",                  ENDS,  "" },
    { "none in an ack",                     "460-1[]",                      ENDS,  "" },
    { "no number",                          "45[\"x\"]",                    ENDS,  "" },
    { "no dash",                            "451[\"x\"]",                   ENDS,  "" },
    { "letters",                            "45a-[\"x\"]",                  ENDS,  "" },
    { "negative",                           "45-1-[\"x\"]",                 ENDS,  "" },
    { "a placeholder beyond them",          "451-[\"x\"," P(1) "]" B,       ENDS,  "" },
    { "a negative one",                     "451-[\"x\"," P(-1) "]" B,      ENDS,  "" },
    { "a fraction",                         "451-[\"x\"," P(0.5) "]" B,     ENDS,  "" },
    { "a text",                             "451-[\"x\"," P("0") "]" B,     ENDS,  "" },
    { "no num",                             "451-[\"x\",{\"_placeholder\":true}]" B, ENDS, "" },
    { "an event while they are due",        "451-[\"x\"," P(0) "]" RS "42[\"x\"]", ENDS, "" },
    { "a CONNECT while they are due",       "451-[\"x\"," P(0) "]" RS "40/chat,", ENDS, "" },
    { "Engine.IO packets between are fine", "451-0[\"echo\"," P(0) "]" RS "3" RS "6" B, STAYS, "461-0[" P(0) "]" B },
    { "one more than announced",            "451-0[\"x\"," P(0) "]" B B,    ENDS,  "430[null]" },
    { "out of the blue",                    "bAQID",                        ENDS,  "" },
    /* ---- several at once */
    { "an event right behind its CONNECT (trap 30)", "40/chat," RS "42/chat,0[\"x\"]", STAYS, "40/chat,{\"sid\":*}" RS "43/chat,0[null]" },
    { "what stands before a bad one counts", "420[\"x\"]" RS "49",          ENDS,  "430[null]" },
};

/* A '*' stands for what is in the text up to the next brace. */
static bool like(struct span want, struct span got)
{
    for (; want.len; want = span_skip(want, 1)) {
        if (want.ptr[0] == '*') while (got.len && got.ptr[0] != '}') got = span_skip(got, 1);
        else if (!span_eat(&got, want.ptr[0])) return false;
    }
    return got.len == 0;
}

static void same_answers(struct span got, struct span want)
{
    if (!like(want, got)) FAIL("'%.*s', want '%.*s'", (int)got.len, got.ptr, (int)want.len, want.ptr);
}

static void begin(struct bed *b)
{
    bed_init(b, "{listeners: {public: {}}, namespaces: {/: {identity: none, events: {echo: {ack: '{args.0}'}, 7: {ack: seven}}}, /chat: {identity: none}}}");
}

/* ---- on a WebSocket */

static void send_frames(struct bed *b, struct span packets)
{
    while (packets.len) {
        struct span packet = span_cut(&packets, '\x1e');
        struct buf bytes = { 0 };
        if (span_starts(packet, 'b')) CHECK(base64_decode(&bytes, span_skip(packet, 1)) == OK);
        else buf_add(&bytes, packet);
        bed_frame(b, 0, span_starts(packet, 'b') ? 0x82 : 0x81, buf_span(&bytes));
        buf_fini(&bytes);
    }
}

static int frames_as_payload(struct bed *b, struct buf *out)   /* the opcode that ended it: 8, or 0 */
{
    struct buf frame = { 0 };
    int opcode = 0;
    while (bed_next_frame(b, 0, &opcode, &frame) && opcode != 8) {
        if (out->len) buf_add_byte(out, '\x1e');
        if (opcode == 2) buf_add_byte(out, 'b'), base64_encode(out, buf_span(&frame));
        else buf_add(out, buf_span(&frame));
        buf_clear(&frame);
        opcode = 0;
    }
    if (opcode == 8) EQUAL(frame.len, 0);       /* without code (trap 19) */
    buf_fini(&frame);
    return opcode;
}

TEST(packets_on_a_websocket)
{
    const struct row *r;
    EACH(r, rows) {
        struct bed b;
        struct buf got = { 0 };
        begin(&b);
        bed_websocket(&b, 0, "", "");
        bed_text(&b, 0, "40");
        (void)frames_as_payload(&b, &got);
        buf_clear(&got);
        send_frames(&b, span_of(r->packets));
        int ended = frames_as_payload(&b, &got);
        same_answers(buf_span(&got), span_of(r->answers));
        EQUAL(ended, r->fate == ENDS ? 8 : 0);
        EQUAL(b.client[0].closed, r->fate == ENDS);
        EQUAL(b.stats.sessions_open, r->fate == STAYS);
        buf_fini(&got);
        bed_fini(&b);
    }
}

/* ---- on polling */

static void request(struct bed *b, unsigned client, const char *method, struct span sid, const char *body)
{
    struct buf text = { 0 };
    buf_add_format(&text, "%s /socket.io/?EIO=4&transport=polling&sid=%.*s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s", method, (int)sid.len, sid.ptr, strlen(body), body);
    if (!b->client[client].conn) bed_open(b, client, 0, "127.0.0.1");
    bed_bytes(b, client, buf_span(&text));
    buf_fini(&text);
}

static unsigned answer(struct bed *b, unsigned client, struct buf *body)     /* 0: it is still held */
{
    struct buf head = { 0 };
    unsigned status = 0;
    buf_clear(body);
    if (!bed_next_answer(b, client, &status, &head, body)) status = 0;
    buf_fini(&head);
    return status;
}

static void opened(struct bed *b, char sid[SID_LENGTH])
{
    struct buf body = { 0 };
    request(b, 0, "GET", SPAN(""), "");
    EQUAL(answer(b, 0, &body), 200);
    const char *at = memmem(body.ptr, body.len, "\"sid\":\"", 7);
    CHECK(at);
    memcpy(sid, at + 7, SID_LENGTH);
    request(b, 0, "POST", span_from(sid, SID_LENGTH), "40");
    EQUAL(answer(b, 0, &body), 200);
    request(b, 0, "GET", span_from(sid, SID_LENGTH), "");
    EQUAL(answer(b, 0, &body), 200);
    buf_fini(&body);
}

/* All that GETs bring, until one is held or the session is gone. True: it is gone. */
static bool polled(struct bed *b, struct span sid, struct buf *out)
{
    struct buf body = { 0 };
    for (;;) {
        unsigned status = answer(b, 1, &body);
        if (status == 0 || status == 400) {
            buf_fini(&body);
            return status == 400;
        }
        EQUAL(status, 200);
        bool over = body.len && body.ptr[body.len - 1] == '1' && (body.len == 1 || body.ptr[body.len - 2] == '\x1e');
        if (over) body.len -= body.len == 1 ? 1 : 2;
        if (out->len && body.len) buf_add_byte(out, '\x1e');
        buf_add(out, buf_span(&body));
        request(b, 1, "GET", sid, "");
    }
}

static void on_polling(bool get_waits)
{
    const struct row *r;
    EACH(r, rows) {
        struct bed b;
        struct buf got = { 0 };
        char text[SID_LENGTH];
        begin(&b);
        opened(&b, text);
        struct span sid = span_from(text, SID_LENGTH);
        if (get_waits) request(&b, 1, "GET", sid, "");
        request(&b, 0, "POST", sid, r->packets);
        EQUAL(answer(&b, 0, &got), 200);
        SAME(buf_span(&got), "ok");
        buf_clear(&got);
        if (!get_waits) request(&b, 1, "GET", sid, "");
        EQUAL(polled(&b, sid, &got), r->fate == ENDS);
        same_answers(buf_span(&got), span_of(r->answers));
        EQUAL(b.stats.sessions_open, r->fate == STAYS);
        buf_fini(&got);
        bed_fini(&b);
    }
}

TEST(packets_on_polling) { on_polling(false); }
TEST(packets_on_polling_while_a_get_waits) { on_polling(true); }
