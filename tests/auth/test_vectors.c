/* Tokens that others have signed: the RFCs' own, npm's jsonwebtoken, Python. One file each in
 * tests/auth/vectors: {"source", "alg", "jwk" (the public key), "token"}. A new algorithm adds one. */
#include "lab.h"
#include "t.h"

#include <dirent.h>
#include <jansson.h>
#include <stdlib.h>

#define VECTORS "tests/auth/vectors"

struct vector { char *alg, *token; char *set; };      /* set: a JSON Web Key Set of the one key */

static void read_vector(struct lab *lab, struct vector *v, const char *path)
{
    struct span text = lab_read(lab, path);
    json_t *file = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL);
    NEED(file);
    json_t *set = json_pack("{s:[O]}", "keys", json_object_get(file, "jwk"));
    *v = (struct vector){
        .alg = strdup(json_string_value(json_object_get(file, "alg"))),
        .token = strdup(json_string_value(json_object_get(file, "token"))),
        .set = json_dumps(set, 0),
    };
    json_decref(set);
    json_decref(file);
}

static void drop_vector(struct vector *v)
{
    free(v->alg), free(v->token), free(v->set);
}

typedef void vector_test(struct lab *lab, struct vector *v);

static alg_set each_vector(vector_test *run)
{
    alg_set seen = 0;
    DIR *dir = opendir(VECTORS);
    if (!dir) FAIL("run from the top of the tree");
    for (struct dirent *e; (e = readdir(dir)); ) {
        struct lab lab;
        struct vector v;
        char path[512];
        if (e->d_name[0] == '.') continue;
        snprintf(path, sizeof path, VECTORS "/%s", e->d_name);
        t_row = e->d_name;
        lab_open(&lab);
        lab.now = UINT64_C(1300000000000);      /* RFC 7515's expire in March 2011 */
        lab_namespace(&lab, "/", "iss", NULL);
        read_vector(&lab, &v, path);
        run(&lab, &v);
        seen |= alg_bit(alg_of(span_of(v.alg)));
        drop_vector(&v);
        lab_close(&lab);
    }
    closedir(dir);
    return seen;
}

static enum refusal ask(struct lab *lab, const struct vector *v, const char *algs, const char *token)
{
    if (!lab->judge) {
        lab_key(lab, "", lab_file(lab, "set", span_of(v->set)), CONFIG_KEY_JWKS, algs);
        if (!lab_start(lab)) FAIL("%s", buf_text(&lab->errors));
    }
    return lab_ask(lab, "/", token);
}

/* Claims are looked at only when the signature is good: some vectors sign prose. */
static bool is_signed(enum refusal r)
{
    return r == REFUSED_NOT || r == REFUSED_bad_claims || r == REFUSED_missing_claim || r == REFUSED_not_yet_valid;
}

static void verifies(struct lab *lab, struct vector *v)
{
    enum refusal r = ask(lab, v, v->alg, v->token);
    if (!is_signed(r)) FAIL("%s", refusal_name(r));
}
TEST(vectors_verify_all)
{
    alg_set seen = each_vector(verifies);
    for (enum alg a = 1; a < ALG_COUNT; a++)
        if (!(seen & alg_bit(a))) FAIL("no vector for %s", alg_row(a)->name);
}

/* Each character of signature and payload counts. The last one of a part has bits that mean nothing,
 * so changing it may be a form that encoding never gives. */
static void breaks(struct lab *lab, struct vector *v)
{
    size_t header = strcspn(v->token, "."), length = strlen(v->token);
    for (size_t i = header + 1; i < length; i += i + 90 < length ? 37 : 1) {
        char was = v->token[i];
        if (was == '.') continue;
        v->token[i] = was == 'A' ? 'B' : 'A';
        enum refusal r = ask(lab, v, v->alg, v->token);
        if (r != REFUSED_bad_signature && !(r == REFUSED_malformed && (i == length - 1 || v->token[i + 1] == '.')))
            FAIL("character %zu of %zu: %s", i, length, refusal_name(r));
        v->token[i] = was;
    }
    for (size_t n = length; n-- > 0; ) {        /* and each one's absence */
        v->token[n] = '\0';
        enum refusal r = ask(lab, v, v->alg, v->token);
        CHECK(r == REFUSED_bad_signature || r == REFUSED_malformed || (n == 0 && r == REFUSED_missing_token));
    }
}
TEST(vectors_break_at_every_character)
{
    each_vector(breaks);
}

/* The same key for a sibling algorithm only. */
static void is_pinned(struct lab *lab, struct vector *v)
{
    static const struct { const char *of, *other; } siblings[] = {
        { "HS256", "HS512" }, { "HS384", "HS256" }, { "HS512", "HS256" }, { "RS256", "PS256" }, { "RS384", "RS256,PS384" },
        { "RS512", "PS512" }, { "PS256", "RS256" }, { "PS384", "PS256,RS384" }, { "PS512", "RS512" },
    };
    for (size_t i = 0; i < sizeof siblings / sizeof siblings[0]; i++) {
        if (strcmp(siblings[i].of, v->alg) != 0) continue;
        if (strstr(v->set, "\"alg\"")) return;              /* a key that pins itself */
        EQUAL(ask(lab, v, siblings[i].other, v->token), REFUSED_alg_not_allowed);
    }
}
TEST(vectors_are_pinned)
{
    each_vector(is_pinned);
}
