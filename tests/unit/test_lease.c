#include "t.h"
#include "lease.h"

/* A view with these ready gateways: "0:10 1:11!" is gateway-0 of life 10 and a draining gateway-1 of life 11. */
static void see(struct view *view, uint64_t number, const char *gateways)
{
    struct buf members = { 0 }, owners = { 0 };
    struct span rest = span_of(gateways);
    while (rest.len) {
        struct span one = span_cut(&rest, ' ');
        uint64_t n, epoch;
        CHECK(span_eat_uint(&one, &n) && span_eat(&one, ':') && span_eat_uint(&one, &epoch));
        struct msg_MEMBER m = { .role = ROLE_GATEWAY, .number = (uint16_t)n, .epoch = epoch,
                                .state = one.len == 0 ? MEMBER_READY : span_eat(&one, '!') ? MEMBER_DRAINING : MEMBER_STARTING };
        struct buf record = { 0 };
        msg_encode_MEMBER(&record, &m);
        msg_add_str(&members, buf_span(&record));
        buf_fini(&record);
    }
    msg_add_str(&owners, SPAN("0"));
    enum view_change change;
    EQUAL_ERR(view_take(view, &(struct msg_ROSTER){ .view = number, .phase = ROSTER_ACTIVE, .owners = buf_span(&owners), .members = buf_span(&members) }, &change), OK);
    buf_fini(&members), buf_fini(&owners);
}

static const char *state_of(const struct leases *l, uint16_t number, uint64_t epoch)
{
    const struct lease *i = leases_find(l, number, epoch);
    return !i ? "none" : i->deadline ? i->dead ? "lapsing dead" : "lapsing" : "live";
}

TEST(lease_lapses_and_comes_back)
{
    struct leases l;
    struct view *view = view_new();
    leases_init(&l, 1000);
    leases_need(&l, 0, 10);
    see(view, 100, "0:10 1:11");
    leases_on_view(&l, view, 5000);
    SAME(span_of(state_of(&l, 0, 10)), "live");
    see(view, 200, "1:11");
    leases_on_view(&l, view, 6000);
    SAME(span_of(state_of(&l, 0, 10)), "lapsing");
    EQUAL(l.lapsing, 1);
    CHECK(!leases_expire(&l, 6999));
    see(view, 300, "0:10 1:11");            /* the same life: it was only silent */
    leases_on_view(&l, view, 6999);
    SAME(span_of(state_of(&l, 0, 10)), "live");
    EQUAL(l.lapsing, 0);
    CHECK(!leases_expire(&l, 9000));
    see(view, 400, "");
    leases_on_view(&l, view, 10000);
    see(view, 500, "");
    leases_on_view(&l, view, 10900);        /* a later view does not give it more time */
    struct lease *over = leases_expire(&l, 11000);
    CHECK(over && over->number == 0);
    lease_end(&l, over);
    SAME(span_of(state_of(&l, 0, 10)), "none");
    leases_fini(&l);
    view_destroy(&view);
}

TEST(lease_of_a_new_life_is_another_one)
{
    struct leases l;
    struct view *view = view_new();
    leases_init(&l, 1000);
    leases_need(&l, 0, 10);
    see(view, 100, "0:10");
    leases_on_view(&l, view, 1);
    leases_on_reborn(&l, 0, 20, 100);
    SAME(span_of(state_of(&l, 0, 10)), "lapsing dead");
    CHECK(!leases_need(&l, 0, 20)->dead);
    leases_on_view(&l, view, 200);          /* the old view still has the old life: it does not come back */
    SAME(span_of(state_of(&l, 0, 10)), "lapsing dead");
    SAME(span_of(state_of(&l, 0, 20)), "lapsing");
    see(view, 200, "0:20");
    leases_on_view(&l, view, 300);
    SAME(span_of(state_of(&l, 0, 20)), "live");
    CHECK(leases_need(&l, 0, 15)->dead);    /* heard of late */
    EQUAL(l.count, 3);
    leases_fini(&l);
    view_destroy(&view);
}

TEST(lease_awaits_synced_of_everybody_who_serves)
{
    struct leases l;
    struct view *view = view_new();
    leases_init(&l, 1000);
    leases_on_synced(&l, leases_need(&l, 3, 13), 100);     /* before we have the view */
    see(view, 100, "0:10 1:11! 2:12? 3:13");
    leases_await(&l, view);
    unsigned mask = 0;
    for (const struct lease *i = NULL; (i = leases_awaited(&l, i)); ) mask |= 1u << i->number;
    EQUAL(mask, 3);                         /* 2 is starting, 3 has said it */
    leases_on_synced(&l, leases_need(&l, 0, 10), 99);
    CHECK(leases_awaited(&l, NULL));
    leases_on_synced(&l, leases_need(&l, 0, 10), 100);
    see(view, 200, "0:10 2:12 3:13");       /* 1 is gone: nothing comes of it */
    leases_on_view(&l, view, 1);
    CHECK(!leases_awaited(&l, NULL));
    leases_fini(&l);
    view_destroy(&view);
}

TEST(lease_holds_sessions)
{
    struct leases l;
    struct users u;
    users_init(&u, &(struct siphash_key){ 3, 4 }, 10);
    leases_init(&l, 1000);
    struct lease *lease = leases_need(&l, 0, 1), *other = leases_need(&l, 1, 1);
    struct session *s[3];
    for (int i = 0; i < 3; i++) {
        char sid[] = { 's', (char)('0' + i) };
        s[i] = users_up(&u, &(struct users_up){ .key = SPAN("/1"), .sid = span_from(sid, 2), .nsp = names_hold_text(&u.names, SPAN("/")) });
        lease_add(lease, s[i]);
    }
    lease_drop(s[1]), lease_add(other, s[1]);
    CHECK(lease->count == 2 && other->count == 1 && lease->sessions == s[2] && s[2]->lease_next == s[0]);
    for (int i = 0; i < 3; i++) lease_drop(s[i]), users_down(&u, s[i], 1);
    CHECK(lease->count == 0 && !lease->sessions);
    leases_fini(&l);
    users_fini(&u);
}
