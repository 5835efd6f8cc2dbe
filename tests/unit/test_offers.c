#include "offers.h"
#include "t.h"

static const struct siphash_key seed = { 1, 2 };

static struct offers some(void)
{
    struct offers o;
    offers_init(&o, &seed);
    offers_add(&o, 1, 4, SPAN("a"), SPAN("/"), SPAN("say"));
    offers_add(&o, 2, 8, SPAN("a"), SPAN("/"), SPAN("say"));
    offers_add(&o, 2, 8, SPAN("b"), SPAN("/game-*"), SPAN("say"));
    offers_add(&o, 3, 1, SPAN("c"), SPAN("*"), SPAN("*"));
    offers_add(&o, 3, 1, SPAN("c"), SPAN("/"), SPAN("room:*"));
    offers_add(&o, 4, 1, SPAN("d"), SPAN("/"), SPAN("room:*:end"));
    offers_add(&o, 4, 1, SPAN("d"), SPAN("/"), SPAN("connect"));
    return o;
}

/* "2 holders", in the order of the offers. */
static const char *holders(const struct offers *o, const char *nsp, const char *event, const char *name)
{
    static char text[64];
    size_t n = 0;
    struct offers_query q = { span_of(nsp), span_of(event), span_of(name) };
    for (const struct offer *f = offers_first(o, &q); f; f = offers_next(f, &q))
        for (size_t i = 0; i < f->count; i++) text[n++] = (char)('0' + f->at[i].id);
    text[n] = 0;
    return text;
}

TEST(offers_the_name_itself_comes_first_then_who_says_most)
{
    static const struct { const char *name, *nsp, *event, *who, *want; } rows[] = {
        { "all of one name",            "/",       "say",          "",  "12" },
        { "a namespace's pattern",      "/game-7", "say",          "",  "2" },
        { "any namespace, any event",   "/chat",   "say",          "",  "3" },
        { "nobody but the pattern",     "/",       "shout",        "",  "3" },
        { "more characters of its own", "/",       "room:7",       "",  "3" },
        { "and more",                   "/",       "room:7:end",   "",  "4" },
        { "nothing for the star",       "/",       "room:",        "",  "3" },
        { "by the worker's name",       "/",       "room:7:end",   "c", "3" },
        { "a name that nobody has",     "/",       "say",          "x", "" },
        { "connect by its name",        "/",       "connect",      "",  "4" },
        { "and by no pattern",          "/",       "disconnect",   "",  "" },
        { "an empty name",              "/",       "",             "",  "3" },
    }, *r;
    struct offers o = some();
    EACH(r, rows) SAME(span_of(holders(&o, r->nsp, r->event, r->who)), r->want);
    offers_fini(&o);
}

TEST(offers_go_with_their_holders)
{
    struct offers o = some();
    EQUAL(o.count, 6);
    offers_drop(&o, 1);
    SAME(span_of(holders(&o, "/", "say", "")), "2");
    offers_drop(&o, 2);
    SAME(span_of(holders(&o, "/", "say", "")), "3");
    offers_drop(&o, 4), offers_drop(&o, 4);
    SAME(span_of(holders(&o, "/", "room:7:end", "")), "3");
    offers_drop(&o, 3);
    EQUAL(o.count, 0);
    SAME(span_of(holders(&o, "/", "say", "")), "");
    offers_add(&o, 1, 4, SPAN("a"), SPAN("/"), SPAN("say")), offers_add(&o, 1, 3, SPAN("a"), SPAN("/"), SPAN("say"));
    struct offers_query q = { SPAN("/"), SPAN("say"), SPAN("") };
    EQUAL(offers_first(&o, &q)->at[0].capacity, 7);
    CHECK(offers_of(&o, &q));
    offers_fini(&o);
}

TEST(offers_patterns)
{
    static const struct { const char *name, *event; bool fits; } rows[] = {
        { "*", "", true }, { "*", "a", true }, { "a*", "a", true }, { "a*", "b", false }, { "*a", "ba", true }, { "*a", "ab", false }, { "a*b*c", "a1b2b3c", true },
        { "a*b*c", "a1b2", false }, { "**", "x", true }, { "a", "ab", false }, { "ab", "a", false }, { "*aab", "aaaab", true }, { "", "", true }, { "", "a", false } }, *r;
    EACH(r, rows) CHECK(offers_pattern_fits(span_of(r->name), span_of(r->event)) == r->fits);
    char big[OFFERS_EVENT_MAX + 1];
    memset(big, 'a', sizeof big);
    CHECK(offers_pattern_fits(SPAN("*"), span_from(big, OFFERS_EVENT_MAX)));
    CHECK(!offers_pattern_fits(SPAN("*"), span_from(big, sizeof big)));
}
