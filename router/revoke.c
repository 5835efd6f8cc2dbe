/* The routers' list of revoked tokens: decided here, told to all routers and gateways, caught up with by who was away. */
#include "router_internal.h"

#include "json.h"
#include "little.h"

enum { CHUNK_BYTES = 60000, LENGTH_BYTES = 4 };     /* of the list in one message; in front of a str */

/* ---- changes: each goes into the journal, which the shell writes before anything else leaves */

static void apply(struct router *self, const struct msg_REVOCATION *r)
{
    enum err e;
    if (!revoked_apply(self->revoked, r, &e)) return;
    self->o.stats->revoked_tokens = revoked_count(self->revoked);
    struct msg_REVOCATION is = *r;
    (void)revoked_find(self->revoked, r->name, &is);
    buf_clear(&self->scratch);
    msg_encode_REVOCATION(&self->scratch, &is);
    msg_add_str(&self->journal, buf_span(&self->scratch));
    buf_clear(&self->scratch);
}

static void apply_all(struct router *self, struct span entries)
{
    struct span one;
    struct msg_REVOCATION r;
    while (msg_next_str(&entries, &one))
        if (msg_decode_REVOCATION(&r, one) == OK) apply(self, &r);
}

bool router_take_journal(struct router *self, struct buf *out)
{
    if (self->journal.len == 0) return false;
    buf_add(out, buf_span(&self->journal));
    buf_clear(&self->journal);
    return true;
}

void router_journal_failed(struct router *self, bool failed)
{
    self->journal_failed = failed;
    self->o.stats->revoked_unwritten = failed;
}

enum err router_load_revoked(struct router *self, struct span entries, struct router_time now)
{
    enum err e = OK;
    while (e == OK && entries.len) {
        struct msg_REVOCATION r;
        uint64_t len = entries.len < LENGTH_BYTES ? UINT64_MAX : little_get(entries.ptr, LENGTH_BYTES);
        if (len > entries.len - LENGTH_BYTES || entries.len < LENGTH_BYTES) return ERR_TRUNC;
        e = msg_decode_REVOCATION(&r, span_head(span_skip(entries, LENGTH_BYTES), (size_t)len));
        if (e == OK) revoked_apply(self->revoked, &r, &e);
        entries = span_skip(entries, LENGTH_BYTES + (size_t)len);
    }
    revoke_expire(self, now);
    return e;
}

void router_save_revoked(const struct router *self, struct buf *out)
{
    bool all;
    revoked_since(self->revoked, 0, out, SIZE_MAX, &all);
}

uint64_t router_revoked_version(const struct router *self, uint64_t *sum, size_t *bytes)
{
    *sum = revoked_sum(self->revoked);
    *bytes = revoked_bytes(self->revoked);
    return revoked_version(self->revoked);
}

void revoke_expire(struct router *self, struct router_time now)
{
    revoked_expire(self->revoked, now.wall);
    self->o.stats->revoked_tokens = revoked_count(self->revoked);
}

/* ---- between daemons */

static void tell(struct router *self, enum role role, uint16_t number, uint64_t ref, uint64_t since)
{
    for (bool all = false; !all; ) {
        struct buf entries = { 0 };
        uint64_t version = revoked_since(self->revoked, since, &entries, CHUNK_BYTES, &all);
        msg_encode_REVOKED(&self->scratch, &(struct msg_REVOKED){ .ref = all ? ref : 0, .since = since, .version = version, .entries = buf_span(&entries) });
        effects_add_buf(&self->effects, role, number, MSG_REVOKED, &self->scratch, 0);
        buf_fini(&entries);
        since = version;
    }
}

enum err revoke_on_asked(struct router *self, const struct from *from, struct span fields)
{
    struct msg_REVOKED_ASK m;
    owner_note(self->owner, from);
    enum err e = msg_decode_REVOKED_ASK(&m, fields);
    if (e == OK) tell(self, from->role, from->number, 0, m.since);
    return e;
}

enum err revoke_on_told(struct router *self, const struct from *from, struct span fields)
{
    struct msg_REVOKED m;
    owner_note(self->owner, from);
    enum err e = msg_decode_REVOKED(&m, fields);
    if (e != OK) return e;
    if (from->role != ROLE_ROUTER || from->number >= VIEW_OWNERS_MAX) return ERR_AUTH;
    apply_all(self, m.entries);
    struct revoked_peer *peer = &self->revoked_peers[from->number];
    revoked_heard(peer, from->epoch, m.since, m.version);
    if (!m.ref) return OK;
    msg_encode_TOLD(&self->scratch, &(struct msg_TOLD){ .ref = m.ref, .error = OK, .json = SPAN("{\"gateways\":[],\"routers\":1}") });
    effects_add_buf(&self->effects, from->role, from->number, MSG_TOLD, &self->scratch, 0);
    return OK;
}

void router_on_beat(struct router *self, const struct from *from, uint64_t version, uint64_t sum)
{
    if (from->role != ROLE_ROUTER || from->number >= VIEW_OWNERS_MAX || from->number == self->o.number) return;
    struct revoked_peer *peer = &self->revoked_peers[from->number];
    if (!revoked_behind(self->revoked, peer, from->epoch, version, sum)) return;
    msg_encode_REVOKED_ASK(&self->scratch, &(struct msg_REVOKED_ASK){ .since = peer->version });
    effects_add_buf(&self->effects, ROLE_ROUTER, from->number, MSG_REVOKED_ASK, &self->scratch, 0);
}

/* ---- outsiders */

static enum err refuse_full(struct router *self, struct asking *asking, const struct request *r)
{
    return request_refuse(self, asking, r->field[FIELD_ref], ERR_FULL, PROBLEM("too-many", "", "more than router.max_revoked_count tokens and users are revoked"));
}

static uint64_t seconds(struct span json)
{
    uint64_t s = 0;
    (void)json_to_uint(json, UINT64_MAX / 1000, &s);
    return s * 1000;
}

/* The decision about one name, later than all that was decided about it. */
static void decide(struct router *self, const struct request *r, struct span name, struct router_time now)
{
    struct msg_REVOCATION was = { .name = name }, is = { .name = name };
    (void)revoked_find(self->revoked, name, &was);
    struct span expires = r->field[FIELD_expires], before = r->field[FIELD_before];
    is.expires = expires.len ? seconds(expires) : now.wall + (uint64_t)self->o.config->router.revoked_s * 1000;
    if (r->verb == VERB_unrevoke) {
        is.undone = now.wall > was.decided ? now.wall : was.decided;
    } else {
        is.undone = was.undone;
        is.decided = now.wall > was.undone ? now.wall : was.undone + 1;
        is.before = before.len ? seconds(before) : span_has_prefix(name, SPAN("token:")) ? UINT64_MAX : now.wall / 1000 * 1000 + 1000;
    }
    apply(self, &is);
}

enum err revoke_do(struct router *self, struct asking *asking, const struct request *r, struct span json, struct router_time now)
{
    struct buf names = { 0 }, name = { 0 };
    struct span one, rest;
    bool all = false;
    verbs_texts(&names, r->subject);
    for (rest = buf_span(&names); msg_next_str(&rest, &one); ) all |= span_same(one, SPAN("*"));
    enum err e = OK;
    struct asked *a = NULL;
    if (all && r->verb == VERB_revoke && !r->field[FIELD_before].len)
        e = request_refuse(self, asking, r->field[FIELD_ref], ERR_MISSING, PROBLEM("missing-field", "before", "all tokens: those issued before which time?"));
    else if (r->field[FIELD_expires].len && seconds(r->field[FIELD_expires]) <= now.wall)
        e = request_refuse(self, asking, r->field[FIELD_ref], ERR_RANGE, PROBLEM("wrong-type", "expires", "a time to come, in Unix seconds"));
    else if (revoked_count(self->revoked) + msg_count_strs(buf_span(&names)) > self->o.config->router.max_revoked_count)
        e = refuse_full(self, asking, r);
    else if (!(a = request_gather(self, asking, r, json, now)))
        e = ERR_FULL;
    uint64_t since = revoked_version(self->revoked);
    for (rest = buf_span(&names); e == OK && msg_next_str(&rest, &one); ) {
        buf_clear(&name);
        if (revoked_name(&name, one) == OK) decide(self, r, buf_span(&name), now);
    }
    for (size_t i = 0; i < view_count(self->o.view); i++) {
        const struct member *m = view_member(self->o.view, i);
        if (e != OK || (m->role != ROLE_ROUTER && m->role != ROLE_GATEWAY)) continue;
        gather_expect(&a->gather, span_of(m->id));
        tell(self, m->role, m->number, a->ref, since);
    }
    if (a && gather_complete(&a->gather)) asked_finish_gather(self, a, now);
    buf_fini(&names), buf_fini(&name);
    return e;
}

enum err revoke_list(struct router *self, struct asking *asking, const struct request *r)
{
    struct buf json = { 0 }, prefix = { 0 }, after = { 0 }, last = { 0 };
    json_unquote(&prefix, r->subject);
    if (r->field[FIELD_after].len) json_unquote(&after, r->field[FIELD_after]);
    buf_add_literal(&json, "{\"ok\":true");
    if (r->field[FIELD_ref].len) buf_add_literal(&json, ",\"ref\":"), buf_add(&json, r->field[FIELD_ref]);
    buf_add_literal(&json, ",\"revoked\":[");
    bool more = revoked_print(self->revoked, buf_span(&prefix), buf_span(&after), r->limit, &json, &last);
    buf_add_byte(&json, ']');
    if (more) buf_add_literal(&json, ",\"next\":"), json_quote(&json, buf_span(&last));
    buf_add_byte(&json, '}');
    router_reply(self, asking->envelope, buf_span(&json), SPAN(""));
    asking->envelope = NULL;
    buf_fini(&json), buf_fini(&prefix), buf_fini(&after), buf_fini(&last);
    return OK;
}
