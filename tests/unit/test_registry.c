#include "registry.h"
#include "socket.h"
#include "t.h"

#include <stdio.h>
#include <stdlib.h>

enum { SOCKETS = 40, ROOMS = 12 };

static const struct siphash_key seeds[2] = { { 1, 2 }, { 3, 4 } };

static struct span key_of(unsigned room)
{
    static char text[16];
    snprintf(text, sizeof text, "/%croom:%u", 0, room);
    return (struct span){ text, 2 + strlen(text + 2) };
}

static struct socket *socket_named(char name)
{
    struct socket *s = calloc(1, sizeof *s + 1);
    NEED(s);
    s->id[0] = name, s->id_len = 1;
    return s;
}

/* Random joins and leaves beside a table of booleans: both always agree, both ways. */
TEST(registry_agrees_with_a_table)
{
    struct registry r;
    struct socket *s[SOCKETS];
    bool in[SOCKETS][ROOMS] = { { false } };
    uint32_t seed = 1;
    registry_init(&r, seeds);
    for (unsigned i = 0; i < SOCKETS; i++) {
        s[i] = socket_named((char)('A' + i));
        registry_add(&r, s[i]);
    }
    for (int step = 0; step < 20000; step++) {
        seed = seed * 1664525 + 1013904223;
        unsigned i = seed >> 8 & 31, k = (seed >> 16) % ROOMS;
        struct room *room = registry_room(&r, key_of(k));
        uint32_t place = room ? registry_place(s[i], room) : UINT32_MAX;
        EQUAL(place != UINT32_MAX, in[i][k]);
        if (!in[i][k]) {
            bool first, joined;
            room = registry_join(&r, s[i], key_of(k), &first, &joined);
            CHECK(joined && first == (room->count == 1));
            CHECK(registry_join(&r, s[i], key_of(k), &first, &joined) == room && !joined && !first);
        } else {
            bool last = registry_leave(&r, s[i], place, &room);
            EQUAL(last, room->count == 0);
            if (last) registry_free(&r, &room);
        }
        in[i][k] = !in[i][k];
        if (step % 100) continue;
        size_t all = 0;
        for (unsigned a = 0; a < SOCKETS; a++)
            for (uint32_t m = 0; m < s[a]->rooms.count; m++) {
                const struct membership *ship = &s[a]->rooms.at[m];
                CHECK(ship->room->members[ship->place].socket == s[a] && ship->room->members[ship->place].place == m);
                all++;
            }
        EQUAL(all, r.memberships);
    }
    for (unsigned i = 0; i < SOCKETS; i++) {
        while (s[i]->rooms.count) {
            struct room *room;
            if (registry_leave(&r, s[i], 0, &room)) registry_free(&r, &room);
        }
        CHECK(registry_find(&r, socket_id(s[i])) == s[i]);
        registry_drop(&r, s[i]);
        free(s[i]);
    }
    EQUAL(r.memberships, 0); EQUAL(r.rooms.count, 0); EQUAL(r.bytes, 0);
    registry_fini(&r);
}

TEST(registry_marks_each_socket_once_a_delivery_even_when_its_number_wraps)
{
    struct registry r;
    struct socket *s = socket_named('s'), *t = socket_named('t');
    registry_init(&r, seeds);
    registry_add(&r, s), registry_add(&r, t);
    registry_begin(&r);
    CHECK(registry_mark(&r, s) && !registry_mark(&r, s) && registry_mark(&r, t));
    registry_begin(&r);
    CHECK(registry_mark(&r, s));
    r.epoch = UINT32_MAX;
    t->mark = 1;
    registry_begin(&r);
    EQUAL(r.epoch, 1);
    CHECK(registry_mark(&r, t) && !registry_mark(&r, t) && registry_mark(&r, s));
    registry_drop(&r, s), registry_drop(&r, t);
    free(s), free(t);
    registry_fini(&r);
}
