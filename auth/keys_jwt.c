#include "keys_jwt.h"

#include "jwk_jwt.h"
#include "keyfile_jwt.h"

#include <stdlib.h>

struct keys {
    struct key     key[JWS_KEYS_MAX];
    struct jws_pin pin[JWS_KEYS_MAX];   /* pin[i] is of key[i] */
    size_t         count;
};

struct loading {                        /* one row of auth.keys */
    struct keys             *keys;
    const struct config_key *row;
    alg_set                  algs;      /* that it names */
    struct buf              *errors, *warnings;
};

static void say(struct buf *lines, const struct loading *l, const char *what, const char *why)
{
    buf_add_format(lines, "%s: %s%s\n", l->row->file, what, why);
}

/* Takes *k in, or gives it up. */
static bool take(const struct loading *l, struct key *k, alg_set algs, const char **why)
{
    struct keys *keys = l->keys;
    bool good = key_pin(k, algs, why);
    if (good && keys->count == JWS_KEYS_MAX) *why = "is one more than the 64 keys that there may be", good = false;
    if (!good) return key_fini(k), false;
    keys->key[keys->count] = *k;
    keys->pin[keys->count++] = (struct jws_pin){ buf_span(&k->kid), k->algs };
    *k = (struct key){ 0 };
    return true;
}

static bool load_secret(const struct loading *l, struct span file, const char **why)
{
    struct span secret;
    struct key k = { 0 };
    if (!keyfile_secret(&secret, file, why)) return false;
    buf_add(&k.secret, secret);
    buf_add(&k.kid, span_of(l->row->kid));
    for (enum alg a = 1; a < ALG_COUNT; a++) {
        if (!(l->algs & alg_bit(a)) || secret.len >= alg_row(a)->length) continue;
        say(l->warnings, l, "the secret is shorter than RFC 7518 wants for ", alg_row(a)->name);
        break;
    }
    return take(l, &k, l->algs, why);
}

static bool load_pem(const struct loading *l, struct span file, const char **why)
{
    bool private;
    struct key k = { 0 };
    if (!keyfile_public(&k.pkey, file, &private, why)) return false;
    if (private) say(l->warnings, l, "holds a private key: give auth its public part alone (openssl pkey -pubout)", "");
    buf_add(&k.kid, span_of(l->row->kid));
    return take(l, &k, l->algs, why);
}

/* Keys of a set that are not for us are passed over; with a kid in the row, all but that one. */
static bool load_jwk(const struct loading *l, const json_t *jwk)
{
    struct key k = { 0 };
    alg_set algs;
    const char *why = "";
    struct span kid = span_of(l->row->kid);
    const char *own = json_string_value(json_object_get(jwk, "kid"));
    if (kid.len && !span_same(span_of(own), kid)) return false;
    if (jwk_decode(&k, &algs, jwk, &why) && take(l, &k, l->algs & algs, &why)) return true;
    key_fini(&k);
    buf_add_format(l->warnings, "%s: key \"%.64s\" passed over: it %s\n", l->row->file, own ? own : "", why);
    return false;
}

static bool load_jwks(const struct loading *l, struct span file, const char **why)
{
    json_t *set = json_loadb(file.ptr, file.len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *list = json_object_get(set, "keys");
    size_t taken = 0;
    for (size_t i = 0; i < json_array_size(list); i++) taken += load_jwk(l, json_array_get(list, i));
    *why = !set ? "is not JSON"
         : !json_is_array(list) ? "is no JSON Web Key Set: it has no list \"keys\""
         : "has no key that fits";
    json_decref(set);
    return taken > 0;
}

static bool row_algs(struct loading *l)
{
    for (size_t i = 0; i < l->row->algorithms.count; i++) {
        const char *name = l->row->algorithms.at[i];
        if (!alg_of(span_of(name))) return say(l->errors, l, "no such algorithm: ", name), false;
        l->algs |= alg_bit(alg_of(span_of(name)));
    }
    if (!l->algs) say(l->errors, l, "names no algorithms that the key may be used for", "");
    return l->algs != 0;
}

static void load(struct loading *l)
{
    static bool (*const kinds[])(const struct loading *, struct span, const char **) = {
        [CONFIG_KEY_SECRET] = load_secret, [CONFIG_KEY_PEM] = load_pem, [CONFIG_KEY_JWKS] = load_jwks,
    };
    struct buf file = { 0 };
    const char *why = "";
    bool open_to_others = false;
    if (!row_algs(l)) return;
    bool good = keyfile_read(&file, l->row->file, &open_to_others, &why) && kinds[l->row->kind](l, buf_span(&file), &why);
    if (!good) say(l->errors, l, why, "");
    else if (open_to_others && l->row->kind == CONFIG_KEY_SECRET) say(l->warnings, l, "the secret can be read by others (chmod 600)", "");
    keyfile_wipe(&file);
}

struct keys *keys_new(const struct config_auth *auth, struct buf *errors, struct buf *warnings)
{
    struct keys *self = calloc(1, sizeof *self);
    NEED(self);
    size_t before = errors->len;
    for (size_t i = 0; i < auth->key_count; i++) {
        struct loading l = { .keys = self, .row = &auth->keys[i], .errors = errors, .warnings = warnings };
        load(&l);
    }
    if (errors->len > before) keys_destroy(&self);
    return self;
}

void keys_destroy(struct keys **self)
{
    if (!*self) return;
    for (size_t i = 0; i < (*self)->count; i++) key_fini(&(*self)->key[i]);
    free(*self);
    *self = NULL;
}

const struct jws_pin *keys_pins(const struct keys *self, size_t *count)
{
    *count = self->count;
    return self->pin;
}

bool keys_verify(struct keys *self, size_t key, enum alg alg, struct span input, struct span signature)
{
    NEED(key < self->count);
    return key_verify(&self->key[key], alg, input, signature);
}
