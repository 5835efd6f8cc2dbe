#include "view.h"
#include "t.h"

/* "router-0 gateway-1* gateway-2!" in short: * is starting, ! is draining. */
static void add_members(struct buf *strs, const char *text)
{
    struct span rest = span_of(text);
    while (rest.len) {
        struct span id = span_cut(&rest, ' ');
        struct buf record = { 0 };
        struct msg_MEMBER m = { .state = MEMBER_READY, .version = 1, .endpoint = SPAN("ipc:///x"), .public = SPAN("") };
        enum role role;
        char last = id.ptr[id.len - 1];
        if (last == '*') m.state = MEMBER_STARTING, id.len--;
        if (last == '!') m.state = MEMBER_DRAINING, id.len--;
        if (last == '?') m.state = 9, id.len--;
        if (last == '+') id.len--;
        EQUAL_ERR(member_id_decode(id, &role, &m.number), OK);
        m.role = last == '+' ? 77 : (msg_u8)role;
        m.epoch = 1000U + m.number;
        msg_encode_MEMBER(&record, &m);
        msg_add_str(strs, buf_span(&record));
        buf_fini(&record);
    }
}

static enum err take(struct view *v, uint64_t number, int phase, const char *owners, const char *members, enum view_change *change)
{
    struct buf o = { 0 }, m = { 0 };
    struct span rest = span_of(owners);
    while (rest.len) msg_add_str(&o, span_cut(&rest, ' '));
    add_members(&m, members);
    struct msg_ROSTER r = { .view = number, .phase = (msg_u8)phase, .settled = number - 1,
                            .owners = t_exact(buf_span(&o)), .members = t_exact(buf_span(&m)) };
    enum err e = view_take(v, &r, change);
    buf_fini(&o), buf_fini(&m);
    return e;
}

static void print(struct buf *out, const struct view *v)
{
    buf_clear(out);
    for (size_t i = 0; i < view_owners(v)->count; i++) buf_add_format(out, "%u ", view_owners(v)->number[i]);
    if (view_holding(v)) buf_add_literal(out, "-> ");
    for (size_t i = 0; view_holding(v) && i < view_coming(v)->count; i++) buf_add_format(out, "%u ", view_coming(v)->number[i]);
    buf_add_literal(out, "|");
    for (size_t i = 0; i < view_count(v); i++) buf_add_format(out, " %s", view_member(v, i)->id);
}

/* One after the other, into one view. */
static const struct row {
    const char *name; uint64_t number; int phase; const char *owners, *members; enum err err; enum view_change change; const char *want;
} rows[] = {
    { "the first",              10, ROSTER_ACTIVE, "0",     "router-0", OK, VIEW_ACTIVE, "0 | router-0" },
    { "again",                  10, ROSTER_ACTIVE, "0",     "router-0", OK, VIEW_SAME, "0 | router-0" },
    { "a member, any order",    11, ROSTER_ACTIVE, "0",     "gateway-3 router-0 gateway-1", OK, VIEW_MEMBERS, "0 | router-0 gateway-1 gateway-3" },
    { "an older one",            9, ROSTER_ACTIVE, "7",     "router-7", OK, VIEW_SAME, "0 | router-0 gateway-1 gateway-3" },
    { "hold",                   12, ROSTER_HOLD,   "0 1",   "router-0 router-1", OK, VIEW_HOLDING, "0 -> 0 1 | router-0 router-1" },
    { "the hold again",         12, ROSTER_HOLD,   "0 1",   "router-0 router-1", OK, VIEW_SAME, "0 -> 0 1 | router-0 router-1" },
    { "a newer hold",           13, ROSTER_HOLD,   "0 2",   "router-0 router-2", OK, VIEW_HOLDING, "0 -> 0 2 | router-0 router-2" },
    { "too late for this one",  12, ROSTER_ACTIVE, "0 1",   "router-0 router-1", OK, VIEW_SAME, "0 -> 0 2 | router-0 router-2" },
    { "it becomes active",      13, ROSTER_ACTIVE, "0 2",   "router-0 router-2", OK, VIEW_ACTIVE, "0 2 | router-0 router-2" },
    { "its hold comes late",    13, ROSTER_HOLD,   "0 2",   "router-0 router-2", OK, VIEW_SAME, "0 2 | router-0 router-2" },
    { "a hold",                 14, ROSTER_HOLD,   "2",     "router-2", OK, VIEW_HOLDING, "0 2 -> 2 | router-2" },
    { "called off",             15, ROSTER_ACTIVE, "0 2",   "router-0 router-2", OK, VIEW_ACTIVE, "0 2 | router-0 router-2" },
    { "moved, hold not seen",   16, ROSTER_ACTIVE, "2",     "router-2", OK, VIEW_ACTIVE, "2 | router-2" },
    { "number zero",             0, ROSTER_ACTIVE, "2",     "router-2", ERR_RANGE, VIEW_SAME, "2 | router-2" },
    { "no such phase",          17, 2,             "2",     "router-2", ERR_RANGE, VIEW_SAME, "2 | router-2" },
    { "owners not ascending",   17, ROSTER_ACTIVE, "2 1",   "router-2", ERR_RANGE, VIEW_SAME, "2 | router-2" },
    { "an owner twice",         17, ROSTER_ACTIVE, "2 2",   "router-2", ERR_RANGE, VIEW_SAME, "2 | router-2" },
    { "an owner that is none",  17, ROSTER_ACTIVE, "x",     "router-2", ERR_SYNTAX, VIEW_SAME, "2 | router-2" },
    { "nobody's number",        17, ROSTER_ACTIVE, "65535", "router-2", ERR_SYNTAX, VIEW_SAME, "2 | router-2" },
    { "a member twice",         17, ROSTER_ACTIVE, "2",     "auth-1 auth-1", ERR_DUPLICATE, VIEW_SAME, "2 | router-2" },
    { "no such state",          17, ROSTER_ACTIVE, "2",     "auth-1?", ERR_RANGE, VIEW_SAME, "2 | router-2" },
    { "a newer version's role", 17, ROSTER_ACTIVE, "2",     "auth-1+ auth-2", OK, VIEW_MEMBERS, "2 | auth-2" },
    { "nobody",                 18, ROSTER_ACTIVE, "",      "", OK, VIEW_ACTIVE, "|" },
};

TEST(view_takes_every_row)
{
    struct view *v = view_new();
    struct buf text = { 0 };
    const struct row *r;
    EACH(r, rows) {
        enum view_change change;
        EQUAL_ERR(take(v, r->number, r->phase, r->owners, r->members, &change), r->err);
        EQUAL(change, r->change);
        print(&text, v);
        SAME(buf_span(&text), r->want);
    }
    EQUAL(view_number(v), 18);
    EQUAL(view_settled(v), 18);
    buf_fini(&text);
    view_destroy(&v);
    view_destroy(&v);
}

TEST(view_answers)
{
    struct view *v = view_new();
    enum view_change change;
    uint16_t numbers[8];
    CHECK(view_owner(v, SPAN("x")) == RANK_NOBODY && !view_find(v, ROLE_ROUTER, 0));
    EQUAL_ERR(take(v, 5, ROSTER_HOLD, "0 1", "router-0 router-1 gateway-5 gateway-2 gateway-3! gateway-9*", &change), OK);
    EQUAL(view_settled(v), 4);
    CHECK(view_owner(v, SPAN("x")) == RANK_NOBODY);     /* not settled yet */
    EQUAL_ERR(take(v, 5, ROSTER_ACTIVE, "0 1", "router-0 router-1 gateway-5 gateway-2 gateway-3! gateway-9*", &change), OK);
    uint16_t owner, standby;
    rank_pick((uint16_t[]){ 0, 1 }, 2, rank_hash(SPAN("x")), &owner, &standby);
    EQUAL(view_owner(v, SPAN("x")), owner);
    EQUAL(view_of_role(v, ROLE_GATEWAY, numbers, 8), 2);
    CHECK(numbers[0] == 2 && numbers[1] == 5);
    EQUAL(view_of_role(v, ROLE_GATEWAY, numbers, 1), 1);
    const struct member *m = view_find(v, ROLE_GATEWAY, 3);
    CHECK(m && m->state == MEMBER_DRAINING && m->epoch == 1003);
    SAME(span_of(m->endpoint), "ipc:///x");
    SAME(span_of(m->id), "gateway-3");
    CHECK(!view_find(v, ROLE_AUTH, 3));
    view_destroy(&v);
}

TEST(view_learns_who_owned_before)
{
    struct view *v = view_new();
    struct buf owners = { 0 }, before = { 0 };
    enum view_change change;
    msg_add_str(&owners, SPAN("1")), msg_add_str(&before, SPAN("0"));
    struct msg_ROSTER r = { .view = 7, .phase = ROSTER_HOLD, .settled = 5, .members = SPAN(""),
                            .owners = buf_span(&owners), .before = buf_span(&before) };
    EQUAL_ERR(view_take(v, &r, &change), OK);
    CHECK(view_owner(v, SPAN("x")) == 0 && view_coming(v)->number[0] == 1 && view_settled(v) == 5);
    r.phase = ROSTER_ACTIVE;
    EQUAL_ERR(view_take(v, &r, &change), OK);
    CHECK(change == VIEW_ACTIVE && view_owner(v, SPAN("x")) == 1 && view_settled(v) == 7);
    buf_fini(&owners), buf_fini(&before);
    view_destroy(&v);
}

TEST(view_limits)
{
    struct view *v = view_new();
    struct buf owners = { 0 }, members = { 0 };
    enum view_change change;
    for (unsigned i = 0; i < VIEW_OWNERS_MAX + 1; i++) {
        struct buf n = { 0 };
        buf_add_uint(&n, i);
        msg_add_str(&owners, buf_span(&n));
        buf_fini(&n);
    }
    struct msg_ROSTER r = { .view = 1, .phase = ROSTER_ACTIVE, .owners = buf_span(&owners), .members = SPAN("") };
    EQUAL_ERR(view_take(v, &r, &change), ERR_LIMIT);
    for (unsigned i = 0; i < VIEW_MEMBERS_MAX + 1; i++) msg_add_str(&members, SPAN("\4"));
    r = (struct msg_ROSTER){ .view = 1, .phase = ROSTER_ACTIVE, .owners = SPAN(""), .before = SPAN(""), .members = buf_span(&members) };
    EQUAL_ERR(view_take(v, &r, &change), ERR_LIMIT);
    EQUAL(view_number(v), 0);
    buf_fini(&owners), buf_fini(&members);
    view_destroy(&v);
}

TEST(view_survives_every_prefix)
{
    struct buf owners = { 0 }, members = { 0 }, wire = { 0 };
    msg_add_str(&owners, SPAN("0"));
    add_members(&members, "router-0 gateway-1! presence-7");
    msg_encode_ROSTER(&wire, &(struct msg_ROSTER){ .view = 1, .phase = ROSTER_ACTIVE, .owners = buf_span(&owners), .members = buf_span(&members) });
    struct span fields = span_skip(buf_span(&wire), MSG_HEAD_BYTES);
    for (size_t n = 0; n <= fields.len; n++) {
        struct view *v = view_new();
        struct msg_ROSTER r;
        enum view_change change;
        if (msg_decode_ROSTER(&r, t_exact(span_head(fields, n))) == OK) (void)view_take(v, &r, &change);
        CHECK(view_count(v) == (n + 4 == fields.len || n == fields.len ? 3 : 0));     /* the last field, 'before', may be missing */
        view_destroy(&v);
    }
    struct span record;                     /* and every prefix of a record inside */
    struct span list = buf_span(&members);
    CHECK(msg_next_str(&list, &record));
    for (size_t n = 0; n <= record.len; n++) {
        struct buf cut = { 0 };
        msg_add_str(&cut, span_head(record, n));
        struct view *v = view_new();
        enum view_change change;
        (void)view_take(v, &(struct msg_ROSTER){ .view = 1, .phase = ROSTER_ACTIVE, .owners = SPAN(""), .before = SPAN(""), .members = t_exact(buf_span(&cut)) }, &change);
        view_destroy(&v);
        buf_fini(&cut);
    }
    buf_fini(&owners), buf_fini(&members), buf_fini(&wire);
}
