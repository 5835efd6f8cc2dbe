#include "recover.h"

#include "base64.h"
#include "gate_state.h"
#include "json.h"
#include "user.h"

#include <stdlib.h>

enum { NOBODY_AGAIN_MS = 100, RESUME_MS = 15000 };

static struct gate *gate_of(const struct socket *s)
{
    return s->session->gate;
}

/* ---- a new one */

static void new_pid(struct socket *s)
{
    uint8_t random[16];
    struct buf text = { 0 };
    gate_random(gate_of(s), random, sizeof random);
    base64_encode_url(&text, span_from(random, sizeof random));
    memcpy(s->recovery->pid, text.ptr, PID_LENGTH);
    buf_fini(&text);
}

/* A text of the CONNECT's payload. */
static enum err text_of(struct span payload, struct span key, struct buf *out)
{
    struct span value = json_find(payload, key);
    if (json_type_of(value) != JSON_STRING) return value.len ? ERR_TYPE : ERR_MISSING;
    json_unquote(out, value);
    return OK;
}

static enum err want(struct socket *s, struct span payload)
{
    struct buf pid = { 0 }, offset = { 0 };
    struct resume *r = calloc(1, sizeof *r);
    NEED(r);
    r->socket = s;
    enum err e = text_of(payload, SPAN("pid"), &pid);
    if (e == OK) e = text_of(payload, SPAN("offset"), &offset);
    if (e == OK) e = pid.len != PID_LENGTH ? ERR_UNKNOWN : offset.len == 0 ? ERR_MISSING : positions_decode(&r->offset, buf_span(&offset));
    if (e == OK) {
        memcpy(s->recovery->pid, pid.ptr, PID_LENGTH);
        s->recovery->resume = r, r = NULL;
    }
    recover_drop(&r);
    buf_fini(&pid), buf_fini(&offset);
    return e;
}

void recover_new(struct socket *s, const struct sio_packet *connect)
{
    struct gate *g = gate_of(s);
    if (!s->space->config->recovery || s->session->dialect & (DIALECT_V3 | DIALECT_RAW)) return;
    s->recovery = calloc(1, sizeof *s->recovery);
    NEED(s->recovery);
    g->socket_bytes += sizeof *s->recovery;
    new_pid(s);
    if (connect->json.len == 0 || json_find(connect->json, SPAN("pid")).len == 0) return;
    g->stats->recoveries_tried++;
    enum err e = want(s, connect->json);
    if (e != OK) g->stats->recoveries_refused[e]++;
}

void recover_drop(struct resume **r_p)
{
    struct resume *r = *r_p;
    if (!r) return;
    struct gate *g = gate_of(r->socket);
    timer_cancel(g, &r->timer);
    if (r->phase >= RESUME_ASKING) g->asking--;
    if (r->ref) map_drop_u64(&g->resumes, r->ref);
    for (size_t i = 0; i < r->missed_count; i++) blob_drop(&r->missed[i].stamped);
    free(r->missed);
    free(r->cuts);
    buf_fini(&r->seats);
    backlog_fini(&r->held);
    free(r);
    *r_p = NULL;
}

/* ---- the presence that owns a pid */

static uint16_t owner_of(const struct socket *s)
{
    const struct gate *g = gate_of(s);
    return user_owner(recover_pid(s), g->presences.number, g->presences.count);
}

static void add_user(struct socket *s, struct buf *key)
{
    struct span user = socket_user(s);
    if (user.len) (void)user_key(key, span_of(s->space->config->realm), user);
}

/* Rooms that were joined by name; the others each socket of its user has. */
static bool is_named(struct span key, struct span *address)
{
    struct span nsp;
    struct address a;
    address_split(key, &nsp, address);
    return address_decode(&a, *address) == OK && a.kind == ADDRESS_ROOM;
}

void recover_save(struct socket *s, enum save how)
{
    struct gate *g = gate_of(s);
    struct recovery *own = s->recovery;
    if (!own) return;
    own->presence = owner_of(s);
    own->saved = true;
    if (own->presence == RANK_NOBODY) {
        own->presence_epoch = 0;        /* told as soon as there is one */
        return;
    }
    own->presence_epoch = gate_presence_epoch(g, own->presence);
    struct buf rooms = { 0 }, user = { 0 };
    struct span address;
    for (uint32_t i = 0; i < s->rooms.count; i++)
        if (is_named(room_key(s->rooms.at[i].room), &address)) msg_add_str(&rooms, address);
    add_user(s, &user);
    GATE_SAY(g, ROLE_PRESENCE, own->presence, SAVE, .pid = recover_pid(s), .sid = socket_id(s), .nsp = s->space->name, .user = buf_span(&user),
             .rooms = buf_span(&rooms), .how = (uint8_t)how);
    buf_fini(&rooms), buf_fini(&user);
}

void recover_room(struct socket *s, struct span key, bool joined)
{
    struct recovery *own = s->recovery;
    struct span address;
    if (!own || !own->saved || !own->presence_epoch || !is_named(key, &address)) return;
    struct buf list = { 0 };
    msg_add_str(&list, address);
    struct span one = buf_span(&list), none = { "", 0 };
    GATE_SAY(gate_of(s), ROLE_PRESENCE, own->presence, SAVE_ROOMS, .pid = recover_pid(s), .joined = joined ? one : none, .left = joined ? none : one);
    buf_fini(&list);
}

static void say_end(struct socket *s, uint16_t presence, bool away)
{
    GATE_SAY(gate_of(s), ROLE_PRESENCE, presence, SAVE_END, .pid = recover_pid(s), .away = away);
}

/* trap 45 */
static bool may_come_back(enum reason why)
{
    return why == REASON_TRANSPORT_CLOSE || why == REASON_TRANSPORT_ERROR || why == REASON_PING_TIMEOUT || why == REASON_FORCED_CLOSE ||
           why == REASON_SHUTTING_DOWN;
}

void recover_end(struct socket *s, enum reason why)
{
    struct recovery *own = s->recovery;
    if (!own) return;
    struct resume *r = own->resume;
    if (r && r->phase >= RESUME_RESUMING && r->presence != RANK_NOBODY) say_end(s, r->presence, may_come_back(why));
    else if (own->saved && own->presence_epoch) say_end(s, own->presence, may_come_back(why));
    own->saved = false;         /* its rooms, which it leaves now, stay as they were */
    recover_drop(&own->resume);
}

void recover_tell(struct gate *g, uint16_t presence)
{
    struct map_walk walk = { 0 };
    for (struct socket *s; (s = map_next(&g->registry.sockets, &walk)); ) {
        const struct recovery *own = s->recovery;
        if (!own || !own->saved) continue;
        uint16_t owner = owner_of(s);
        bool again = presence == RANK_NOBODY ? owner != own->presence || gate_presence_epoch(g, owner) != own->presence_epoch : owner == presence;
        if (again) recover_save(s, SAVE_AGAIN);
    }
}

/* ---- one that comes back */

/* As if it had not asked: another id, another pid, none of its rooms. */
void recover_fail(struct resume *r, enum err why)
{
    struct socket *s = r->socket;
    struct gate *g = gate_of(s);
    bool taken = r->phase > RESUME_RESUMING, asked = r->phase == RESUME_RESUMING && r->presence != RANK_NOBODY && why == ERR_TIMEOUT;
    g->stats->recoveries_refused[why]++;
    if (taken || asked) say_end(s, r->presence, false);
    answer_orphan(s);
    membership_leave_all(s);
    if (s->registered) registry_drop(&g->registry, s);
    s->registered = false;
    if (taken) socket_rename(s, (struct span){ "", 0 });
    recover_drop(&s->recovery->resume);
    new_pid(s);
    connect_go_on(s);
}

static void on_due(struct gate *g, struct timer *t);

static void ask(struct resume *r)
{
    struct socket *s = r->socket;
    struct gate *g = gate_of(s);
    r->presence = owner_of(s);
    if (r->presence == RANK_NOBODY) {
        timer_set(g, &r->timer, on_due, NOBODY_AGAIN_MS);
        return;
    }
    struct buf user = { 0 };
    add_user(s, &user);
    GATE_SAY(g, ROLE_PRESENCE, r->presence, RESUME, .ref = r->ref, .pid = recover_pid(s), .nsp = s->space->name, .user = buf_span(&user));
    buf_fini(&user);
    timer_set(g, &r->timer, on_due, r->until - g->now.mono);
}

static void on_due(struct gate *g, struct timer *t)
{
    struct resume *r = TIMER_OWNER(t, struct resume, timer);
    if (r->failed || g->now.mono >= r->until) recover_fail(r, r->failed ? (enum err)r->failed : ERR_TIMEOUT);
    else if (r->phase == RESUME_RESUMING) ask(r);
}

bool recover_start(struct socket *s)
{
    struct resume *r = s->recovery ? s->recovery->resume : NULL;
    if (!r || r->phase != RESUME_WANTED) return false;
    struct gate *g = gate_of(s);
    connect_forget(s);
    r->phase = RESUME_RESUMING;
    r->ref = gate_ref(g);
    map_put_u64(&g->resumes, r->ref, r);
    r->until = g->now.mono + g->config->presence.wait_ms;
    ask(r);
    return true;
}

static void join(struct socket *s, struct answer *a, struct span address)
{
    struct gate *g = gate_of(s);
    buf_clear(&g->key);
    address_key(&g->key, s->space->name, address);
    answer_wait(a, membership_join(s, buf_span(&g->key)));
}

/* All that it was in; and its id, which names another gateway: what is for it has to come here. */
static void join_all(struct resume *r)
{
    struct socket *s = r->socket;
    struct gate *g = gate_of(s);
    struct answer *a = answer_new(s);
    struct buf address = { 0 };
    struct span rest = buf_span(&r->seats), one;
    struct msg_SEAT seat;
    uint16_t maker;
    a->resumes = true;
    registry_add(&g->registry, s);
    s->registered = true;
    join(s, a, SPAN("*"));
    if (socket_user(s).len && template_user_address(&address, span_of(s->space->config->realm), socket_user(s)) == OK) join(s, a, buf_span(&address));
    while (msg_next_str(&rest, &one))
        if (msg_decode_SEAT(&seat, one) == OK) join(s, a, seat.address);
    buf_clear(&address);
    address_encode(&address, ADDRESS_SOCKET, socket_id(s));
    if (sid_of_socket(socket_id(s), &maker) != OK || maker != g->setup.number) join(s, a, buf_span(&address));
    buf_fini(&address);
    struct blob *nothing = blob_new((struct span){ "", 0 });
    answer_give(&a, &nothing);
}

void recover_on_resumed(struct gate *g, const struct msg_RESUMED *m)
{
    struct resume *r = map_find_u64(&g->resumes, m->ref);
    if (!r || r->phase != RESUME_RESUMING) return;
    struct socket *s = r->socket;
    enum err e = m->error < ERR_COUNT ? (enum err)m->error : ERR_UNKNOWN;
    if (e == OK && (m->sid.len != s->id_len || registry_find(&g->registry, m->sid))) {
        say_end(s, r->presence, false);
        e = ERR_UNKNOWN;
    }
    if (e != OK) {
        recover_fail(r, e);
        return;
    }
    r->phase = RESUME_JOINING;
    r->since = m->since;
    buf_add(&r->seats, m->rooms);
    r->until = g->now.mono + RESUME_MS;
    timer_set(g, &r->timer, on_due, RESUME_MS);
    socket_rename(s, m->sid);
    join_all(r);
}

/* Its client has come back elsewhere, or here: this connection is a dead one. */
void recover_on_away(struct gate *g, const struct msg_RESUMED_AWAY *m)
{
    struct socket *s = registry_find(&g->registry, m->sid);
    if (!s || !s->recovery || !span_same(recover_pid(s), m->pid) || s->recovery->resume) return;
    s->recovery->saved = false;         /* it is not ours any more */
    gate_doom(s->session, REASON_FORCED_CLOSE, false);
}
