#include "t.h"
#include "store.h"
#include "user.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- a Redis of a few lines: an array of "key field value" for sets, hashes and texts */

enum { CELLS = 4096 };
static struct { char key[96], field[64], value[192]; } cells[CELLS];
static size_t cell_count;

static void copy(char *to, size_t size, struct span s)
{
    NEED(s.len < size);
    memcpy(to, s.ptr, s.len);
    to[s.len] = '\0';
}

static size_t find(struct span key, struct span field)
{
    size_t i = 0;
    while (i < cell_count && !(span_same(span_of(cells[i].key), key) && span_same(span_of(cells[i].field), field))) i++;
    return i;
}

static void set(struct span key, struct span field, struct span value)
{
    size_t i = find(key, field);
    if (i == cell_count) cell_count++;
    NEED(cell_count < CELLS);
    copy(cells[i].key, sizeof cells[i].key, key);
    copy(cells[i].field, sizeof cells[i].field, field);
    copy(cells[i].value, sizeof cells[i].value, value);
}

static void del(struct span key, struct span field)
{
    size_t i = find(key, field);
    if (i < cell_count) cells[i] = cells[--cell_count];
}

static const char *get(const char *key, const char *field)
{
    size_t i = find(span_of(key), span_of(field));
    return i < cell_count ? cells[i].value : NULL;
}

static bool is(const struct store_command *c, const char *name) { return span_same(c->arg[0], span_of(name)); }

static unsigned glob_keys(struct span pattern, unsigned page, struct span *out, unsigned max)
{
    unsigned n = 0;
    struct span prefix = span_head(pattern, pattern.len - 1);       /* "...*", no other wildcard */
    for (size_t i = 0; i < cell_count; i++) {
        bool first = span_has_prefix(span_of(cells[i].key), prefix);
        for (size_t j = 0; j < i; j++) first = first && strcmp(cells[i].key, cells[j].key) != 0;
        unsigned sum = 0;
        for (const char *k = cells[i].key; *k; k++) sum += (unsigned char)*k;
        if (first && sum % 2 == page) { NEED(n < max); out[n++] = span_of(cells[i].key); }
    }
    return n;
}

/* Does it, and answers as Redis would. */
static struct store_reply run(const struct store_command *c)
{
    static struct span list[CELLS];
    struct store_reply r = { .kind = STORE_TEXT, .text = SPAN("1") };
    const struct span *a = c->arg;
    if (is(c, "SADD")) {
        set(a[1], a[2], SPAN(""));
    } else if (is(c, "SREM") || is(c, "HDEL")) {
        del(a[1], a[2]);
    } else if (is(c, "SET")) {
        CHECK(c->count == 5 && span_same(a[3], SPAN("EX")));
        set(a[1], SPAN(""), a[2]);
    } else if (is(c, "HSET")) {
        CHECK(c->count % 2 == 0);
        for (size_t i = 2; i + 1 < c->count; i += 2) set(a[1], a[i], a[i + 1]);
    } else if (is(c, "EXPIRE")) {
        uint64_t ttl;
        CHECK(c->count == 3 && span_to_uint(a[2], UINT64_MAX, &ttl) && ttl > 0);
    } else if (is(c, "DEL")) {
        for (size_t k = 1; k < c->count; k++)
            for (size_t i = 0; i < cell_count; )
                if (span_same(span_of(cells[i].key), a[k])) cells[i] = cells[--cell_count];
                else i++;
    } else if (is(c, "GET")) {
        size_t i = find(a[1], SPAN(""));
        r.text = i < cell_count ? span_of(cells[i].value) : span_from(NULL, 0);
    } else if (is(c, "HMGET")) {
        r = (struct store_reply){ .kind = STORE_LIST, .at = list };
        for (size_t k = 2; k < c->count; k++) {
            size_t i = find(a[1], a[k]);
            list[r.count++] = i < cell_count ? span_of(cells[i].value) : span_from(NULL, 0);
        }
    } else if (is(c, "HGET")) {
        size_t i = find(a[1], a[2]);
        r.text = i < cell_count ? span_of(cells[i].value) : span_from(NULL, 0);
    } else if (is(c, "SMEMBERS")) {
        r = (struct store_reply){ .kind = STORE_LIST, .at = list };
        for (size_t i = 0; i < cell_count; i++)
            if (span_same(span_of(cells[i].key), a[1])) list[r.count++] = span_of(cells[i].field);
    } else if (is(c, "HSCAN")) {
        r = (struct store_reply){ .kind = STORE_LIST, .at = list, .cursor = SPAN("0") };
        for (size_t i = 0; i < cell_count; i++)
            if (span_same(span_of(cells[i].key), a[1])) list[r.count++] = span_of(cells[i].field), list[r.count++] = span_of(cells[i].value);
    } else if (is(c, "SCAN")) {         /* two pages, to see that the cursor is followed */
        unsigned page = !span_same(a[1], SPAN("0"));     /* a key stays on its page, whatever is removed */
        r = (struct store_reply){ .kind = STORE_LIST, .at = list, .cursor = page ? SPAN("0") : SPAN("77"), .count = glob_keys(a[3], page, list, CELLS) };
    } else {
        FAIL("no such command: %.*s", (int)a[0].len, a[0].ptr);
    }
    return r;
}

/* ---- a table with a store */

static struct users users;
static struct watches watches;
static struct store store;
static struct presence_stats stats;
static bool owns;
static char told[256];

static bool ours(void *self, struct span key) { (void)self, (void)key; return owns; }
static void restored(void *self, struct span key, const struct sweep_record *record, bool whole)
{
    (void)self;
    struct user *u = users_restore(&users, key, record->quoted, record->last_disconnect);
    if (u) u->records = RECORD_ALL;
    if (!u) u = users_find(&users, key);
    if (whole && record->online && !u->sockets) u->gone = 999, store_touch(&store, u, NULL, 0);
}
static void stale(void *self, struct span key, struct span nsp)
{
    (void)self;
    size_t n = strlen(told);
    snprintf(told + n, sizeof told - n, "%.*s%s%.*s ", (int)key.len, key.ptr, nsp.len > 1 ? " in " : "", nsp.len > 1 ? (int)nsp.len : 0, nsp.ptr);
}
static bool named(void *self, struct span nsp) { (void)self; return span_has_prefix(nsp, SPAN("/game-")); }
static const struct sweep_hooks hooks = { ours, restored, stale, named };

static void begin(size_t max_pending)
{
    stats = (struct presence_stats){ 0 };
    cell_count = 0, owns = true, told[0] = '\0';
    users_init(&users, &(struct siphash_key){ 5, 6 }, 1000);
    watches_init(&watches, &(struct siphash_key){ 15, 6 }, 1000, 100);
    names_hold_text(&users.names, SPAN("/")), names_hold_text(&users.names, SPAN("/chat"));
    store_init(&store, &(struct store_options){ .prefix = SPAN("p:"), .write_behind_ms = 20, .max_pending = max_pending }, &users, &watches, &hooks, NULL, &stats);
}

static void end(void)
{
    store_fini(&store);
    watches_fini(&watches);
    users_fini(&users);
}

static struct session *up(const char *key, const char *sid, uint16_t nsp, uint64_t now)
{
    struct session *s = users_up(&users, &(struct users_up){ .key = span_of(key), .sid = span_of(sid), .address = SPAN("10.0.0.1"), .agent = SPAN("UA"),
                                 .records = RECORD_ALL, .nsp = nsp, .since = 1709210096007, .now = 1709210096007 });
    store_touch(&store, s->user, s, now);
    return s;
}

static void down(struct session *s, uint64_t wall, uint64_t now)
{
    struct user *u = s->user;
    struct blob *ended = store_ending(&store, s);
    store_ended(&store, &ended, now);
    users_down(&users, s, wall);
    store_touch(&store, u, NULL, now);
}

/* All that goes at this time; answered after each 'burst'. */
static unsigned flush(uint64_t now, unsigned burst)
{
    struct store_command c;
    static struct store_reply replies[STORE_WINDOW];
    unsigned n = 0, open = 0;
    bool more = true;
    while (more) {
        for (open = 0; open < burst && (more = store_next(&store, &c, now)); open++) {
            replies[open] = run(&c);
            if (replies[open].kind == STORE_LIST) { open++; break; }        /* its list is one */
        }
        for (unsigned i = 0; i < open; i++) EQUAL_ERR(store_on_reply(&store, &replies[i]), OK);
        n += open;
        if (open) more = true;
    }
    return n;
}

TEST(store_writes_the_seeds_layouts)
{
    begin(100);
    store_on_up(&store, 0);
    struct session *s = up("/42", "sid1", 1, 1000);
    EQUAL(store_deadline(&store), 1020);
    EQUAL(flush(1019, 10), 0);          /* changes wait a little for others */
    CHECK(flush(1020, 10) > 0);
    CHECK(get("p:socket:connections:chat:42", "sid1"));
    SAME(span_of(get("p:socket:user:sid1", "")), "{\"userId\":42,\"namespace\":\"chat\"}");
    SAME(span_of(get("p:socket:sid1", "connected_at")), "1709210096007");
    SAME(span_of(get("p:socket:sid1", "ip")), "10.0.0.1");
    SAME(span_of(get("p:socket:sid1", "user_agent")), "UA");
    SAME(span_of(get("p:socket:sid1", "user_id")), "42");
    SAME(span_of(get("p:user:42", "is_online")), "1");
    SAME(span_of(get("p:user:42", "socket_id")), "sid1");
    SAME(span_of(get("p:user:42", "last_connect")), "1709210096007");
    SAME(span_of(get("p:user:42", "id")), "42");
    SAME(span_of(get("p:online_users", "42")), "{\"socketId\":\"sid1\",\"onlineAt\":\"2024-02-29T12:34:56.007Z\",\"lastActivity\":\"2024-02-29T12:34:56.007Z\"}");
    CHECK(store_quiet(&store));

    down(s, 1800000000000, 2000);
    flush(2020, 10);
    CHECK(!get("p:socket:connections:chat:42", "sid1") && !get("p:socket:user:sid1", "") && !get("p:socket:sid1", "ip") && !get("p:online_users", "42"));
    SAME(span_of(get("p:user:42", "is_online")), "0");
    SAME(span_of(get("p:user:42", "last_disconnect")), "1800000000000");
    end();
}

/* Layouts that a namespace does not want are neither written nor removed. */
TEST(store_writes_the_layouts_that_are_wanted)
{
    static const struct row { const char *name; uint8_t records; const char *keys; } rows[] = {
        { "none", 0, "" },
        { "S2's", RECORD_CONNECTIONS | RECORD_MAPPING, "p:socket:connections:/:1 p:socket:user:a " },
        { "S3's", RECORD_ONLINE_USERS, "p:online_users " },
        { "S4's", RECORD_SOCKET | RECORD_USER, "p:socket:a p:user:1 " },
        { "sets alone", RECORD_CONNECTIONS, "p:socket:connections:/:1 " },
        { "mapping alone", RECORD_MAPPING, "p:socket:user:a " },
    };
    const struct row *r;
    EACH(r, rows) {
        begin(100);
        store_on_up(&store, 0);
        struct session *s = users_up(&users, &(struct users_up){ .key = SPAN("/1"), .sid = SPAN("a"), .records = r->records, .since = 1, .now = 1 });
        store_touch(&store, s->user, s, 0);
        flush(20, 10);
        struct buf keys = { 0 };
        for (size_t i = 0; i < cell_count; i++)
            if (i == 0 || strcmp(cells[i].key, cells[i - 1].key) != 0) buf_add_format(&keys, "%s ", cells[i].key);
        SAME(buf_span(&keys), r->keys);
        buf_fini(&keys);
        s->user->active = 1709210096007;
        store_active(&store, s->user, 30);
        if (r->records & RECORD_ONLINE_USERS) {
            EQUAL(flush(50, 10), 1);
            SAME(span_of(get("p:online_users", "1")), "{\"socketId\":\"a\",\"onlineAt\":\"1970-01-01T00:00:00.001Z\",\"lastActivity\":\"2024-02-29T12:34:56.007Z\"}");
        } else {
            EQUAL(flush(50, 10), 0);
        }
        down(s, 9, 100);
        flush(120, 10);
        EQUAL(cell_count, r->records & RECORD_USER ? 5 : 0);
        CHECK(store_quiet(&store));
        end();
    }
}

TEST(store_keeps_one_tab_of_two)
{
    begin(100);
    store_on_up(&store, 0);
    struct session *a = up("staff/ann", "a", 0, 0);
    up("staff/ann", "b", 0, 0);
    flush(20, 100);
    CHECK(get("p:socket:connections:/:staff/ann", "a") && get("p:socket:connections:/:staff/ann", "b"));
    SAME(span_of(get("p:socket:user:a", "")), "{\"userId\":ann,\"namespace\":\"/\",\"realm\":\"staff\"}");
    down(a, 1, 100);
    flush(120, 100);
    CHECK(!get("p:socket:connections:/:staff/ann", "a") && get("p:online_users", "staff/ann"));
    SAME(span_of(get("p:user:staff/ann", "socket_id")), "b");
    end();
}

TEST(store_joins_changes_and_bounds_what_is_under_way)
{
    begin(100);
    store_on_up(&store, 0);
    for (unsigned i = 0; i < 50; i++) {
        struct session *s = up("/1", "x", 0, 0);
        if (i < 49) down(s, 1, 0);
    }
    EQUAL(store.dirty_count, 1);
    flush(20, 5);
    EQUAL(store.under_way, 0);
    CHECK(get("p:socket:connections:/:1", "x") && get("p:online_users", "1"));      /* ended first, then what is there now */
    struct store_command c;
    for (unsigned i = 0; i < 900; i++) {
        char key[16], sid[16];
        snprintf(key, sizeof key, "/k%u", i), snprintf(sid, sizeof sid, "s%u", i);
        up(key, sid, 0, 100);
    }
    unsigned n = 0;
    while (store_next(&store, &c, 200)) n++;
    EQUAL(n, STORE_WINDOW);
    end();
}

TEST(store_writes_everything_again_when_redis_is_back)
{
    begin(100);
    store_on_up(&store, 0);
    struct session *a = up("/1", "a", 0, 0);
    up("/2", "b", 1, 0);
    flush(20, 100);
    struct store_command c;
    down(a, 5, 30);
    CHECK(store_next(&store, &c, 100));     /* under way, and never answered */
    store_on_lost(&store);
    EQUAL(stats.redis_up, 0);
    CHECK(!store_next(&store, &c, 100) && store_quiet(&store) && store_deadline(&store) == UINT64_MAX);
    up("/3", "c", 0, 100);
    cell_count = 0;                         /* a Redis that has forgotten all */
    store_on_up(&store, 200);
    flush(300, 100);
    CHECK(get("p:online_users", "2") && get("p:online_users", "3") && !get("p:online_users", "1"));
    CHECK(get("p:socket:b", "ip") && get("p:socket:connections:chat:2", "b") && get("p:socket:user:c", "") && !get("p:socket:a", "ip"));
    SAME(span_of(get("p:user:1", "is_online")), "0");
    SAME(span_of(get("p:user:1", "last_disconnect")), "5");
    EQUAL(stats.redis_rewrites, 2);
    end();
}

TEST(store_gives_up_a_redis_that_takes_no_writes)
{
    static const struct row { const char *name; enum err err; bool gives_up; } rows[] = {
        { "NOAUTH Authentication required.", ERR_AUTH, true }, { "LOADING Redis is loading", ERR_AGAIN, true },
        { "OOM command not allowed", ERR_FULL, true }, { "READONLY You can't write", ERR_STATE, true },
        { "WRONGTYPE Operation against", ERR_TYPE, false }, { "ERR whatever", ERR_UNKNOWN, false },
    };
    const struct row *r;
    EACH(r, rows) {
        struct store_command c;
        begin(100);
        store_on_up(&store, 0);
        up("/1", "a", 0, 0);
        CHECK(store_next(&store, &c, 20));
        EQUAL_ERR(store_on_reply(&store, &(struct store_reply){ .kind = STORE_ERROR, .text = span_of(r->name) }), r->gives_up ? r->err : OK);
        EQUAL(stats.redis_errors[r->err], 1);
        end();
    }
}

TEST(store_sweeps_what_nobody_has)
{
    begin(100);
    set(SPAN("p:socket:connections:chat:42"), SPAN("dead"), SPAN(""));
    set(SPAN("p:socket:connections:game-7:a:b"), SPAN("dead"), SPAN(""));          /* of a pattern: nobody is in it now */
    set(SPAN("p:socket:connections:elsewhere:42"), SPAN("dead"), SPAN(""));        /* no namespace of ours */
    set(SPAN("p:socket:user:dead"), SPAN(""), SPAN("{\"userId\":42,\"namespace\":\"chat\"}"));
    set(SPAN("p:socket:user:odd"), SPAN(""), SPAN("not ours"));
    set(SPAN("p:socket:dead"), SPAN("ip"), SPAN("x"));
    set(SPAN("p:socket:alone"), SPAN("user_id"), SPAN("42"));                      /* of a namespace that keeps these hashes only */
    set(SPAN("p:socket:stranger"), SPAN("whose"), SPAN("?"));
    set(SPAN("p:online_users"), SPAN("42"), SPAN("{}"));
    set(SPAN("p:user:42"), SPAN("is_online"), SPAN("1"));
    set(SPAN("p:user:42"), SPAN("id"), SPAN("42"));
    set(SPAN("p:user:7"), SPAN("is_online"), SPAN("0"));
    set(SPAN("p:user:7"), SPAN("last_disconnect"), SPAN("123"));
    set(SPAN("p:user:other"), SPAN("name"), SPAN("somebody else's hash"));
    set(SPAN("user:8"), SPAN("is_online"), SPAN("0"));                              /* another prefix */
    store_sweep(&store, false);
    store_on_up(&store, 0);
    flush(0, 1);
    struct user *u = users_find(&users, SPAN("/7"));
    CHECK(u && u->gone == 123 && u->quoted && users_find(&users, SPAN("/42")) && !users_find(&users, SPAN("/42"))->quoted);
    CHECK(!users_find(&users, SPAN("/other")) && !users_find(&users, SPAN("/8")));
    CHECK(get("p:socket:dead", "ip") && get("p:online_users", "42"));               /* nothing is known to be stale yet */

    up("/1", "live", 0, 0);
    store_sweep(&store, true);
    flush(30, 1);
    CHECK(get("p:socket:dead", "ip"));                                              /* not settled: it waits */
    store_settled(&store, true);
    flush(100, 1), flush(200, 1);
    CHECK(!get("p:socket:dead", "ip") && !get("p:socket:user:dead", "") && !get("p:socket:connections:chat:42", "dead") && !get("p:online_users", "42"));
    CHECK(!get("p:socket:alone", "user_id") && get("p:socket:stranger", "whose"));
    CHECK(get("p:socket:connections:elsewhere:42", "dead") && get("p:socket:user:odd", "") && get("p:user:other", "name"));
    CHECK(get("p:socket:connections:/:1", "live") && get("p:socket:live", "ip") && get("p:online_users", "1"));
    SAME(span_of(get("p:user:42", "is_online")), "0");
    SAME(span_of(get("p:user:42", "last_disconnect")), "999");
    SAME(span_of(told), "/42 in /chat /a:b in /game-7 ");
    CHECK(!get("p:socket:connections:game-7:a:b", "dead"));
    EQUAL(stats.swept_entries, 4);         /* who is written as offline is not swept from online_users */
    owns = false;
    set(SPAN("p:online_users"), SPAN("9"), SPAN("{}"));
    store_sweep(&store, true);
    flush(300, 1);
    CHECK(get("p:online_users", "9"));                                              /* another presence's user */
    end();
}

/* Whatever happens, in the end Redis holds what the table holds. */
TEST(store_converges)
{
    uint32_t x = 11;
    for (int round = 0; round < 30; round++) {
        begin(round % 2 ? 5 : 1000);
        store_settled(&store, true);
        store_on_up(&store, 0);
        bool there = true;
        uint64_t now = 0;
        struct store_command c;
        for (int step = 0; step < 300; step++) {
            x = x * 1664525 + 1013904223;
            unsigned what = x >> 28, n = x >> 12 & 15;
            char key[8], sid[8];
            snprintf(key, sizeof key, "/%u", n / 3), snprintf(sid, sizeof sid, "s%u", n);
            struct session *s = users_session(&users, n & 1, span_of(sid));
            now += x >> 8 & 15;
            if (what < 9) { if (s) down(s, now + 1, now); else up(key, sid, n & 1, now); }
            else if (what < 13) { if (there) flush(now, 1 + (x >> 5 & 7)); }
            else if (what == 13 && there) { if (store_next(&store, &c, now)) run(&c); store_on_lost(&store), there = false; }
            else if (!there) store_on_up(&store, now), there = true;
        }
        if (!there) store_on_up(&store, now);
        flush(now + 100, 3), flush(now + 200, 3);
        EQUAL(store_pending(&store), 0);
        size_t sets = 0, sockets = 0, online = 0;
        for (size_t i = 0; i < cell_count; i++) {
            struct span key = span_of(cells[i].key), field = span_of(cells[i].field);
            if (span_same(key, SPAN("p:online_users"))) online++;
            else if (span_eat_prefix(&key, SPAN("p:socket:connections:"))) {
                CHECK(users_session(&users, span_has_prefix(key, SPAN("chat:")), field));
                sets++;
            } else if (span_has_prefix(key, SPAN("p:socket:user:"))) sockets++;
        }
        EQUAL(sets, users.by_session.count);
        EQUAL(sockets, users.by_session.count);
        EQUAL(online, users.online);
        end();
    }
}
