#include "store_words.h"

#include "json.h"
#include "msg.h"
#include "user.h"

#include <stdio.h>

static void add(struct store *self, enum tag tag, const struct span *args, size_t count)
{
    char letter = (char)tag;
    buf_clear(&self->command);
    msg_add_str(&self->command, span_from(&letter, 1));
    for (size_t i = 0; i < count; i++) msg_add_str(&self->command, args[i]);
    msg_add_str(&self->batch, buf_span(&self->command));
}
#define ADD(self, tag, ...) \
    add((self), (tag), (struct span[]){ __VA_ARGS__ }, sizeof((struct span[]){ __VA_ARGS__ }) / sizeof(struct span))

struct digits { char text[32]; };

static struct span decimal(struct digits *d, uint64_t n)
{
    return span_from(d->text, (size_t)snprintf(d->text, sizeof d->text, "%llu", (unsigned long long)n));
}

/* "2024-02-29T12:34:56.007Z", as JavaScript writes it. Days to date: Howard Hinnant's civil_from_days. */
static struct span iso(struct digits *d, uint64_t ms)
{
    uint64_t s = ms / 1000 % 86400, z = ms / 86400000 + 719468;
    uint64_t era = z / 146097, doe = z % 146097, yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    unsigned day = (unsigned)(doy - (153 * mp + 2) / 5 + 1), month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
    unsigned year = (unsigned)((yoe + era * 400 + (month <= 2)) % 10000);
    int n = snprintf(d->text, sizeof d->text, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", year, month % 100, day % 100,
                     (unsigned)(s / 3600), (unsigned)(s / 60 % 60), (unsigned)(s % 60), (unsigned)(ms % 1000));
    return span_from(d->text, (size_t)n);
}

/* prefix, what and name in one of our bufs. */
static struct span key(const struct store *self, struct buf *out, struct span what, struct span name)
{
    buf_clear(out);
    buf_add(out, self->o.prefix);
    buf_add(out, what);
    buf_add(out, name);
    return buf_span(out);
}

static void write_session(struct store *self, const struct user *u, const struct session *s, struct span name, struct span id)
{
    struct digits d, expiry;
    struct buf other = { 0 };
    struct span nsp = sweep_nsp_text(users_nsp_name(self->users, s->nsp)), sid = users_sid(s), realm, text;
    user_split(users_key(u), &realm, &text);
    (void)decimal(&expiry, STORE_EXPIRY_S);
    struct span ttl = span_of(expiry.text);

    (void)key(self, &self->set, SPAN("socket:connections:"), nsp);
    buf_add_byte(&self->set, ':');
    buf_add(&self->set, name);
    struct span set = buf_span(&self->set);
    if (s->records & RECORD_CONNECTIONS) {
        ADD(self, TAG_WRITE, SPAN("SADD"), set, sid);
        ADD(self, TAG_WRITE, SPAN("EXPIRE"), set, ttl);
    }

    buf_clear(&self->text);
    buf_add_literal(&self->text, "{\"userId\":");
    buf_add(&self->text, id);
    buf_add_literal(&self->text, ",\"namespace\":");
    json_quote(&self->text, nsp);
    if (realm.len) buf_add_literal(&self->text, ",\"realm\":"), json_quote(&self->text, realm);
    buf_add_byte(&self->text, '}');
    if (s->records & RECORD_MAPPING)
        ADD(self, TAG_WRITE, SPAN("SET"), key(self, &other, SPAN("socket:user:"), sid), buf_span(&self->text), SPAN("EX"), ttl);

    struct span socket = key(self, &other, SPAN("socket:"), sid);
    if (s->records & RECORD_SOCKET) {
        ADD(self, TAG_WRITE, SPAN("HSET"), socket, SPAN("connected_at"), decimal(&d, s->since), SPAN("ip"), users_address(s),
            SPAN("user_agent"), users_agent(s), SPAN("user_id"), name);
        ADD(self, TAG_WRITE, SPAN("EXPIRE"), socket, ttl);
    }
    buf_fini(&other);
}

/* {"socketId":...,"onlineAt":...,"lastActivity":...} */
static void write_activity(struct store *self, const struct user *u, struct span name)
{
    struct digits d;
    if (!(u->records & RECORD_ONLINE_USERS)) return;
    buf_clear(&self->text);
    buf_add_literal(&self->text, "{\"socketId\":");
    json_quote(&self->text, users_sid(u->sessions));
    buf_add_literal(&self->text, ",\"onlineAt\":\"");
    buf_add(&self->text, iso(&d, u->since));
    buf_add_literal(&self->text, "\",\"lastActivity\":\"");
    buf_add(&self->text, iso(&d, u->active));
    buf_add_literal(&self->text, "\"}");
    ADD(self, TAG_WRITE, SPAN("HSET"), key(self, &self->set, SPAN("online_users"), SPAN("")), name, buf_span(&self->text));
}

static void write_online(struct store *self, const struct user *u, struct span name, struct span id)
{
    struct digits d;
    NEED(u->sessions);
    if (u->records & RECORD_USER)
        ADD(self, TAG_WRITE, SPAN("HSET"), key(self, &self->set, SPAN("user:"), name), SPAN("is_online"), SPAN("1"), SPAN("socket_id"),
            users_sid(u->sessions), SPAN("last_connect"), decimal(&d, u->sessions->since), SPAN("id"), id);
    write_activity(self, u, name);
}

static void write_offline(struct store *self, const struct user *u, struct span name, struct span id)
{
    struct digits d;
    struct span record = key(self, &self->set, SPAN("user:"), name);
    if (u->records & RECORD_USER) {
        ADD(self, TAG_WRITE, SPAN("HSET"), record, SPAN("is_online"), SPAN("0"), SPAN("socket_id"), SPAN(""), SPAN("id"), id);
        if (u->gone) ADD(self, TAG_WRITE, SPAN("HSET"), record, SPAN("last_disconnect"), decimal(&d, u->gone));
    }
    if (u->records & RECORD_ONLINE_USERS) ADD(self, TAG_WRITE, SPAN("HDEL"), key(self, &self->set, SPAN("online_users"), SPAN("")), name);
}

/* All of it, but for the sockets that are written already. */
static void write_changed(struct store *self, struct user *u, struct span name)
{
    struct digits d;
    struct buf id = { 0 };
    users_id(&id, u);
    for (struct session *s = u->sessions; s; s = s->next) {
        if (!s->dirty) continue;
        s->dirty = false;
        write_session(self, u, s, name, buf_span(&id));
    }
    if (u->sockets) write_online(self, u, name, buf_span(&id));
    else write_offline(self, u, name, buf_span(&id));
    if (u->records & RECORD_USER) ADD(self, TAG_WRITE, SPAN("EXPIRE"), key(self, &self->set, SPAN("user:"), name), decimal(&d, STORE_RECORD_S));
    buf_fini(&id);
}

void store_write_user(struct store *self, struct user *u)
{
    bool changed = u->changed;
    u->changed = false;
    if (!u->sockets && u->absent) return;       /* online still: written when that is over */
    buf_clear(&self->name);
    user_name(&self->name, users_key(u));
    if (changed) write_changed(self, u, buf_span(&self->name));
    else if (u->sockets) write_activity(self, u, buf_span(&self->name));
}

void store_write_ended(struct store *self, const struct blob *ended)
{
    struct span rest = blob_span(ended), set, sid, records, last[3] = { SPAN("DEL") };
    size_t count = 1;
    NEED(msg_next_str(&rest, &set) && msg_next_str(&rest, &sid) && msg_next_str(&rest, &records) && records.len == 1);
    uint8_t bits = (uint8_t)records.ptr[0];
    if (bits & RECORD_CONNECTIONS)
        ADD(self, bits & (RECORD_MAPPING | RECORD_SOCKET) ? TAG_WRITE : TAG_ENDED, SPAN("SREM"), key(self, &self->set, SPAN("socket:connections:"), set), sid);
    if (bits & RECORD_MAPPING) last[count++] = key(self, &self->set, SPAN("socket:user:"), sid);
    if (bits & RECORD_SOCKET) last[count++] = key(self, &self->text, SPAN("socket:"), sid);
    if (count > 1) add(self, TAG_ENDED, last, count);
}
