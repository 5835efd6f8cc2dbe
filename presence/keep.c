#include "keep.h"

#include "address.h"
#include "base64.h"
#include "user.h"

#include <stdlib.h>

enum { ROOMS_BYTES_MAX = 1 << 20 };     /* of one socket */

struct span kept_pid(const struct kept *k)  { return span_from(k->text, PID_LENGTH); }
struct span kept_sid(const struct kept *k)  { return span_from(k->text + PID_LENGTH, k->sid_len); }
struct span kept_nsp(const struct kept *k)  { return span_from(k->text + PID_LENGTH + k->sid_len, k->nsp_len); }
struct span kept_user(const struct kept *k) { return span_from(k->text + PID_LENGTH + k->sid_len + k->nsp_len, k->user_len); }

static struct span key_of_kept(const void *value)
{
    return kept_pid(value);
}

void keeps_init(struct keeps *self, const struct siphash_key *seed, size_t max, size_t max_bytes)
{
    *self = (struct keeps){ .max = max, .max_bytes = max_bytes };
    map_init(&self->by_pid, seed, key_of_kept);
    wheel_init(&self->wheel, 0, 0);
}

void keeps_fini(struct keeps *self)
{
    struct map_walk walk = { 0 };
    for (struct kept *k; (k = map_next(&self->by_pid, &walk)); ) keeps_forget(self, k);
    map_fini(&self->by_pid);
}

struct kept *keeps_find(const struct keeps *self, struct span pid)
{
    return pid.len == PID_LENGTH ? map_find(&self->by_pid, pid) : NULL;
}

size_t keeps_bytes(const struct keeps *self)
{
    return self->bytes + map_bytes(&self->by_pid);
}

/* ---- where a record hangs */

static size_t bytes_of(const struct kept *k)
{
    return sizeof *k + PID_LENGTH + (size_t)k->sid_len + k->nsp_len + k->user_len + k->rooms.cap;
}

static void off_lease(struct kept *k)
{
    if (!k->lease) return;
    *k->lease_at = k->lease_next;
    if (k->lease_next) k->lease_next->lease_at = k->lease_at;
    k->lease = NULL;
}

static void off_away(struct keeps *self, struct kept *k)
{
    if (k->state != KEPT_AWAY) return;
    *(k->older ? &k->older->newer : &self->oldest) = k->newer;
    *(k->newer ? &k->newer->older : &self->newest) = k->older;
    k->older = k->newer = NULL;
    self->away--;
    wheel_cancel(&self->wheel, &k->timer);
}

static void on_lease(struct keeps *self, struct kept *k, struct lease *lease, enum kept_state state)
{
    off_lease(k), off_away(self, k);
    k->state = (uint8_t)state;
    k->lease = lease;
    k->lease_next = lease->kept, k->lease_at = &lease->kept;
    if (k->lease_next) k->lease_next->lease_at = &k->lease_next;
    lease->kept = k;
}

void keeps_leave(struct keeps *self, struct kept *k, uint64_t until)
{
    off_lease(k), off_away(self, k);
    k->state = KEPT_AWAY;
    k->older = self->newest, k->newer = NULL;
    *(self->newest ? &self->newest->newer : &self->oldest) = k;
    self->newest = k;
    self->away++;
    wheel_set(&self->wheel, &k->timer, until);
}

void keeps_forget(struct keeps *self, struct kept *k)
{
    off_lease(k), off_away(self, k);
    map_drop(&self->by_pid, kept_pid(k));
    self->bytes -= bytes_of(k);
    buf_fini(&k->rooms);
    free(k);
}

void keeps_expire(struct keeps *self, uint64_t now)
{
    for (struct wheel_timer *t; (t = wheel_expire(&self->wheel, now)); self->expired++) keeps_forget(self, WHEEL_OWNER(t, struct kept, timer));
}

void keeps_doubt(struct lease *lease)
{
    for (struct kept *k = lease->kept; k; k = k->lease_next) k->doubted = true;
}

/* ---- rooms */

static bool has(struct span strs, struct span text)
{
    struct span one;
    while (msg_next_str(&strs, &one))
        if (span_same(one, text)) return true;
    return false;
}

static bool seat_of(struct span rooms, struct span address, struct msg_SEAT *seat)
{
    struct span one;
    while (msg_next_str(&rooms, &one))
        if (msg_decode_SEAT(seat, one) == OK && span_same(seat->address, address)) return true;
    return false;
}

static void add_seat(struct buf *rooms, struct span address, uint64_t since)
{
    struct buf seat = { 0 };
    msg_encode_SEAT(&seat, &(struct msg_SEAT){ .since = since, .address = address });
    msg_add_str(rooms, buf_span(&seat));
    buf_fini(&seat);
}

static void take_rooms(struct keeps *self, struct kept *k, struct buf *rooms)
{
    self->bytes -= k->rooms.cap;
    buf_fini(&k->rooms);
    buf_trim(rooms);
    k->rooms = *rooms, *rooms = (struct buf){ 0 };
    self->bytes += k->rooms.cap;
}

enum err keeps_rooms(struct keeps *self, const struct lease *lease, const struct msg_SAVE_ROOMS *m, uint64_t time)
{
    struct kept *k = keeps_find(self, m->pid);
    if (!k || k->lease != lease) return ERR_GONE;
    struct buf rooms = { 0 };
    struct span rest = buf_span(&k->rooms), one;
    struct msg_SEAT seat;
    while (msg_next_str(&rest, &one))
        if (msg_decode_SEAT(&seat, one) == OK && !has(m->left, seat.address)) msg_add_str(&rooms, one);
    for (rest = m->joined; msg_next_str(&rest, &one); )
        if (!seat_of(buf_span(&rooms), one, &seat)) add_seat(&rooms, one, time);
    enum err e = rooms.len > ROOMS_BYTES_MAX ? ERR_LIMIT : OK;
    if (e == OK) take_rooms(self, k, &rooms);
    else keeps_forget(self, k);         /* better not at all than without some of its rooms */
    buf_fini(&rooms);
    return e;
}

/* ---- a gateway's socket */

static enum err check(const struct msg_SAVE *m)
{
    struct buf bytes = { 0 };
    enum err e = m->pid.len == PID_LENGTH ? base64_decode_url(&bytes, m->pid) : ERR_SYNTAX;
    buf_fini(&bytes);
    if (e != OK) return e;
    if (m->sid.len == 0 || m->nsp.len == 0) return ERR_MISSING;
    return m->sid.len > USERS_SID_MAX || m->nsp.len > USERS_NSP_MAX || m->user.len > USER_KEY_MAX || m->rooms.len > ROOMS_BYTES_MAX ? ERR_LIMIT : OK;
}

static void put(char **to, struct span s)
{
    if (s.len) memcpy(*to, s.ptr, s.len);
    *to += s.len;
}

static struct kept *need(struct keeps *self, const struct msg_SAVE *m)
{
    struct kept *k = keeps_find(self, m->pid);
    if (k && span_same(kept_sid(k), m->sid) && span_same(kept_nsp(k), m->nsp) && span_same(kept_user(k), m->user)) return k;
    if (k) keeps_forget(self, k);
    while (self->oldest && (self->by_pid.count >= self->max || keeps_bytes(self) >= self->max_bytes)) {
        self->evicted++;
        keeps_forget(self, self->oldest);
    }
    if (self->by_pid.count >= self->max || keeps_bytes(self) >= self->max_bytes) return NULL;
    k = malloc(sizeof *k + m->pid.len + m->sid.len + m->nsp.len + m->user.len);
    NEED(k);
    *k = (struct kept){ .sid_len = (uint16_t)m->sid.len, .nsp_len = (uint16_t)m->nsp.len, .user_len = (uint16_t)m->user.len };
    char *to = k->text;
    put(&to, m->pid), put(&to, m->sid), put(&to, m->nsp), put(&to, m->user);
    NEED(!map_put(&self->by_pid, kept_pid(k), k));
    self->bytes += bytes_of(k);
    return k;
}

enum err keeps_save(struct keeps *self, struct lease *lease, const struct msg_SAVE *m, uint64_t time)
{
    enum err e = check(m);
    if (e != OK) return e;
    struct kept *k = need(self, m);
    if (!k) return ERR_FULL;
    struct buf rooms = { 0 };
    struct span rest = m->rooms, one;
    while (msg_next_str(&rest, &one)) {
        struct msg_SEAT seat;
        add_seat(&rooms, one, seat_of(buf_span(&k->rooms), one, &seat) ? seat.since : m->how == SAVE_NEW ? time : 0);
    }
    take_rooms(self, k, &rooms);
    if (m->how == SAVE_NEW) k->since = time;
    k->doubted = false;
    on_lease(self, k, lease, KEPT_LIVE);
    return OK;
}

enum err keeps_resume(struct keeps *self, struct lease *lease, const struct msg_RESUME *m, struct kept **kept)
{
    struct kept *k = keeps_find(self, m->pid);
    *kept = NULL;
    if (!k) return ERR_UNKNOWN;
    if (!span_same(kept_nsp(k), m->nsp) || !span_same(kept_user(k), m->user)) return ERR_AUTH;
    if (k->state == KEPT_RESUMING) return ERR_DUPLICATE;
    on_lease(self, k, lease, KEPT_RESUMING);
    k->doubted = false;
    *kept = k;
    return OK;
}
