#include "roll.h"

#include "address.h"
#include "msg.h"
#include "user.h"

#include <stdlib.h>

enum { KEY_MAX = sizeof(struct roll *) + USERS_SID_MAX };

static struct span key_of_roll(const void *value) { return roll_key(value); }
static struct span key_of_attendee(const void *value) { return span_from(((const struct attendee *)value)->key, ((const struct attendee *)value)->key_len); }
static struct span key_of_sitting(const void *value) { return span_from(((const struct sitting *)value)->key, ((const struct sitting *)value)->key_len); }

void rolls_init(struct rolls *self, const struct siphash_key *seed, size_t max)
{
    *self = (struct rolls){ .seed = *seed, .max = max };
    map_init(&self->rolls, &(struct siphash_key){ seed->k0, seed->k1 }, key_of_roll);
    map_init(&self->sittings, &(struct siphash_key){ seed->k0 + 1, seed->k1 }, key_of_sitting);
    wheel_init(&self->wheel, 0, 0);
}

static bool none(const void *with, const struct roll *r) { return (void)with, (void)r, false; }

void rolls_fini(struct rolls *self)
{
    rolls_keep(self, none, NULL);
    map_fini(&self->rolls), map_fini(&self->sittings);
}

static struct span sitting_key(char *out, const struct roll *r, struct span sid)
{
    memcpy(out, &r, sizeof r);
    memcpy(out + sizeof r, sid.ptr, sid.len);
    return span_from(out, sizeof r + sid.len);
}

static struct sitting *find(const struct rolls *self, struct span key, struct span sid)
{
    char bytes[KEY_MAX];
    const struct roll *r = map_find(&self->rolls, key);
    return r && sid.len && sid.len <= USERS_SID_MAX ? map_find(&self->sittings, sitting_key(bytes, r, sid)) : NULL;
}

static void on_lease(struct sitting *s, struct lease *lease)
{
    if (s->lease) {
        *s->lease_at = s->lease_next;
        if (s->lease_next) s->lease_next->lease_at = s->lease_at;
    }
    s->lease = lease;
    if (!lease) return;
    s->lease_next = lease->sittings, s->lease_at = &lease->sittings;
    if (s->lease_next) s->lease_next->lease_at = &s->lease_next;
    lease->sittings = s;
}

void rolls_doubt(struct lease *lease)
{
    for (struct sitting *s = lease->sittings; s; s = s->lease_next) s->doubted = true;
}

/* ---- changes */

void rolls_later(struct rolls *self, struct roll *r, uint64_t now)
{
    if (!wheel_timer_set(&r->timer)) wheel_set(&self->wheel, &r->timer, now + r->every_ms);
}

static void change(struct rolls *self, struct roll *r, struct attendee *a, uint64_t now)
{
    if (!a->changed) a->changed = true, a->changed_next = r->changed, r->changed = a;
    rolls_later(self, r, now);
}

static struct roll *need_roll(struct rolls *self, struct span key)
{
    struct roll *r = map_find(&self->rolls, key);
    if (r) return r;
    r = calloc(1, sizeof *r + key.len);
    NEED(r);
    memcpy(r->key, key.ptr, key.len);
    r->key_len = key.len;
    map_init(&r->attendees, &(struct siphash_key){ self->seed.k0 + 2, self->seed.k1 }, key_of_attendee);
    map_put(&self->rolls, roll_key(r), r);
    return r;
}

static struct attendee *need_attendee(struct roll *r, struct span key, struct span member)
{
    struct attendee *a = map_find(&r->attendees, key);
    if (a) return a;
    a = calloc(1, sizeof *a + key.len);
    NEED(a);
    memcpy(a->key, key.ptr, key.len);
    a->key_len = (uint16_t)key.len;
    a->member = blob_new(member);
    map_put(&r->attendees, key_of_attendee(a), a);
    return a;
}

static void drop_attendee(struct roll *r, struct attendee *a)
{
    map_drop(&r->attendees, key_of_attendee(a));
    blob_drop(&a->member);
    free(a);
}

static void come(struct rolls *self, struct roll *r, struct attendee *a, const struct rolls_in *in, uint64_t now)
{
    if (a->sockets++ == 0) {
        r->count++;
        if (in->known) a->told = true;
        else change(self, r, a, now);
    }
    if (in->known && in->whole) r->whole = true, rolls_later(self, r, now);
    if (in->known || !in->states || r->fresh_count == ROLL_NEW_MAX) return;
    struct buf address = { 0 };
    address_encode(&address, ADDRESS_SOCKET, in->sid);
    msg_add_str(&r->fresh, buf_span(&address));
    r->fresh_count++;
    buf_fini(&address);
    rolls_later(self, r, now);
}

enum err rolls_in(struct rolls *self, struct lease *lease, const struct rolls_in *in, uint64_t now)
{
    char bytes[KEY_MAX];
    struct sitting *s = find(self, in->key, in->sid);
    if (s) {                        /* told again, or it has moved */
        on_lease(s, lease);
        s->doubted = false;
        return OK;
    }
    if (self->sittings.count >= self->max) return ERR_FULL;
    struct roll *r = need_roll(self, in->key);
    r->every_ms = in->every_ms;
    struct span key = sitting_key(bytes, r, in->sid);
    s = calloc(1, sizeof *s + key.len);
    NEED(s);
    memcpy(s->key, key.ptr, key.len);
    s->key_len = (uint16_t)key.len;
    s->roll = r;
    s->attendee = need_attendee(r, in->who.len ? in->who : in->sid, in->member);
    map_put(&self->sittings, key_of_sitting(s), s);
    on_lease(s, lease);
    come(self, r, s->attendee, in, now);
    return OK;
}

void rolls_end(struct rolls *self, struct sitting *s, uint64_t now)
{
    struct attendee *a = s->attendee;
    if (--a->sockets == 0) {
        s->roll->count--;
        change(self, s->roll, a, now);
    }
    on_lease(s, NULL);
    map_drop(&self->sittings, key_of_sitting(s));
    free(s);
}

void rolls_out(struct rolls *self, const struct lease *lease, struct span key, struct span sid, uint64_t now)
{
    struct sitting *s = find(self, key, sid);
    if (s && s->lease == lease) rolls_end(self, s, now);
}

static void free_roll(struct rolls *self, struct roll *r)
{
    wheel_cancel(&self->wheel, &r->timer);
    map_drop(&self->rolls, roll_key(r));
    map_fini(&r->attendees);
    buf_fini(&r->fresh);
    free(r);
}

static void forget(struct rolls *self, struct roll *r)
{
    struct map_walk walk = { 0 };
    for (struct attendee *a; (a = map_next(&r->attendees, &walk)); ) drop_attendee(r, a);
    free_roll(self, r);
}

void rolls_keep(struct rolls *self, bool (*kept)(const void *with, const struct roll *r), const void *with)
{
    struct map_walk walk = { 0 };
    size_t gone = 0;
    for (struct roll *r; (r = map_next(&self->rolls, &walk)); ) gone += r->gone = !kept(with, r);
    walk = (struct map_walk){ 0 };
    for (struct sitting *s; gone && (s = map_next(&self->sittings, &walk)); ) {
        if (!s->roll->gone) continue;
        on_lease(s, NULL);
        map_drop(&self->sittings, key_of_sitting(s));
        free(s);
    }
    walk = (struct map_walk){ 0 };
    for (struct roll *r; gone && (r = map_next(&self->rolls, &walk)); )
        if (r->gone) forget(self, r);
}

/* ---- told */

struct roll *rolls_due(struct rolls *self, uint64_t now)
{
    struct wheel_timer *t = wheel_expire(&self->wheel, now);
    return t ? WHEEL_OWNER(t, struct roll, timer) : NULL;
}

/* To a list of at most so many; the number of those that it has. */
static bool add(struct buf *list, const struct attendee *a, uint32_t *given, uint32_t most)
{
    if (*given == most) return false;
    if ((*given)++) buf_add_byte(list, ',');
    buf_add(list, blob_span(a->member));
    return true;
}

uint32_t rolls_take(struct roll *r, struct buf *joined, struct buf *left, uint32_t most)
{
    uint32_t came = 0, went = 0, more = 0;
    buf_add_byte(joined, '['), buf_add_byte(left, '[');
    for (struct attendee *a; (a = r->changed); ) {
        r->changed = a->changed_next;
        a->changed = false;
        if (a->sockets && !a->told) more += !add(joined, a, &came, most);
        if (!a->sockets && a->told) more += !add(left, a, &went, most);
        a->told = a->sockets;
        if (!a->sockets) drop_attendee(r, a);
    }
    buf_add_byte(joined, ']'), buf_add_byte(left, ']');
    return more;
}

uint32_t rolls_list(const struct roll *r, struct buf *members, uint32_t most)
{
    struct map_walk walk = { 0 };
    uint32_t given = 0;
    buf_add_byte(members, '[');
    for (struct attendee *a; given < most && (a = map_next(&r->attendees, &walk)); )
        if (a->sockets) (void)add(members, a, &given, most);
    buf_add_byte(members, ']');
    return r->count - given;
}

void rolls_done(struct rolls *self, struct roll *r)
{
    buf_fini(&r->fresh);
    r->fresh_count = 0, r->whole = false;
    if (r->count == 0 && !r->changed) free_roll(self, r);
}
