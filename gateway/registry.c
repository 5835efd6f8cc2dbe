#include "registry.h"

#include "err.h"
#include "socket.h"

#include <stdlib.h>

static struct span key_of_room(const void *value)
{
    return room_key(value);
}

static struct span key_of_socket(const void *value)
{
    const struct socket *s = value;
    return socket_id(s);
}

void registry_init(struct registry *self, const struct siphash_key *seeds)
{
    *self = (struct registry){ 0 };
    map_init(&self->rooms, &seeds[0], key_of_room);
    map_init(&self->sockets, &seeds[1], key_of_socket);
}

void registry_fini(struct registry *self)
{
    map_fini(&self->rooms);
    map_fini(&self->sockets);
}

void registry_add(struct registry *self, struct socket *s)
{
    s->mark = self->epoch;      /* what is being delivered now was sent before it came */
    NEED(!map_put(&self->sockets, socket_id(s), s));
}

void registry_drop(struct registry *self, struct socket *s)
{
    NEED(s->rooms.count == 0);
    map_drop(&self->sockets, socket_id(s));
    if (s->rooms.at && s->rooms.at != s->rooms.few) {
        self->bytes -= s->rooms.cap * sizeof *s->rooms.at;
        free(s->rooms.at);
    }
    s->rooms = (struct rooms){ 0 };
}

struct socket *registry_find(const struct registry *self, struct span sid)
{
    return map_find(&self->sockets, sid);
}

struct room *registry_room(const struct registry *self, struct span key)
{
    return map_find(&self->rooms, key);
}

/* ---- lists that begin inside their owner */

static void grow_members(struct registry *self, struct room *room)
{
    if (!room->members) room->members = room->one, room->cap = ROOM_INLINE;
    if (room->count < room->cap) return;
    uint32_t cap = room->cap < 4 ? 4 : room->cap + room->cap / 2;
    bool inside = room->members == room->one;
    struct seat *at = realloc(inside ? NULL : room->members, cap * sizeof *at);
    NEED(at);
    if (inside) memcpy(at, room->one, sizeof room->one);
    self->bytes += (cap - (inside ? 0 : room->cap)) * sizeof *at;
    room->members = at, room->cap = cap;
}

static void grow_rooms(struct registry *self, struct rooms *rooms)
{
    if (!rooms->at) rooms->at = rooms->few, rooms->cap = ROOMS_INLINE;
    if (rooms->count < rooms->cap) return;
    uint32_t cap = rooms->cap < 4 ? 4 : rooms->cap + rooms->cap / 2;
    bool inside = rooms->at == rooms->few;
    struct membership *at = realloc(inside ? NULL : rooms->at, cap * sizeof *at);
    NEED(at);
    if (inside) memcpy(at, rooms->few, sizeof rooms->few);
    self->bytes += (cap - (inside ? 0 : rooms->cap)) * sizeof *at;
    rooms->at = at, rooms->cap = cap;
}

static void shrink_members(struct registry *self, struct room *room)
{
    if (room->members == room->one || room->count * 4 > room->cap || room->cap <= 16) return;
    uint32_t cap = room->cap / 2;
    struct seat *at = realloc(room->members, cap * sizeof *at);
    NEED(at);
    self->bytes -= (room->cap - cap) * sizeof *at;
    room->members = at, room->cap = cap;
}

/* ---- rooms */

static struct room *room_new(struct registry *self, struct span key)
{
    NEED(key.len <= UINT32_MAX);
    struct room *room = calloc(1, sizeof *room + key.len);
    NEED(room);
    memcpy(room->key, key.ptr, key.len);
    room->key_len = (uint32_t)key.len;
    map_put(&self->rooms, room_key(room), room);
    self->bytes += sizeof *room + key.len;
    return room;
}

void registry_free(struct registry *self, struct room **room_p)
{
    struct room *room = *room_p;
    if (!room) return;
    if (room->members && room->members != room->one) {
        self->bytes -= room->cap * sizeof *room->members;
        free(room->members);
    }
    self->bytes -= sizeof *room + room->key_len;
    free(room);
    *room_p = NULL;
}

/* From the shorter of the two lists. */
uint32_t registry_place(const struct socket *s, const struct room *room)
{
    if (room->count < s->rooms.count) {
        for (uint32_t i = 0; i < room->count; i++)
            if (room->members[i].socket == s) return room->members[i].place;
        return UINT32_MAX;
    }
    for (uint32_t i = 0; i < s->rooms.count; i++)
        if (s->rooms.at[i].room == room) return i;
    return UINT32_MAX;
}

struct room *registry_join(struct registry *self, struct socket *s, struct span key, bool *first, bool *joined)
{
    struct room *room = registry_room(self, key);
    *first = !room, *joined = false;
    if (room && registry_place(s, room) != UINT32_MAX) return room;
    if (!room) room = room_new(self, key);
    grow_members(self, room), grow_rooms(self, &s->rooms);
    room->members[room->count] = (struct seat){ s, s->rooms.count };
    s->rooms.at[s->rooms.count] = (struct membership){ room, room->count };
    room->count++, s->rooms.count++, self->memberships++;
    *joined = true;
    return room;
}

bool registry_leave(struct registry *self, struct socket *s, uint32_t i, struct room **room_p)
{
    struct room *room = s->rooms.at[i].room;
    uint32_t place = s->rooms.at[i].place;
    *room_p = room;

    struct membership *moved_room = &s->rooms.at[--s->rooms.count];
    if (i != s->rooms.count) {
        s->rooms.at[i] = *moved_room;
        moved_room->room->members[moved_room->place].place = i;
    }
    struct seat *moved = &room->members[--room->count];
    if (place != room->count) {
        room->members[place] = *moved;
        moved->socket->rooms.at[moved->place].place = place;
    }
    self->memberships--;
    shrink_members(self, room);
    if (room->count) return false;
    map_drop(&self->rooms, room_key(room));
    return true;
}

/* ---- deliveries */

void registry_begin(struct registry *self)
{
    if (++self->epoch != 0) return;
    struct map_walk walk = { 0 };       /* once in 4 billion deliveries */
    for (struct socket *s; (s = map_next(&self->sockets, &walk)); ) s->mark = 0;
    self->epoch = 1;
}

bool registry_mark(struct registry *self, struct socket *s)
{
    if (s->mark == self->epoch) return false;
    s->mark = self->epoch;
    return true;
}

size_t registry_bytes(const struct registry *self)
{
    return self->bytes + map_bytes(&self->rooms) + map_bytes(&self->sockets);
}
