#include "revoked.h"

#include "json.h"
#include "user.h"

#include <stdlib.h>

enum { NAME_MAX_BYTES = 512, TIME_TEXT_MAX = 64 };

struct entry {
    struct entry *older, *newer;
    uint64_t      version, undone, decided, before, expires;
    uint32_t      len;
    char          name[];
};

struct revoked {
    struct map    at;               /* name -> entry */
    struct entry *oldest, *newest;  /* by version */
    uint64_t      version, sum, soonest;    /* when the next entry is over; or sooner */
    size_t        bytes;
};

static struct span name_of(const void *value)
{
    const struct entry *e = value;
    return span_from(e->name, e->len);
}

struct revoked *revoked_new(const struct siphash_key *seed)
{
    struct revoked *self = calloc(1, sizeof *self);
    NEED(self);
    map_init(&self->at, seed, name_of);
    self->soonest = UINT64_MAX;
    return self;
}

void revoked_destroy(struct revoked **self_p)
{
    struct revoked *self = *self_p;
    if (!self) return;
    for (struct entry *e = self->oldest, *next; e; e = next) next = e->newer, free(e);
    map_fini(&self->at);
    free(self);
    *self_p = NULL;
}

size_t   revoked_count(const struct revoked *self)   { return self->at.count; }
size_t   revoked_bytes(const struct revoked *self)   { return self->bytes; }
uint64_t revoked_version(const struct revoked *self) { return self->version; }
uint64_t revoked_sum(const struct revoked *self)     { return self->sum; }

/* ---- names */

static const struct { const char *prefix; bool is_user; } kinds[] = { { "user:", true }, { "token:", false } };

enum err revoked_name(struct buf *out, struct span text)
{
    if (text.len > NAME_MAX_BYTES) return ERR_LIMIT;
    if (span_same(text, SPAN("*"))) {
        buf_add(out, text);
        return OK;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct span rest = text;
        if (!span_eat_prefix(&rest, span_of(kinds[i].prefix)) || rest.len == 0 || span_find(rest, '\0') >= 0) continue;
        buf_add(out, span_of(kinds[i].prefix));
        struct buf key = { 0 };
        if (kinds[i].is_user) user_key_of_name(&key, rest), user_name(out, buf_span(&key));
        else buf_add(out, rest);
        buf_fini(&key);
        return OK;
    }
    return ERR_SYNTAX;
}

/* ---- entries */

static struct msg_REVOCATION record_of(const struct entry *e)
{
    return (struct msg_REVOCATION){ .name = name_of(e), .undone = e->undone, .decided = e->decided, .before = e->before, .expires = e->expires };
}

static size_t size_of(const struct entry *e)
{
    return 4 + 4 + e->len + 4 * 8;
}

/* The same everywhere, so under a key that all know: nobody gains by a sum that is another's. */
static uint64_t sum_of(const struct entry *e)
{
    static const struct siphash_key same = { 1, 2 };
    const uint64_t numbers[] = { e->undone, e->decided, e->before, e->expires };
    return siphash_1_3(&same, name_of(e)) ^ siphash_1_3(&same, span_from(numbers, sizeof numbers)) * 3;
}

static void unlink_entry(struct revoked *self, struct entry *e)
{
    *(e->older ? &e->older->newer : &self->oldest) = e->newer;
    *(e->newer ? &e->newer->older : &self->newest) = e->older;
    e->older = e->newer = NULL;
    self->sum ^= sum_of(e);
    self->bytes -= size_of(e);
}

static void link_entry(struct revoked *self, struct entry *e)
{
    e->version = ++self->version;
    e->older = self->newest;
    *(self->newest ? &self->newest->newer : &self->oldest) = e;
    self->newest = e;
    if (e->expires < self->soonest) self->soonest = e->expires;
    self->sum ^= sum_of(e);
    self->bytes += size_of(e);
}

static struct entry *need(struct revoked *self, struct span name)
{
    struct entry *e = map_find(&self->at, name);
    if (e) {
        unlink_entry(self, e);
        return e;
    }
    e = calloc(1, sizeof *e + name.len);
    NEED(e);
    e->len = (uint32_t)name.len;
    memcpy(e->name, name.ptr, name.len);
    map_put(&self->at, name_of(e), e);
    return e;
}

static uint64_t larger(uint64_t a, uint64_t b) { return a > b ? a : b; }

/* What two copies say together. */
static void join(struct msg_REVOCATION *mine, const struct msg_REVOCATION *other)
{
    struct msg_REVOCATION theirs = *other;
    mine->undone = theirs.undone = larger(mine->undone, theirs.undone);
    if (mine->decided <= mine->undone) mine->decided = mine->before = 0;
    if (theirs.decided <= theirs.undone) theirs.decided = theirs.before = 0;
    mine->decided = larger(mine->decided, theirs.decided);
    mine->before = larger(mine->before, theirs.before);
    mine->expires = larger(mine->expires, theirs.expires);
}

static bool same(const struct msg_REVOCATION *a, const struct msg_REVOCATION *b)
{
    return a->undone == b->undone && a->decided == b->decided && a->before == b->before && a->expires == b->expires;
}

bool revoked_apply(struct revoked *self, const struct msg_REVOCATION *r, enum err *e)
{
    struct buf name = { 0 };
    *e = revoked_name(&name, r->name);
    bool changed = false;
    if (*e == OK) {
        struct msg_REVOCATION was = { .name = buf_span(&name) };
        (void)revoked_find(self, buf_span(&name), &was);
        struct msg_REVOCATION is = was;
        join(&is, r);
        changed = !same(&is, &was);
        if (changed) {
            struct entry *entry = need(self, buf_span(&name));
            entry->undone = is.undone, entry->decided = is.decided, entry->before = is.before, entry->expires = is.expires;
            link_entry(self, entry);
        }
    }
    buf_fini(&name);
    return changed;
}

void revoked_expire(struct revoked *self, uint64_t wall)
{
    if (wall < self->soonest) return;
    self->soonest = UINT64_MAX;
    for (struct entry *e = self->oldest, *next; e; e = next) {
        next = e->newer;
        if (e->expires > wall) {
            if (e->expires < self->soonest) self->soonest = e->expires;
            continue;
        }
        unlink_entry(self, e);
        map_drop(&self->at, name_of(e));
        free(e);
    }
}

bool revoked_find(const struct revoked *self, struct span name, struct msg_REVOCATION *r)
{
    const struct entry *e = map_find(&self->at, name);
    if (e) *r = record_of(e);
    return e != NULL;
}

/* ---- told */

uint64_t revoked_since(const struct revoked *self, uint64_t since, struct buf *strs, size_t most, bool *all)
{
    const struct entry *e = self->newest, *from = NULL;
    for (; e && e->version > since; e = e->older) from = e;
    struct buf record = { 0 };
    for (; from && strs->len < most; from = from->newer) {
        struct msg_REVOCATION r = record_of(from);
        buf_clear(&record);
        msg_encode_REVOCATION(&record, &r);
        msg_add_str(strs, buf_span(&record));
        since = from->version;
    }
    buf_fini(&record);
    *all = from == NULL;
    return *all ? self->version : since;
}

static int by_name(const void *a, const void *b)
{
    return span_order(name_of(*(const struct entry *const *)a), name_of(*(const struct entry *const *)b));
}

static void print(struct buf *json, const struct entry *e)
{
    buf_add_literal(json, "{\"of\":");
    json_quote(json, name_of(e));
    buf_add_literal(json, ",\"before\":");
    if (e->before == UINT64_MAX) buf_add_literal(json, "null");
    else buf_add_uint(json, e->before / 1000);
    buf_add_format(json, ",\"decided\":%llu,\"expires\":%llu}", (unsigned long long)(e->decided / 1000), (unsigned long long)(e->expires / 1000));
}

bool revoked_print(const struct revoked *self, struct span prefix, struct span after, size_t limit, struct buf *json, struct buf *last)
{
    const struct entry **fit = calloc(self->at.count + 1, sizeof *fit);
    NEED(fit);
    size_t count = 0;
    for (const struct entry *e = self->oldest; e; e = e->newer)
        if (e->before && span_has_prefix(name_of(e), prefix) && (after.len == 0 || span_order(name_of(e), after) > 0)) fit[count++] = e;
    qsort(fit, count, sizeof *fit, by_name);
    for (size_t i = 0; i < count && i < limit; i++) {
        if (i) buf_add_byte(json, ',');
        print(json, fit[i]);
        buf_clear(last);
        buf_add(last, name_of(fit[i]));
    }
    free(fit);
    return count > limit;
}

/* ---- asked */

/* Unix ms; what is no time is none. */
static uint64_t issued(struct span claims)
{
    struct span iat = claims.len ? json_find(claims, SPAN("iat")) : claims;
    char text[TIME_TEXT_MAX + 1] = { 0 };
    if (json_type_of(iat) != JSON_NUMBER || iat.len > TIME_TEXT_MAX) return 0;
    memcpy(text, iat.ptr, iat.len);
    double ms = strtod(text, NULL) * 1000;
    return ms > 0 && ms < 1e18 ? (uint64_t)ms : 0;
}

static bool refused_by(const struct revoked *self, struct span name, uint64_t iat)
{
    const struct entry *e = map_find(&self->at, name);
    return e && iat < e->before;
}

bool revoked_refuses(const struct revoked *self, struct span realm, struct span user, struct span claims)
{
    if (self->at.count == 0) return false;
    uint64_t iat = issued(claims);
    if (refused_by(self, SPAN("*"), iat)) return true;
    struct buf name = { 0 }, key = { 0 };
    bool refused = false;
    if (user.len && user_key(&key, realm, user) == OK) {
        buf_add_literal(&name, "user:");
        user_name(&name, buf_span(&key));
        refused = refused_by(self, buf_span(&name), iat);
    }
    struct span jti = claims.len ? json_find(claims, SPAN("jti")) : claims;
    if (!refused && json_type_of(jti) == JSON_STRING) {
        buf_clear(&name);
        buf_add_literal(&name, "token:");
        json_unquote(&name, jti);
        refused = refused_by(self, buf_span(&name), iat);
    }
    buf_fini(&name), buf_fini(&key);
    return refused;
}

/* ---- who is behind whom */

static void meet(struct revoked_peer *peer, uint64_t epoch)
{
    if (peer->epoch != epoch) *peer = (struct revoked_peer){ .epoch = epoch };
}

bool revoked_behind(const struct revoked *self, struct revoked_peer *peer, uint64_t epoch, uint64_t version, uint64_t sum)
{
    meet(peer, epoch);
    if (version <= peer->version) return false;
    if (sum == self->sum) {
        peer->version = version;
        return false;
    }
    if (peer->asked >= version) return false;       /* the answer is on its way */
    peer->asked = version;
    return true;
}

void revoked_heard(struct revoked_peer *peer, uint64_t epoch, uint64_t since, uint64_t version)
{
    meet(peer, epoch);
    if (since <= peer->version && version > peer->version) peer->version = version;
}
