/* Sockets that may come back: who has them, who gets them, how long. */
#include "keep.h"
#include "t.h"

#include <stdio.h>

static struct keeps keeps;
static struct leases leases;
static struct lease *a, *b;
static char text[512];

static void begin(size_t max, size_t bytes)
{
    keeps_init(&keeps, &(struct siphash_key){ 1, 2 }, max, bytes);
    leases_init(&leases, 1000);
    a = leases_need(&leases, 0, 7), b = leases_need(&leases, 1, 8);
}

static void end(void)
{
    keeps_fini(&keeps);
    EQUAL(keeps.bytes, 0);
    CHECK(!a->kept && !b->kept);
    leases_fini(&leases);
}

static struct span pid_of(unsigned n)
{
    static char pid[PID_LENGTH + 1];
    snprintf(pid, sizeof pid, "AAAAAAAAAAAAAAAAAA%03uA", n % 1000);
    return span_of(pid);
}

static struct span list_of(struct buf *list, const char *words)
{
    buf_clear(list);
    for (struct span rest = span_of(words); rest.len; ) msg_add_str(list, span_cut(&rest, ' '));
    return buf_span(list);
}

static enum err save(unsigned n, struct lease *lease, const char *rooms, bool fresh, uint64_t time)
{
    struct buf list = { 0 };
    enum err e = keeps_save(&keeps, lease, &(struct msg_SAVE){ .pid = pid_of(n), .sid = SPAN("sid"), .nsp = SPAN("/"), .user = SPAN("/42"),
                                                               .rooms = list_of(&list, rooms), .how = fresh ? SAVE_NEW : SAVE_AGAIN }, time);
    buf_fini(&list);
    return e;
}

static enum err change(unsigned n, struct lease *lease, const char *joined, const char *left, uint64_t time)
{
    struct buf in = { 0 }, out = { 0 };
    enum err e = keeps_rooms(&keeps, lease, &(struct msg_SAVE_ROOMS){ .pid = pid_of(n), .joined = list_of(&in, joined), .left = list_of(&out, left) }, time);
    buf_fini(&in), buf_fini(&out);
    return e;
}

static enum err resume(unsigned n, struct lease *lease, const char *nsp, const char *user)
{
    struct kept *k;
    enum err e = keeps_resume(&keeps, lease, &(struct msg_RESUME){ .pid = pid_of(n), .nsp = span_of(nsp), .user = span_of(user) }, &k);
    CHECK(!k == (e != OK));
    return e;
}

static struct span rooms(unsigned n)
{
    struct span rest = buf_span(&keeps_find(&keeps, pid_of(n))->rooms), one;
    struct msg_SEAT seat;
    size_t len = 0;
    text[0] = '\0';
    while (msg_next_str(&rest, &one)) {
        EQUAL_ERR(msg_decode_SEAT(&seat, one), OK);
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%.*s@%llu", len ? " " : "", (int)seat.address.len, seat.address.ptr, (unsigned long long)seat.since);
    }
    return span_of(text);
}

TEST(keep_follows_the_rooms_of_a_socket)
{
    begin(10, 1 << 20);
    EQUAL_ERR(save(1, a, "", true, 100), OK);
    EQUAL_ERR(change(1, a, "room:x room:y", "", 200), OK);
    EQUAL_ERR(change(1, a, "room:z room:x", "room:y", 300), OK);
    SAME(rooms(1), "room:x@200 room:z@300");
    EQUAL_ERR(change(1, b, "room:q", "", 400), ERR_GONE);       /* not its gateway */
    EQUAL_ERR(change(2, a, "room:q", "", 400), ERR_GONE);
    EQUAL_ERR(save(1, b, "room:x room:n", false, 500), OK);     /* told again: what is new to us counts from ever */
    SAME(rooms(1), "room:x@200 room:n@0");
    EQUAL(keeps_find(&keeps, pid_of(1))->since, 100);
    CHECK(!a->kept && b->kept);
    end();
}

/* trap 45: unlike the reference */
TEST(keep_gives_a_socket_once)
{
    begin(10, 1 << 20);
    EQUAL_ERR(resume(1, b, "/", "/42"), ERR_UNKNOWN);
    EQUAL_ERR(save(1, a, "room:x", true, 100), OK);
    EQUAL_ERR(resume(1, b, "/chat", "/42"), ERR_AUTH);
    EQUAL_ERR(resume(1, b, "/", "/43"), ERR_AUTH);
    EQUAL_ERR(resume(1, b, "/", ""), ERR_AUTH);
    EQUAL_ERR(resume(1, b, "/", "/42"), OK);        /* its gateway has not noticed yet */
    EQUAL_ERR(resume(1, a, "/", "/42"), ERR_DUPLICATE);
    EQUAL_ERR(resume(1, b, "/", "/42"), ERR_DUPLICATE);
    keeps_leave(&keeps, keeps_find(&keeps, pid_of(1)), 5000);   /* the one who resumed it went before it had it */
    EQUAL(keeps.away, 1);
    EQUAL_ERR(resume(1, a, "/", "/42"), OK);
    EQUAL(keeps.away, 0);
    EQUAL_ERR(save(1, a, "room:x", false, 200), OK);
    EQUAL_ERR(resume(1, b, "/", "/42"), OK);        /* cut again */
    SAME(rooms(1), "room:x@100");
    end();
}

TEST(keep_ends_with_the_window)
{
    begin(10, 1 << 20);
    EQUAL_ERR(save(1, a, "", true, 1), OK);
    EQUAL_ERR(save(2, a, "", true, 1), OK);
    keeps_leave(&keeps, keeps_find(&keeps, pid_of(1)), 1000);
    keeps_leave(&keeps, keeps_find(&keeps, pid_of(2)), 3000);
    keeps_expire(&keeps, 2000);
    EQUAL_ERR(resume(1, b, "/", "/42"), ERR_UNKNOWN);
    EQUAL_ERR(resume(2, b, "/", "/42"), OK);
    keeps_expire(&keeps, 10000);
    CHECK(keeps_find(&keeps, pid_of(2)));
    EQUAL(keeps.expired, 1);
    end();
}

TEST(keep_is_bounded_and_drops_who_is_away_longest)
{
    begin(3, 1 << 20);
    for (unsigned i = 1; i <= 3; i++) EQUAL_ERR(save(i, a, "", true, 1), OK);
    EQUAL_ERR(save(4, a, "", true, 1), ERR_FULL);
    keeps_leave(&keeps, keeps_find(&keeps, pid_of(2)), 1000);
    keeps_leave(&keeps, keeps_find(&keeps, pid_of(1)), 1000);
    EQUAL_ERR(save(4, a, "", true, 1), OK);
    CHECK(!keeps_find(&keeps, pid_of(2)) && keeps_find(&keeps, pid_of(1)));
    EQUAL(keeps.evicted, 1);
    end();
    begin(1000, 4096);
    unsigned n = 0;
    while (save(n, a, "room:a room:b room:c", true, 1) == OK) n++;
    CHECK(n > 3 && n < 40);
    end();
}

TEST(keep_refuses_what_no_gateway_says)
{
    static const struct row { const char *name, *pid, *sid, *nsp; enum err err; } rows[] = {
        { "no pid",         "",                         "s", "/", ERR_SYNTAX },
        { "a short one",    "AAAAAAAAAAAAAAAAAAAAA",    "s", "/", ERR_SYNTAX },
        { "a long one",     "AAAAAAAAAAAAAAAAAAAAAAA",  "s", "/", ERR_SYNTAX },
        { "not base64url",  "AAAAAAAAAAAAAAAAAAAA+A",   "s", "/", ERR_SYNTAX },
        { "no sid",         "AAAAAAAAAAAAAAAAAAAAAA",   "",  "/", ERR_MISSING },
        { "no namespace",   "AAAAAAAAAAAAAAAAAAAAAA",   "s", "",  ERR_MISSING },
    };
    begin(10, 1 << 20);
    const struct row *r;
    EACH(r, rows)
        EQUAL_ERR(keeps_save(&keeps, a, &(struct msg_SAVE){ .pid = span_of(r->pid), .sid = span_of(r->sid), .nsp = span_of(r->nsp) }, 1), r->err);
    EQUAL(keeps.by_pid.count, 0);
    end();
}
