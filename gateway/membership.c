/* membership - the registry and the routers' interest, in step: a room's first
 * member is told to its owner, and its last one's leaving. */
#include "feed.h"
#include "recover.h"

enum { BATCH_BYTES = 60000 };       /* of room keys in one INTEREST */

static struct blob *interest(struct gate *g, bool on, struct span rooms)
{
    buf_clear(&g->scratch);
    msg_encode_INTEREST(&g->scratch, &(struct msg_INTEREST){ .on = on, .rooms = rooms, .view = g->view ? view_number(g->view) : 0 });
    struct blob *message = blob_new(buf_span(&g->scratch));
    buf_clear(&g->scratch);
    return message;
}

static uint64_t tell(struct gate *g, struct span key, bool on)
{
    struct buf rooms = { 0 };
    msg_add_str(&rooms, key);
    uint64_t ticket = sender_note(g->sender, key, interest(g, on, buf_span(&rooms)), &g->effects);
    buf_fini(&rooms);
    return ticket;
}

uint64_t membership_join(struct socket *s, struct span key)
{
    struct gate *g = s->session->gate;
    bool first, joined;
    struct room *room = registry_join(&g->registry, s, key, &first, &joined);
    if (first) {
        g->stats->rooms_open++;
        room->ticket = tell(g, key, true);
        answer_open(g, room->ticket);
    }
    if (joined) recover_room(s, key, true);
    if (joined) roll_on(s, key, true);
    if (joined && feed_wants(g, TOPIC_JOIN)) feed_room(s, key, true);
    g->stats->memberships_open = g->registry.memberships;
    return answer_due(g, room->ticket) ? room->ticket : 0;
}

void membership_leave(struct socket *s, uint32_t i)
{
    struct gate *g = s->session->gate;
    struct room *room;
    bool last = registry_leave(&g->registry, s, i, &room);
    recover_room(s, room_key(room), false);
    roll_on(s, room_key(room), false);
    if (feed_wants(g, TOPIC_LEAVE)) feed_room(s, room_key(room), false);
    g->stats->memberships_open = g->registry.memberships;
    if (!last) return;
    g->stats->rooms_open--;
    tell(g, room_key(room), false);
    registry_free(&g->registry, &room);
}

void membership_leave_all(struct socket *s)
{
    while (s->rooms.count) membership_leave(s, s->rooms.count - 1);
}

/* ---- who owned them, who will */

static void flush(struct gate *g, uint16_t router, struct buf *rooms)
{
    if (!rooms->len) return;
    effects_add(&g->effects, ROLE_ROUTER, router, MSG_INTEREST, interest(g, true, buf_span(rooms)), 0);
    buf_clear(rooms);
}

void membership_moved(struct gate *g, const struct owners *to)
{
    struct buf rooms[VIEW_OWNERS_MAX] = { 0 };
    bool reborn[VIEW_OWNERS_MAX] = { 0 };
    bool any = to->count != g->told.count || memcmp(to->number, g->told.number, to->count * sizeof to->number[0]) != 0;
    for (size_t i = 0; i < to->count; i++) {
        const struct member *m = view_find(g->view, ROLE_ROUTER, to->number[i]);
        uint64_t epoch = m ? m->epoch : 0;
        if (to->number[i] >= VIEW_OWNERS_MAX) continue;
        reborn[to->number[i]] = g->told_epoch[to->number[i]] != epoch;
        any |= reborn[to->number[i]];
        g->told_epoch[to->number[i]] = epoch;
    }
    if (!any) return;
    struct map_walk walk = { 0 };
    for (struct room *room; (room = map_next(&g->registry.rooms, &walk)); ) {
        uint64_t hash = rank_hash(room_key(room));
        uint16_t old, new, standby;
        rank_pick(g->told.number, g->told.count, hash, &old, &standby);
        rank_pick(to->number, to->count, hash, &new, &standby);
        if (new == RANK_NOBODY || new >= VIEW_OWNERS_MAX || (new == old && !reborn[new])) continue;
        msg_add_str(&rooms[new], room_key(room));
        if (rooms[new].len > BATCH_BYTES) flush(g, new, &rooms[new]);
    }
    for (uint16_t i = 0; i < VIEW_OWNERS_MAX; i++) {
        flush(g, i, &rooms[i]);
        buf_fini(&rooms[i]);
    }
    g->told = *to;
}

void membership_tell(struct gate *g, uint16_t router)
{
    struct buf rooms = { 0 };
    struct map_walk walk = { 0 };
    for (struct room *room; (room = map_next(&g->registry.rooms, &walk)); ) {
        uint16_t owner, standby;
        rank_pick(g->told.number, g->told.count, rank_hash(room_key(room)), &owner, &standby);
        if (owner != router) continue;
        msg_add_str(&rooms, room_key(room));
        if (rooms.len > BATCH_BYTES) flush(g, router, &rooms);
    }
    flush(g, router, &rooms);
    buf_fini(&rooms);
}
