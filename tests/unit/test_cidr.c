#include "cidr.h"
#include "t.h"

static const struct row { const char *name, *in; enum err err; const char *want; } rows[] = {
    { "four",           "10.1.2.3",            OK, "10.1.2.3" },
    { "with port",      "10.1.2.3:80",         OK, "10.1.2.3" },
    { "six",            "2001:db8::1",         OK, "2001:db8::1" },
    { "brackets",       "[::1]",               OK, "::1" },
    { "both",           "[::1]:8080",          OK, "::1" },
    { "mapped",         "::ffff:1.2.3.4",      OK, "1.2.3.4" },
    { "blanks",         " 1.2.3.4 ",           OK, "1.2.3.4" },
    { "text",           "unknown",             ERR_SYNTAX, "" },
    { "empty",          "",                    ERR_SYNTAX, "" },
    { "too long",       "11111111111111111111111111111111111111111111111111111", ERR_SYNTAX, "" },
    { "bad port",       "1.2.3.4:x",           ERR_SYNTAX, "" },
    { "open bracket",   "[::1",                OK, "::1" },
    { "256",            "1.2.3.256",           ERR_SYNTAX, "" },
};

TEST(cidr_reads_addresses)
{
    const struct row *r;
    EACH(r, rows) {
        struct ip ip;
        struct buf text = { 0 };
        EQUAL_ERR(ip_decode(&ip, span_of(r->in)), r->err);
        ip_print(&text, &ip);
        SAME(buf_span(&text), r->want);
        buf_fini(&text);
    }
}

static const struct in { const char *name, *range, *ip; bool in; } ranges[] = {
    { "same",          "10.0.0.1",      "10.0.0.1", true },
    { "another",       "10.0.0.1",      "10.0.0.2", false },
    { "eight bits",    "10.0.0.0/8",    "10.255.1.2", true },
    { "not in eight",  "10.0.0.0/8",    "11.0.0.0", false },
    { "odd bits",      "192.168.4.0/22", "192.168.7.255", true },
    { "odd, outside",  "192.168.4.0/22", "192.168.8.0", false },
    { "all",           "0.0.0.0/0",     "1.2.3.4", true },
    { "all of four",   "0.0.0.0/0",     "::1", false },
    { "six",           "2001:db8::/32", "2001:db8:1::1", true },
    { "all of six",    "::/0",          "1.2.3.4", true },
};

TEST(cidr_knows_who_is_in)
{
    const struct in *r;
    EACH(r, ranges) {
        struct cidr c;
        struct ip ip;
        EQUAL_ERR(cidr_decode(&c, span_of(r->range)), OK);
        EQUAL_ERR(ip_decode(&ip, span_of(r->ip)), OK);
        EQUAL(cidr_has(&c, 1, &ip), r->in);
    }
    struct cidr c;
    EQUAL_ERR(cidr_decode(&c, SPAN("10.0.0.0/33")), ERR_RANGE);
    EQUAL_ERR(cidr_decode(&c, SPAN("10.0.0.0/x")), ERR_SYNTAX);
    EQUAL_ERR(cidr_decode(&c, SPAN("ten/8")), ERR_SYNTAX);
}

static const struct hop { const char *name, *peer, *forwarded, *want; } hops[] = {
    { "no proxy",            "9.9.9.9",  "1.1.1.1",                    "9.9.9.9" },
    { "one proxy",           "10.0.0.1", "1.1.1.1",                    "1.1.1.1" },
    { "what a client said",  "10.0.0.1", "6.6.6.6, 1.1.1.1",           "1.1.1.1" },
    { "two proxies",         "10.0.0.1", "6.6.6.6, 1.1.1.1, 10.0.0.2", "1.1.1.1" },
    { "all proxies",         "10.0.0.1", "10.0.0.3, 10.0.0.2",         "10.0.0.3" },
    { "nonsense",            "10.0.0.1", "1.1.1.1, unknown",           "10.0.0.1" },
    { "nothing",             "10.0.0.1", "",                           "10.0.0.1" },
};

TEST(cidr_believes_proxies_and_nobody_else)
{
    struct cidr trusted;
    EQUAL_ERR(cidr_decode(&trusted, SPAN("10.0.0.0/8")), OK);
    const struct hop *r;
    EACH(r, hops) {
        struct ip peer, client;
        struct buf text = { 0 };
        ip_decode(&peer, span_of(r->peer));
        client = cidr_client(&trusted, 1, &peer, span_of(r->forwarded));
        ip_print(&text, &client);
        SAME(buf_span(&text), r->want);
        buf_fini(&text);
    }
}
