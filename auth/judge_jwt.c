#include "judge_jwt.h"

#include "base64.h"
#include "cache.h"
#include "jws.h"
#include "keys_jwt.h"
#include "namespace.h"
#include "openssl_jwt.h"
#include "verdict.h"

#include <stdlib.h>

enum { CACHE_BYTES_EACH = 2048 };       /* of cache_count entries on average: what the cache may take */

#define STATS     auth_stats
#define STATS_DEF "../auth/stats.def"
#define STATS_ROWS
#include "stats_table.h"

struct judge {
    const struct config   *config;
    struct auth_stats     *stats;
    struct keys           *keys;
    struct cache          *cache;
    struct verdict_rules   rules;
    struct span           *audience;
    struct verdict_policy *policies;    /* one for each of the configuration's namespaces */
    size_t                 policy_count;
    EVP_MD                *sha256;
    EVP_MD_CTX            *digest;
    struct buf             header, signature, claims, user;     /* of the token in hand */
};

/* ---- life */

struct judge_news {
    struct keys           *keys;
    struct verdict_policy *policies;
    size_t                 policy_count;
};

static void drop_policies(struct verdict_policy **policies, size_t count)
{
    for (size_t i = 0; *policies && i < count; i++) verdict_policy_fini(&(*policies)[i]);
    free(*policies);
    *policies = NULL;
}

static bool make_policies(struct judge_news *self, const struct config *c, struct buf *errors)
{
    struct buf require = { 0 };
    bool good = true;
    self->policy_count = c->namespace_count;
    self->policies = calloc(c->namespace_count + 1, sizeof self->policies[0]);
    NEED(self->policies);
    for (size_t i = 0; i < c->namespace_count; i++) {
        const struct config_namespace *n = &c->namespaces[i];
        buf_clear(&require);
        if (n->require) node_json(&require, n->require);
        if (verdict_policy_init(&self->policies[i], span_of(n->user_claim), buf_span(&require)) == OK) continue;
        node_error(errors, n->require, n->name, "require: each claim wants a value, or a list of allowed values");
        good = false;
    }
    buf_fini(&require);
    return good;
}

void judge_news_destroy(struct judge_news **self)
{
    struct judge_news *n = *self;
    if (!n) return;
    keys_destroy(&n->keys);
    drop_policies(&n->policies, n->policy_count);
    free(n);
    *self = NULL;
}

struct judge_news *judge_news_new(const struct config *fresh, struct buf *errors, struct buf *warnings)
{
    struct judge_news *self = calloc(1, sizeof *self);
    NEED(self);
    bool good = make_policies(self, fresh, errors);
    self->keys = keys_new(&fresh->auth, errors, warnings);
    if (!self->keys || !good) judge_news_destroy(&self);
    return self;
}

static void take_keys(struct judge *self, struct keys *keys)
{
    size_t count;
    keys_destroy(&self->keys);
    self->keys = keys;
    keys_pins(keys, &count);
    self->stats->keys_loaded = count;
}

static void take_rules(struct judge *self)
{
    const struct config_auth *a = &self->config->auth;
    free(self->audience);
    self->audience = calloc(a->audience.count + 1, sizeof self->audience[0]);
    NEED(self->audience);
    for (size_t i = 0; i < a->audience.count; i++) self->audience[i] = span_of(a->audience.at[i]);
    self->rules = (struct verdict_rules){
        .issuer = span_of(a->issuer), .audience = self->audience, .audience_count = a->audience.count,
        .leeway_ms = (int64_t)a->leeway_s * 1000, .require_expiry = a->require_expiry,
    };
}

static void take_news(struct judge *self, struct judge_news **news)
{
    struct judge_news *n = *news;
    take_rules(self);
    take_keys(self, n->keys);
    drop_policies(&self->policies, self->policy_count);
    self->policies = n->policies, self->policy_count = n->policy_count;
    free(n);
    *news = NULL;
}

struct judge *judge_new(const struct config *config, struct auth_stats *stats, struct buf *errors, struct buf *warnings)
{
    struct judge *self = calloc(1, sizeof *self);
    NEED(self);
    self->config = config;
    self->stats = stats;
    self->cache = cache_new(config->auth.cache_count, (size_t)config->auth.cache_count * CACHE_BYTES_EACH);
    self->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    self->digest = EVP_MD_CTX_new();
    NEED(self->sha256 && self->digest);
    struct judge_news *news = judge_news_new(config, errors, warnings);
    if (news) take_news(self, &news);
    else judge_destroy(&self);
    return self;
}

void judge_destroy(struct judge **self)
{
    struct judge *j = *self;
    if (!j) return;
    drop_policies(&j->policies, j->policy_count);
    free(j->audience);
    keys_destroy(&j->keys);
    cache_destroy(&j->cache);
    EVP_MD_CTX_free(j->digest);
    EVP_MD_free(j->sha256);
    buf_fini(&j->header), buf_fini(&j->signature), buf_fini(&j->claims), buf_fini(&j->user);
    free(j);
    *self = NULL;
}

static void show_cache(struct judge *self)
{
    self->stats->cache_entries = cache_count(self->cache);
    self->stats->cache_bytes = cache_bytes(self->cache);
}

bool judge_reload(struct judge *self, struct buf *errors, struct buf *warnings)
{
    struct keys *keys = keys_new(&self->config->auth, errors, warnings);
    if (!keys) return self->stats->keys_reloads_failed++, false;
    take_keys(self, keys);
    cache_clear(self->cache);           /* what an old key vouched for */
    show_cache(self);
    self->stats->keys_reloads++;
    return true;
}

void judge_take(struct judge *self, struct judge_news **news)
{
    take_news(self, news);
    cache_clear(self->cache);
    show_cache(self);
    self->stats->keys_reloads++;
}

/* ---- a token: from its bytes to claims that may be believed */

static bool signed_by_any(struct judge *self, const struct jws *t, uint64_t keys)
{
    for (size_t i = 0; i < JWS_KEYS_MAX; i++) {
        if (!(keys >> i & 1)) continue;
        self->stats->verify_signatures++;
        if (keys_verify(self->keys, i, t->alg, t->input, buf_span(&self->signature))) return true;
    }
    return false;
}

static enum refusal check_signature(struct judge *self, const struct jws *t)
{
    size_t count;
    uint64_t keys;
    const struct jws_pin *pins = keys_pins(self->keys, &count);
    enum refusal r = jws_keys(&keys, t, pins, count);
    if (r) return r;
    buf_clear(&self->signature);
    if (base64_decode_url(&self->signature, t->signature)) return REFUSED_malformed;
    return signed_by_any(self, t, keys) ? REFUSED_NOT : REFUSED_bad_signature;
}

static enum refusal check_token(struct judge *self, struct span token, int64_t now, int64_t *until)
{
    struct jws t;
    enum refusal r = jws_decode(&t, token, self->config->auth.max_token_bytes, &self->header);
    if (!r) r = check_signature(self, &t);
    if (r) return r;
    buf_clear(&self->claims);
    if (base64_decode_url(&self->claims, t.payload)) return REFUSED_malformed;
    return verdict_claims(&self->rules, buf_span(&self->claims), now, until);
}

static void digest(struct judge *self, struct span token, uint8_t key[CACHE_KEY])
{
    unsigned n = CACHE_KEY;
    NEED(EVP_DigestInit_ex2(self->digest, self->sha256, NULL) == 1
         && EVP_DigestUpdate(self->digest, token.ptr, token.len) == 1
         && EVP_DigestFinal_ex(self->digest, key, &n) == 1);
}

static enum refusal believe(struct judge *self, struct span token, int64_t now, struct span *claims, int64_t *until)
{
    uint8_t key[CACHE_KEY];
    if (token.len == 0) return REFUSED_missing_token;
    if (token.len > self->config->auth.max_token_bytes) return REFUSED_oversize;
    digest(self, token, key);
    if (cache_find(self->cache, key, now, claims, until)) return self->stats->cache_hits++, REFUSED_NOT;
    enum refusal r = check_token(self, token, now, until);
    *claims = buf_span(&self->claims);
    if (!r) cache_add(self->cache, key, *claims, *until);
    show_cache(self);
    return r;
}

/* ---- a question */

/* No JWT: the text is the user. Off unless configured, and warned of where the configuration is read. */
static enum refusal take_text(struct judge *self, struct span text)
{
    struct buf quoted = { 0 };
    if (text.len == 0) return REFUSED_missing_token;
    if (text.len > self->config->auth.max_token_bytes) return REFUSED_oversize;
    json_quote(&quoted, text);
    bool good = verdict_user(&self->user, buf_span(&quoted));
    buf_fini(&quoted);
    return good ? REFUSED_NOT : REFUSED_malformed;
}

static enum refusal decide(struct judge *self, const struct msg_VERIFY *q, int64_t now, struct span *claims, int64_t *until)
{
    size_t at = namespace_find(self->config, q->nsp);
    if (at == self->config->namespace_count) return REFUSED_unknown_namespace;
    enum config_identity identity = self->config->namespaces[at].identity;
    if (identity == CONFIG_IDENTITY_JWT) {
        enum refusal r = believe(self, q->token, now, claims, until);
        return r ? r : verdict_policy_check(&self->policies[at], *claims, &self->user);
    }
    *claims = SPAN("{}");
    *until = VERDICT_NEVER;
    self->stats->verify_insecure++;
    if (identity != CONFIG_IDENTITY_NONE) return take_text(self, q->token);
    buf_add_literal(&self->user, "null");
    return REFUSED_NOT;
}

static void count(struct auth_stats *s, enum refusal r)
{
    uint64_t *const refused[REFUSED_COUNT] = {
#define REASON(name, text, doc) [REFUSED_##name] = &s->refused_##name,
#include "reasons.def"
#undef REASON
    };
    s->verify_asked++;
    if (r) s->verify_refused++, ++*refused[r];
    else s->verify_allowed++;
}

static uint64_t in_seconds(int64_t until)       /* rounded up: not over before it is */
{
    return until == VERDICT_NEVER ? 0 : (uint64_t)(until / 1000 + (until % 1000 != 0));
}

enum refusal judge_verify(struct judge *self, const struct msg_VERIFY *q, uint64_t now, struct msg_VERDICT *answer)
{
    struct span claims = SPAN("");
    int64_t until = VERDICT_NEVER;
    buf_clear(&self->user);
    enum refusal r = decide(self, q, now > INT64_MAX ? INT64_MAX : (int64_t)now, &claims, &until);
    count(self->stats, r);
    *answer = r ? (struct msg_VERDICT){
        .ref = q->ref, .reason = span_of(refusal_name(r)), .message = span_of(refusal_text(r)),
        .user = SPAN(""), .claims = SPAN(""),
    } : (struct msg_VERDICT){
        .ref = q->ref, .allowed = 1, .reason = SPAN(""), .message = SPAN(""),
        .user = buf_span(&self->user), .claims = claims, .expires = in_seconds(until),
    };
    return r;
}
