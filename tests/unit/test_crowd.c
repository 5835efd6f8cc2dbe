#include "crowd.h"
#include "t.h"

static struct msg_MEMBER member(enum role role, uint16_t number, uint64_t epoch)
{
    return (struct msg_MEMBER){ .role = (uint8_t)role, .number = number, .epoch = epoch, .state = MEMBER_READY,
                                .endpoint = SPAN("ipc:///x"), .version = 1, .public = SPAN("") };
}

static const struct row { const char *name; struct msg_MEMBER m; enum err err; } rows[] = {
    { "a gateway",          { .role = ROLE_GATEWAY, .number = 7, .epoch = 1, .state = MEMBER_READY }, OK },
    { "the last router",    { .role = ROLE_ROUTER, .number = VIEW_OWNERS_MAX - 1, .epoch = 1 }, OK },
    { "one router too many",{ .role = ROLE_ROUTER, .number = VIEW_OWNERS_MAX, .epoch = 1 }, ERR_RANGE },
    { "no role",            { .role = ROLE_NONE, .epoch = 1 }, ERR_RANGE },
    { "a newer role",       { .role = ROLE_COUNT, .epoch = 1 }, ERR_RANGE },
    { "no such state",      { .role = ROLE_AUTH, .epoch = 1, .state = 3 }, ERR_RANGE },
    { "no epoch",           { .role = ROLE_AUTH }, ERR_RANGE },
    { "nobody",             { .role = ROLE_AUTH, .number = UINT16_MAX, .epoch = 1 }, ERR_RANGE },
    { "a NUL in a text",    { .role = ROLE_AUTH, .epoch = 1, .endpoint = { "a\0b", 3 } }, ERR_SYNTAX },
    { "a text too long",    { .role = ROLE_AUTH, .epoch = 1, .public = { NULL, 4097 } }, ERR_LIMIT },
};

TEST(crowd_takes_only_what_fits_a_roster)
{
    const struct row *r;
    EACH(r, rows) {
        struct crowd c = { 0 };
        struct crowd_news news = { 0 };
        EQUAL_ERR(crowd_on_beat(&c, &r->m, 0, 0, &news), r->err);
        EQUAL(c.count, r->err == OK);
        CHECK(news.members == (r->err == OK));
        crowd_fini(&c);
    }
}

TEST(crowd_lives_and_ends)
{
    struct crowd c = { 0 };
    struct crowd_news news = { 0 };
    struct msg_MEMBER g = member(ROLE_GATEWAY, 1, 10), r = member(ROLE_ROUTER, 0, 20);
    EQUAL_ERR(crowd_on_beat(&c, &g, 5, 100, &news), OK);
    EQUAL_ERR(crowd_on_beat(&c, &r, 5, 100, &news), OK);
    news = (struct crowd_news){ 0 };
    g.load = 9;
    EQUAL_ERR(crowd_on_beat(&c, &g, 6, 200, &news), OK);
    CHECK(!news.members);                           /* load and view are no news */
    EQUAL(crowd_find(&c, ROLE_GATEWAY, 1)->view, 6);
    g.state = MEMBER_DRAINING;
    EQUAL_ERR(crowd_on_beat(&c, &g, 6, 200, &news), OK);
    CHECK(news.members);
    news = (struct crowd_news){ 0 };
    crowd_silence(&c, 200, crowd_find(&c, ROLE_ROUTER, 0), &news);
    CHECK(!news.members && crowd_live(&c, ROLE_GATEWAY, 1));
    crowd_silence(&c, 201, crowd_find(&c, ROLE_ROUTER, 0), &news);
    CHECK(news.members && !crowd_live(&c, ROLE_GATEWAY, 1) && crowd_live(&c, ROLE_ROUTER, 0));
    EQUAL_ERR(crowd_on_beat(&c, &g, 6, 300, &news), OK);        /* silence may end */
    CHECK(crowd_live(&c, ROLE_GATEWAY, 1));
    g.epoch = 11;
    crowd_find(&c, ROLE_GATEWAY, 1)->held = true;
    news = (struct crowd_news){ 0 };
    EQUAL_ERR(crowd_on_beat(&c, &g, 0, 400, &news), OK);        /* restarted */
    CHECK(news.members && news.held_died);
    g.epoch = 10;
    EQUAL_ERR(crowd_on_beat(&c, &g, 0, 400, &news), ERR_GONE);
    g.epoch = 11;
    EQUAL_ERR(crowd_on_bye(&c, SPAN("gateway-1"), &news), OK);
    EQUAL_ERR(crowd_on_beat(&c, &g, 0, 400, &news), ERR_GONE);
    EQUAL_ERR(crowd_on_bye(&c, SPAN("gateway-9"), &news), ERR_UNKNOWN);
    EQUAL_ERR(crowd_on_bye(&c, SPAN("nonsense"), &news), ERR_SYNTAX);
    crowd_fini(&c);
}

TEST(crowd_has_room_for_the_living)
{
    struct crowd c = { 0 };
    struct crowd_news news = { 0 };
    for (uint16_t i = VIEW_MEMBERS_MAX; i > 0; i--) {
        struct msg_MEMBER m = member(ROLE_GATEWAY, i, 1);
        EQUAL_ERR(crowd_on_beat(&c, &m, 0, 1, &news), OK);
    }
    struct msg_MEMBER more = member(ROLE_GATEWAY, 5000, 1);
    EQUAL_ERR(crowd_on_beat(&c, &more, 0, 1, &news), ERR_FULL);
    EQUAL_ERR(crowd_on_bye(&c, SPAN("gateway-77"), &news), OK);
    EQUAL_ERR(crowd_on_beat(&c, &more, 0, 1, &news), OK);
    EQUAL(c.count, VIEW_MEMBERS_MAX);
    CHECK(!crowd_find(&c, ROLE_GATEWAY, 77) && crowd_live(&c, ROLE_GATEWAY, 5000));
    for (size_t i = 1; i < c.count; i++) CHECK(c.all[i - 1].number < c.all[i].number);
    crowd_fini(&c);
}

TEST(crowd_compares_with_a_view)
{
    struct crowd c = { 0 };
    struct crowd_news news = { 0 };
    struct msg_MEMBER a = member(ROLE_GATEWAY, 1, 1), b = member(ROLE_ROUTER, 2, 2), d = member(ROLE_AUTH, 0, 3);
    crowd_on_beat(&c, &a, 0, 1, &news), crowd_on_beat(&c, &b, 0, 1, &news);
    struct buf members = { 0 };
    crowd_list(&c, &members);
    struct view *v = view_new();
    CHECK(!crowd_same(&c, v));
    enum view_change change;
    struct msg_ROSTER roster = { .view = 1, .phase = ROSTER_ACTIVE, .members = buf_span(&members), .owners = SPAN(""), .before = SPAN("") };
    EQUAL_ERR(view_take(v, &roster, &change), OK);
    CHECK(crowd_same(&c, v));
    crowd_on_beat(&c, &d, 0, 1, &news);
    CHECK(!crowd_same(&c, v));
    crowd_on_bye(&c, SPAN("auth-0"), &news);
    CHECK(crowd_same(&c, v));
    a.public = SPAN("http://x");
    crowd_on_beat(&c, &a, 0, 1, &news);
    CHECK(!crowd_same(&c, v));
    view_destroy(&v);
    buf_fini(&members);
    crowd_fini(&c);
}
