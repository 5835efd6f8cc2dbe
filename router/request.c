/* What outsiders ask on the publish and command sockets: checked, then either an
 * emit on its way to the owner, or a question to the daemons that know. */
#include "router_internal.h"

#include "json.h"
#include "placeholder.h"
#include "renumber.h"

#include <stdlib.h>

enum { OWNER_PATIENCE_MS = 10000 };     /* how long a publisher waits while ownership moves or a router is replaced */
enum { ATTACHMENTS_MAX = 10 };          /* what the parsers of Socket.IO clients accept */

static void reply(struct router *self, struct blob *envelope, struct span json, struct span attachments)
{
    if (self->reply_count == self->reply_cap) {
        self->reply_cap = self->reply_cap ? self->reply_cap * 2 : 16;
        self->replies = realloc(self->replies, self->reply_cap * sizeof *self->replies);
        NEED(self->replies);
    }
    self->replies[self->reply_count++] = (struct reply){ envelope, blob_new(json), attachments.len ? blob_new(attachments) : NULL };
}

void router_reply(struct router *self, struct blob *envelope, struct span json, struct span attachments)
{
    struct blob *whose = NULL;
    struct buf list = { 0 }, frames = { 0 };
    bool whole;
    if (!envelope) return;
    if (!batch_on_answer(&self->batches, blob_span(envelope), json, attachments, &whole, &whose, &list, &frames)) {
        reply(self, envelope, json, attachments);
        return;
    }
    blob_drop(&envelope);
    if (whole) reply(self, whose, buf_span(&list), buf_span(&frames));
    buf_fini(&list), buf_fini(&frames);
}

enum err request_refuse(struct router *self, struct asking *asking, struct span ref, enum err e, const struct verb_problem *p)
{
    if (asking->refused) asking->refused[e]++;
    struct buf json = { 0 };
    buf_add_literal(&json, "{\"ok\":false");
    if (ref.len) buf_add_literal(&json, ",\"ref\":"), buf_add(&json, ref);
    buf_add_format(&json, ",\"error\":{\"code\":\"%s\",\"message\":", p->code);
    json_quote(&json, span_of(p->message));
    buf_add_literal(&json, ",\"field\":\"");
    buf_add(&json, p->field);       /* as it stands between quotes already */
    buf_add_literal(&json, "\"}}");
    router_reply(self, asking->envelope, buf_span(&json), SPAN(""));
    asking->envelope = NULL;
    buf_fini(&json);
    return e;
}

static struct asked *ask(struct router *self, struct asking *asking, const struct request *r, uint64_t deadline)
{
    struct asked *a = asked_add(self, deadline);
    if (!a) return NULL;
    a->envelope = asking->envelope;
    asking->envelope = NULL;
    if (r->field[FIELD_ref].len) a->client_ref = blob_new(r->field[FIELD_ref]);
    return a;
}

/* ---- emit, join, leave, disconnect */

/* A client waits for as many binary frames as an event says that it has, and uses those that it names. */
static bool has_surplus(struct span args, unsigned attachments)
{
    struct renumber r = { 0 };
    struct buf counted = { 0 };
    if (args.len) renumber(&counted, args, attachments, &r);
    buf_fini(&counted);
    return r.count < attachments;
}

static enum err do_emit(struct router *self, struct asking *asking, const struct request *r, const struct message *m, struct router_time now)
{
    bool acks = json_is_true(r->field[FIELD_ack]);
    if (acks && !asking->envelope)
        return request_refuse(self, asking, r->field[FIELD_ref], ERR_STATE, PROBLEM("not-allowed", "ack", "nobody would get the answers: on the command socket only"));
    if (sender_full(self->sender)) return request_refuse(self, asking, r->field[FIELD_ref], ERR_FULL, PROBLEM("busy", "", "router.hold_bytes are under way: try again"));
    if (m->count > ATTACHMENTS_MAX)
        return request_refuse(self, asking, r->field[FIELD_ref], ERR_LIMIT, PROBLEM("too-many-attachments", "args", "more binary attachments than Socket.IO clients accept (10)"));
    if (m->count && placeholder_check(r->field[FIELD_args], (unsigned)m->count) != OK)
        return request_refuse(self, asking, r->field[FIELD_ref], ERR_RANGE, PROBLEM("bad-placeholder", "args", "a placeholder names no attachment of this message"));
    if (m->count && has_surplus(r->field[FIELD_args], (unsigned)m->count))
        return request_refuse(self, asking, r->field[FIELD_ref], ERR_SYNTAX, PROBLEM("bad-frames", "args", "attachments that no placeholder names"));
    struct buf attachments = { 0 }, body = { 0 }, id = { 0 };
    for (size_t i = 0; i < m->count; i++) msg_add_str(&attachments, m->attachments[i]);
    verbs_body(&body, r, m->to, buf_span(&attachments), now.wall);
    enum err e = owner_key(&self->key, buf_span(&body));
    if (e != OK) {
        request_refuse(self, asking, r->field[FIELD_ref], e, PROBLEM("bad-address", "to", "the first address is none"));
    } else {
        struct sender_emit emit = { .key = buf_span(&self->key), .body = buf_span(&body) };
        if (r->field[FIELD_id].len) {
            json_unquote(&id, r->field[FIELD_id]);
            emit.publish_id = buf_span(&id);
        }
        struct asked *a = NULL;
        if (asking->envelope) {
            a = ask(self, asking, r, now.mono + OWNER_PATIENCE_MS + r->timeout_ms);
            if (a) {
                a->acks = acks;
                a->apart = r->verb == VERB_disconnect;
                a->counts = acks || r->verb != VERB_emit || json_is_true(r->field[FIELD_reached]);
                emit.ref = a->ref;
            }
        }
        if (asking->envelope) e = request_refuse(self, asking, r->field[FIELD_ref], ERR_FULL, PROBLEM("busy", "", "too many requests are under way"));
        else sender_emit(self->sender, &emit, &self->effects);
    }
    buf_fini(&attachments), buf_fini(&body), buf_fini(&id);
    return e;
}

/* ---- questions */

/* Of the daemons of a role that a verb asks, those that it means: drain names one, 'gateway' does. */
static bool is_meant(const struct request *r, const struct member *m)
{
    struct span only = r->verb == VERB_drain ? r->subject : r->field[FIELD_gateway];
    return !only.len || json_string_is(only, span_of(m->id));
}

static bool is_there(const struct router *self, const struct request *r)
{
    for (size_t i = 0; i < view_count(self->o.view); i++)
        if (is_meant(r, view_member(self->o.view, i))) return true;
    return false;
}

struct asked *request_gather(struct router *self, struct asking *asking, const struct request *r, struct span json, struct router_time now)
{
    struct asked *a = ask(self, asking, r, now.mono + r->timeout_ms);
    if (!a) {
        (void)request_refuse(self, asking, r->field[FIELD_ref], ERR_FULL, PROBLEM("busy", "", "too many requests are under way"));
        return NULL;
    }
    gather_init(&a->gather, r, json, a->deadline);
    a->gathers = true;
    return a;
}

static enum err do_gather(struct router *self, struct asking *asking, const struct request *r, struct span json, struct router_time now)
{
    if (r->verb == VERB_drain && !is_there(self, r))
        return request_refuse(self, asking, r->field[FIELD_ref], ERR_UNKNOWN, PROBLEM("unknown-daemon", "drain", "the roster has no such daemon; 'topology' names them all"));
    struct asked *a = request_gather(self, asking, r, json, now);
    if (!a) return ERR_FULL;
    struct buf only = { 0 };        /* the one gateway that is asked for */
    if (r->field[FIELD_gateway].len) json_unquote(&only, r->field[FIELD_gateway]);
    bool found = only.len == 0;
    for (const enum role *role = gather_roles(r); *role != ROLE_NONE; role++)
        for (size_t i = 0; i < view_count(self->o.view); i++) {
            const struct member *m = view_member(self->o.view, i);
            if (m->role != *role || !is_meant(r, m)) continue;
            found = true;
            gather_expect(&a->gather, span_of(m->id));
            msg_encode_ASK(&self->scratch, &(struct msg_ASK){ .ref = a->ref, .verb = span_of(verb_name(r->verb)), .json = json });
            effects_add_buf(&self->effects, m->role, m->number, MSG_ASK, &self->scratch, 0);
        }
    if (!found) gather_fail(&a->gather, buf_span(&only));
    buf_fini(&only);
    if (gather_complete(&a->gather)) asked_finish_gather(self, a, now);
    return OK;
}

/* ---- what this router knows by itself */

static const char *const state_names[] = { [MEMBER_STARTING] = "starting", [MEMBER_READY] = "ready", [MEMBER_DRAINING] = "draining" };

static void add_topology(const struct router *self, struct buf *json)
{
    const struct view *view = self->o.view;
    const struct owners *owners = view_owners(view);
    buf_add_format(json, ",\"router\":\"router-%u\",\"view\":%llu,\"holding\":%s,\"owners\":[", self->o.number,
                   (unsigned long long)view_number(view), view_holding(view) ? "true" : "false");
    for (size_t i = 0; i < owners->count; i++) buf_add_format(json, "%s\"router-%u\"", i ? "," : "", owners->number[i]);
    buf_add_literal(json, "],\"daemons\":[");
    for (size_t i = 0; i < view_count(view); i++) {
        const struct member *m = view_member(view, i);
        buf_add_format(json, "%s{\"id\":\"%s\",\"role\":\"%s\",\"number\":%u,\"pid\":%u,\"state\":\"%s\",\"epoch\":\"%llu\",\"version\":%u,\"load\":%llu,\"endpoint\":",
                       i ? "," : "", m->id, role_name(m->role), m->number, m->pid, state_names[m->state % 3],
                       (unsigned long long)m->epoch, m->version, (unsigned long long)m->load);
        json_quote(json, span_of(m->endpoint));
        buf_add_literal(json, ",\"public\":");
        json_quote(json, span_of(m->public));
        buf_add_byte(json, '}');
    }
    buf_add_byte(json, ']');
}

void router_health(const struct router *self, struct buf *json)
{
    bool holding = view_holding(self->o.view), alone = view_owners(self->o.view)->count < 2, degraded = holding || self->journal_failed || self->o.config->refused;
    const char *const why[] = {
        holding ? "ownership of rooms is moving: publishes wait" : NULL,
        alone && !holding ? "one router: acknowledged is held by it alone" : NULL,
        self->journal_failed ? "revoked tokens cannot be written to their file: a restart may forget them" : NULL,
        self->o.config->refused ? CONFIG_REFUSED : NULL,
    };
    bool comma = false;
    buf_add_format(json, "{\"daemons\":[{\"id\":\"router-%u\",\"role\":\"router\",\"status\":\"%s\",\"why\":[", self->o.number, degraded ? "degraded" : "ok");
    for (size_t i = 0; i < sizeof why / sizeof why[0]; i++) {
        if (!why[i]) continue;
        if (comma) buf_add_byte(json, ',');
        json_quote(json, span_of(why[i]));
        comma = true;
    }
    buf_add_literal(json, "]}]}");
}

static enum err do_topology(struct router *self, struct asking *asking, const struct request *r)
{
    struct buf json = { 0 };
    buf_add_literal(&json, "{\"ok\":true");
    if (r->field[FIELD_ref].len) buf_add_literal(&json, ",\"ref\":"), buf_add(&json, r->field[FIELD_ref]);
    add_topology(self, &json);
    buf_add_byte(&json, '}');
    router_reply(self, asking->envelope, buf_span(&json), SPAN(""));
    asking->envelope = NULL;
    buf_fini(&json);
    return OK;
}

/* ---- a request */

enum err request_on(struct router *self, struct asking *asking, const struct message *m, struct router_time now)
{
    const struct span none = { "", 0 };
    const struct config *c = self->o.config;
    const struct verb_limits limits = { c->router.answer_ms, c->router.max_body_bytes, c->router.max_addresses_count };
    struct request r;
    struct verb_problem problem;
    enum err e = verbs_check(&r, m->json, &limits, m->to.len > 0, &problem);
    if (e != OK) return request_refuse(self, asking, r.field[FIELD_ref], e, &problem);

    if (m->count && r.verb != VERB_emit)
        return request_refuse(self, asking, r.field[FIELD_ref], ERR_SYNTAX, &(struct verb_problem){ "bad-frames", span_of(verb_name(r.verb)), "frames behind the JSON: this verb takes no attachments" });

    buf_clear(&self->key);
    verbs_namespace(&self->key, &r);
    if (!verbs_allowed(asking->plane, r.verb, buf_span(&self->key)))
        return request_refuse(self, asking, r.field[FIELD_ref], ERR_AUTH, PROBLEM("not-allowed", "", "this socket's allow-list has no such verb or namespace"));
    if (!asking->envelope && verb_plane(r.verb) != PLANE_PUBLISH)
        return request_refuse(self, asking, none, ERR_AUTH, PROBLEM("not-allowed", "", "a publish socket takes emit only"));

    switch (r.verb) {
    case VERB_emit: case VERB_join: case VERB_leave: case VERB_disconnect:
        return do_emit(self, asking, &r, m, now);
    case VERB_topology:
        return do_topology(self, asking, &r);
    case VERB_revoke: case VERB_unrevoke:
        return revoke_do(self, asking, &r, m->json, now);
    case VERB_revoked:
        return revoke_list(self, asking, &r);
    default:
        return do_gather(self, asking, &r, m->json, now);
    }
}
