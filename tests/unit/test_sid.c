#include "sid.h"
#include "t.h"

static const uint8_t key[SID_KEY_BYTES] = "0123456789abcde";

TEST(sid_names_its_gateway_and_is_signed)
{
    struct sid sid;
    uint16_t gateway = 0;
    sid_make(&sid, 513, (const uint8_t *)"abcdefgh", key);
    EQUAL_ERR(sid_decode(sid_span(&sid), key, &gateway), OK);
    EQUAL(gateway, 513);
    for (size_t i = 0; i < SID_LENGTH; i++) {       /* no character of it may be another one */
        struct sid other = sid;
        other.text[i] = other.text[i] == 'A' ? 'B' : 'A';
        CHECK(sid_decode(sid_span(&other), key, &gateway) != OK);
        CHECK(sid_decode(span_head(sid_span(&sid), i), key, &gateway) == ERR_SYNTAX);
    }
}

TEST(sid_of_a_socket_has_two_forms)
{
    struct sid sid;
    struct buf id = { 0 };
    uint16_t gateway = 0;
    sid_make(&sid, 7, (const uint8_t *)"abcdefgh", key);
    EQUAL_ERR(sid_of_socket(sid_span(&sid), &gateway), OK);
    EQUAL(gateway, 7);
    static const struct { const char *name, *head; enum err err; } rows[] = {
        { "another namespace", "/chat#", OK },
        { "with its own mark", "/a#b#",  OK },
        { "no namespace",      "chat#",  ERR_SYNTAX },
        { "no mark",           "/chat",  ERR_SYNTAX },
        { "nothing before it", "#",      ERR_SYNTAX },
    }, *r;
    EACH(r, rows) {
        buf_clear(&id);
        buf_add(&id, span_of(r->head)), buf_add(&id, sid_span(&sid));
        gateway = 0;
        EQUAL_ERR(sid_of_socket(t_exact(buf_span(&id)), &gateway), r->err);
        EQUAL(gateway, r->err ? 0 : 7);
    }
    EQUAL_ERR(sid_of_socket(SPAN("/chat#"), &gateway), ERR_SYNTAX);
    buf_fini(&id);
}
