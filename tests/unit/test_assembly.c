#include "assembly.h"
#include "t.h"

#define PLACE(n) "{\"_placeholder\":true,\"num\":" #n "}"

static enum err begin(struct assembly **a, const char *text, size_t max)
{
    struct sio_packet p;
    EQUAL_ERR(sio_decode(&p, t_exact(span_of(text))), OK);
    return assembly_begin(a, &p, max);
}

static const struct row { const char *name, *in; size_t max; enum err err; } rows[] = {
    { "fits",                 "51-[\"a\"," PLACE(0) "]",            100, OK },
    { "out of order",         "52-[\"a\"," PLACE(1) "," PLACE(0) "]", 100, OK },
    { "beyond the count",     "51-[\"a\"," PLACE(1) "]",            100, ERR_RANGE },
    { "text over the limit",  "51-[\"a\"," PLACE(0) "]",            30,  ERR_LIMIT },
    { "limit zero",           "51-[\"a\"]",                         0,   ERR_LIMIT },
    { "ack",                  "61-3[" PLACE(0) "]",                 100, OK },
    { "ack, beyond",          "61-3[" PLACE(2) "]",                 100, ERR_RANGE },
};

TEST(assembly_begins_or_refuses)
{
    const struct row *r;
    EACH(r, rows) {
        struct assembly *a = NULL;
        EQUAL_ERR(begin(&a, r->in, r->max), r->err);
        EQUAL(a != NULL, r->err == OK);
        assembly_destroy(&a);
        CHECK(a == NULL);
    }
}

TEST(assembly_gives_the_packet_back)
{
    struct assembly *a = NULL;
    struct sio_packet p;
    struct span frames[SIO_MAX_ATTACHMENTS];
    EQUAL_ERR(begin(&a, "53-/chat,7[\"upload\"," PLACE(2) "," PLACE(0) "]", 4096), OK);
    EQUAL_ERR(assembly_add(a, t_exact(SPAN("first"))), ERR_AGAIN);
    EQUAL_ERR(begin(&a, "51-[\"b\"]", 4096), ERR_STATE);        /* a text message in between */
    EQUAL_ERR(assembly_add(a, SPAN("")), ERR_AGAIN);
    EQUAL_ERR(assembly_add(a, t_exact(SPAN("third\0third"))), OK);
    EQUAL_ERR(assembly_add(a, SPAN("fourth")), ERR_STATE);
    assembly_packet(a, &p, frames);
    EQUAL(p.type, SIO_BINARY_EVENT);
    EQUAL(p.attachments, 3);
    EQUAL(p.id, 7);
    SAME(p.nsp, "/chat");
    SAME(p.name, "\"upload\"");
    SAME(p.json, "[\"upload\"," PLACE(2) "," PLACE(0) "]");
    SAME(frames[0], "first");
    SAME(frames[1], "");
    SAME_SPAN(frames[2], SPAN("third\0third"));
    assembly_destroy(&a);
    assembly_destroy(&a);
}

TEST(assembly_without_a_beginning)
{
    EQUAL_ERR(assembly_add(NULL, SPAN("x")), ERR_STATE);
}

TEST(assembly_bounds_all_bytes_together)
{
    struct assembly *a = NULL;
    EQUAL_ERR(begin(&a, "52-[\"a\"]", 10), OK);                 /* "/" and 5 bytes of JSON: 4 are left */
    EQUAL_ERR(assembly_add(a, SPAN("12345")), ERR_LIMIT);
    EQUAL_ERR(assembly_add(a, SPAN("123")), ERR_AGAIN);
    EQUAL_ERR(assembly_add(a, SPAN("45")), ERR_LIMIT);
    EQUAL_ERR(assembly_add(a, SPAN("4")), OK);
    assembly_destroy(&a);
}
