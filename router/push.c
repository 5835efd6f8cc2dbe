#include "push.h"

#include "address.h"
#include "json.h"
#include "namespace.h"
#include "router_internal.h"

#include <stdlib.h>

struct entry {                      /* a namespace of the configuration */
    size_t    ns;                   /* its index there */
    struct rules_pushes *rules;
    uint64_t  last[RULES_PUSHES_MAX];       /* wall ms / every: when each was told last */
};

struct pushes {
    struct entry *at;
    size_t        count;
    struct rules_effects ruled;
};

/* ---- life */

struct pushes *pushes_new(const struct config *config, struct buf *errors)
{
    struct pushes *self = calloc(1, sizeof *self);
    NEED(self);
    self->at = calloc(config->namespace_count + 1, sizeof *self->at);
    NEED(self->at);
    for (size_t i = 0; i < config->namespace_count; i++) {
        struct rules_pushes *rules = rules_pushes_new(&config->namespaces[i], errors);
        if (rules) self->at[self->count++] = (struct entry){ .ns = i, .rules = rules };
    }
    return self;
}

void pushes_destroy(struct pushes **self_p)
{
    struct pushes *self = *self_p;
    if (!self) return;
    for (size_t i = 0; i < self->count; i++) rules_pushes_destroy(&self->at[i].rules);
    rules_effects_fini(&self->ruled);
    free(self->at);
    free(self);
    *self_p = NULL;
}

/* ---- what there is to say */

static void add_tenths(struct buf *json, const char *name, uint64_t permille)
{
    buf_add_format(json, "\"%s\":%llu", name, (unsigned long long)permille / 10);
    if (permille % 10) buf_add_format(json, ".%llu", (unsigned long long)permille % 10);
}

static uint64_t sum_of_all(const struct lasts *lasts, struct span counter)
{
    uint64_t sum = 0;
    for (unsigned role = ROLE_ROUTER; role < ROLE_COUNT; role++) sum += lasts_sum(lasts, (enum role)role, counter);
    return sum;
}

static void add_system(const struct router *router, struct buf *json)
{
    struct lasts *lasts = router->o.lasts;
    const struct last *own = lasts_find(lasts, router->o.id, SPAN("counters"));
    struct span counters = own ? blob_span(own->json) : SPAN("{}");
    uint64_t cpu = 0, memory = 0;
    (void)json_to_uint(json_find(counters, SPAN("host.cpu_permille")), UINT64_MAX, &cpu);
    (void)json_to_uint(json_find(counters, SPAN("host.memory_permille")), UINT64_MAX, &memory);
    buf_add_literal(json, "\"system\":{");
    add_tenths(json, "cpu", cpu);
    buf_add_byte(json, ',');
    add_tenths(json, "memory", memory);
    buf_add_format(json, ",\"connections\":%llu,\"sockets\":%llu,\"daemons\":{", (unsigned long long)lasts_sum(lasts, ROLE_GATEWAY, SPAN("sessions.open")),
                   (unsigned long long)lasts_sum(lasts, ROLE_GATEWAY, SPAN("sockets.open")));
    add_tenths(json, "cpu", sum_of_all(lasts, SPAN("process.cpu_permille")));
    buf_add_format(json, ",\"bytes\":%llu}}", (unsigned long long)sum_of_all(lasts, SPAN("process.rss_bytes")));
}

/* Each presence knows some of the users. */
static bool add_online(const struct asked *a, struct buf *json)
{
    struct span parts = buf_span(&a->gather.parts), part, user;
    uint64_t total = 0, n;
    size_t given = 0;
    struct buf users = { 0 };
    bool any = false;
    while (msg_next_str(&parts, &part)) {
        struct span list = json_find(part, SPAN("users"));
        if (!json_to_uint(json_find(part, SPAN("total")), UINT32_MAX, &n) || json_type_of(list) != JSON_ARRAY) continue;
        total += n, any = true;
        for (; given < PUSH_USERS_MAX && json_next(&list, &user); given++) {
            if (users.len) buf_add_byte(&users, ',');
            buf_add(&users, user);
        }
    }
    if (any) buf_add_format(json, ",\"online\":{\"total\":%llu,\"users\":[", (unsigned long long)total), buf_add(json, buf_span(&users)), buf_add_literal(json, "]}");
    buf_fini(&users);
    return any;
}

static void send(struct router *router, struct span nsp, const struct rules_effect *e, struct router_time now)
{
    struct buf body = { 0 };
    msg_encode_BODY(&body, &(struct msg_BODY){ .kind = BODY_EMIT, .flags = e->is_volatile ? BODY_VOLATILE : 0, .nsp = nsp,
                                               .to = e->to, .except = e->except, .args = e->args, .time = now.wall });
    if (owner_key(&router->key, buf_span(&body)) == OK && !sender_full(router->sender)) {
        sender_emit(router->sender, &(struct sender_emit){ .key = buf_span(&router->key), .body = buf_span(&body) }, &router->effects);
        router->o.stats->pushes_out++;
    } else {
        router->o.stats->pushes_dropped++;
    }
    buf_fini(&body);
}

static void tell(struct router *router, const struct entry *entry, size_t i, struct span nsp, const struct asked *a, struct router_time now)
{
    const struct config_namespace *ns = &router->o.config->namespaces[entry->ns];
    struct rules_effects *ruled = &router->pushes->ruled;
    struct span parts[NAMESPACE_PARTS_MAX];
    struct buf extra = { 0 };
    buf_add_byte(&extra, '{');
    add_system(router, &extra);
    if (a) (void)add_online(a, &extra);
    buf_add_byte(&extra, '}');
    struct template_scope scope = { .nsp = namespace_shown(ns, nsp), .nsp_parts = parts, .extra = buf_span(&extra), .realm = span_of(ns->realm), .now_ms = now.wall };
    scope.nsp_part_count = namespace_parts(span_of(ns->name), nsp, parts);
    uint64_t random[2] = { siphash_1_3(&router->o.seed, nsp) ^ now.wall, ++router->refs };
    memcpy(scope.random, random, sizeof random);        /* {new.id}: different each time; nothing here has to be unguessable */
    if (rules_push(entry->rules, i, &scope, ruled) != OK) router->o.stats->pushes_dropped++;
    for (size_t k = 0; k < ruled->count; k++)
        if (ruled->at[k].kind == RULES_EMIT && ruled->at[k].to.len) send(router, nsp, &ruled->at[k], now);
    buf_fini(&extra);
}

/* ---- who is online: asked of all presences */

static bool ask_online(struct router *router, size_t entry, size_t i, struct span nsp, struct router_time now)
{
    static uint16_t numbers[VIEW_MEMBERS_MAX];
    size_t count = view_of_role(router->o.view, ROLE_PRESENCE, numbers, VIEW_MEMBERS_MAX);
    struct asked *a = count ? asked_add(router, now.mono + router->o.config->router.answer_ms) : NULL;
    if (!a) return false;
    struct buf json = { 0 };
    buf_add_literal(&json, "{\"nsp\":");
    json_quote(&json, nsp);
    buf_add_literal(&json, ",\"realm\":");
    json_quote(&json, span_of(router->o.config->namespaces[router->pushes->at[entry].ns].realm));
    buf_add_format(&json, ",\"limit\":%d}", PUSH_USERS_MAX);
    gather_init(&a->gather, &(struct request){ .verb = VERB_who, .limit = PUSH_USERS_MAX }, buf_span(&json), a->deadline);
    a->gathers = true;
    a->push = (struct asked_push){ router->pushes_life, blob_new(nsp), entry, i };
    for (size_t k = 0; k < count; k++) {
        gather_expect(&a->gather, span_of(view_find(router->o.view, ROLE_PRESENCE, numbers[k])->id));
        msg_encode_ASK(&router->scratch, &(struct msg_ASK){ .ref = a->ref, .verb = SPAN("present"), .json = buf_span(&json) });
        effects_add_buf(&router->effects, ROLE_PRESENCE, numbers[k], MSG_ASK, &router->scratch, 0);
    }
    buf_fini(&json);
    return true;
}

void pushes_told(struct router *router, const struct asked *a, struct router_time now)
{
    if (a->push.life != router->pushes_life) return;        /* of rules that are gone */
    tell(router, &router->pushes->at[a->push.entry], a->push.index, blob_span(a->push.nsp), a, now);
}

/* ---- the clock */

static void begin(struct router *router, size_t entry, size_t i, struct span nsp, struct router_time now)
{
    const struct entry *e = &router->pushes->at[entry];
    if (rules_push_asks(e->rules, i, SPAN("online")) && ask_online(router, entry, i, nsp, now)) return;
    tell(router, e, i, nsp, NULL, now);
}

static bool is_ours(struct router *router, struct span nsp)
{
    buf_clear(&router->key);
    address_key(&router->key, nsp, SPAN("*"));
    return view_owner(router->o.view, buf_span(&router->key)) == router->o.number && rooms_find(owner_rooms(router->owner), buf_span(&router->key));
}

static void begin_in_each(struct router *router, size_t entry, size_t i, struct router_time now)
{
    const struct config *c = router->o.config;
    size_t ns = router->pushes->at[entry].ns;
    struct span name = span_of(c->namespaces[ns].name), key, nsp, address;
    if (!namespace_is_pattern(name)) {
        if (is_ours(router, name)) begin(router, entry, i, name, now);
        return;
    }
    struct map_walk walk = { 0 };
    while (rooms_next(owner_rooms(router->owner), &walk, &key)) {
        address_split(key, &nsp, &address);
        if (span_same(address, SPAN("*")) && namespace_find(c, nsp) == ns && is_ours(router, nsp)) begin(router, entry, i, nsp, now);
    }
}

void pushes_on_time(struct router *router, struct router_time now)
{
    struct pushes *self = router->pushes;
    if (!self->count || view_holding(router->o.view)) return;
    for (size_t k = 0; k < self->count; k++) {
        struct entry *e = &self->at[k];
        for (size_t i = 0; i < rules_pushes_count(e->rules); i++) {
            uint64_t turn = now.wall / rules_push_every(e->rules, i), before = e->last[i];
            e->last[i] = turn;
            if (before && turn > before) begin_in_each(router, k, i, now);
        }
    }
}
