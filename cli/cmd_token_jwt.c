/* token: mints a token that the topology's auth daemons accept. */
#include "command.h"
#include "json.h"
#include "place_os.h"
#include "../auth/mint_jwt.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const struct flag flags[] = { PLACE_FLAGS,
    { "user", "ID", "the user's id (demo); digits stay a text" },
    { "claim", "NAME=VALUE", "a further claim; VALUE is JSON, or else a text; may be given again" },
    { "expires", "1h", "how long it is good: 90s, 15m, 1h, 7d" },
    { "key", "KID", "which of auth.keys signs; default: the first that can" },
    { "key-file", "FILE", "the private key in PEM, where the topology has the public one" },
    { 0 } };

static void add_claim(struct buf *claims, const char *name, size_t len, struct span value)
{
    if (claims->len > 1) buf_add_byte(claims, ',');
    json_quote(claims, span_from(name, len));
    buf_add_byte(claims, ':');
    if (json_check(value, JSON_MAX_DEPTH) == OK) buf_add(claims, value);
    else json_quote(claims, value);
}

static bool add_claims(struct buf *claims, const struct arguments *a, const char **wrong)
{
    for (size_t i = 0; i < a->flags; i++) {
        if (strcmp(a->flag[i].name, "claim") != 0) continue;
        const char *equals = strchr(a->flag[i].value, '=');
        if (!equals || equals == a->flag[i].value) return *wrong = a->flag[i].value, false;
        add_claim(claims, a->flag[i].value, (size_t)(equals - a->flag[i].value), span_of(equals + 1));
    }
    return true;
}

static bool has_claim(const struct buf *claims, const char *name)
{
    struct buf whole = { 0 };
    buf_add(&whole, buf_span(claims));
    buf_add_byte(&whole, '}');
    bool has = json_find(buf_span(&whole), span_of(name)).len > 0;
    buf_fini(&whole);
    return has;
}

static void add_quoted(struct buf *claims, const char *name, const char *text)
{
    struct buf quoted = { 0 };
    if (has_claim(claims, name)) return;
    json_quote(&quoted, span_of(text));
    add_claim(claims, name, strlen(name), buf_span(&quoted));
    buf_fini(&quoted);
}

static void add_number(struct buf *claims, const char *name, uint64_t n)
{
    struct buf text = { 0 };
    if (has_claim(claims, name)) return;
    buf_add_uint(&text, n);
    add_claim(claims, name, strlen(name), buf_span(&text));
    buf_fini(&text);
}

static const struct config_key *key_of(const struct config *c, const char *kid, bool has_file)
{
    for (size_t i = 0; i < c->auth.key_count; i++) {
        const struct config_key *k = &c->auth.keys[i];
        if (kid ? strcmp(k->kid, kid) == 0 : has_file || k->kind == CONFIG_KEY_SECRET) return k;
    }
    return NULL;
}

static int mint_one(const struct command *self, const struct arguments *a, const struct place *p)
{
    const struct config *c = &p->config;
    const char *user = arguments_flag(a, "user"), *expires = arguments_flag(a, "expires"), *wrong = NULL;
    const char *kid = arguments_flag(a, "key"), *file = arguments_flag(a, "key-file");
    uint64_t seconds = 3600, now = (uint64_t)time(NULL);
    if (expires && !arguments_seconds(span_of(expires), &seconds)) return command_misused(self, "--expires: '%s' is no time", expires);
    const struct config_key *key = key_of(c, kid, file != NULL);
    if (!key) return command_fail(COMMAND_USAGE, kid ? "the topology has no key '%s'" : "the topology has no secret key: name one with --key and --key-file", kid);
    if (key->kind != CONFIG_KEY_SECRET && !file) return command_fail(COMMAND_USAGE, "%s is a public key: --key-file names the private one", key->file);

    struct buf claims = { 0 }, token = { 0 }, error = { 0 };
    const char *user_claim = c->namespace_count ? c->namespaces[0].user_claim : "sub";
    buf_add_byte(&claims, '{');
    int code = COMMAND_USAGE;
    if (!add_claims(&claims, a, &wrong)) {
        code = command_misused(self, "--claim: '%s' is not NAME=VALUE", wrong);
    } else {
        add_quoted(&claims, user_claim, user ? user : "demo");
        add_quoted(&claims, "username", user ? user : "demo");
        if (*c->auth.issuer) add_quoted(&claims, "iss", c->auth.issuer);
        if (c->auth.audience.count) add_quoted(&claims, "aud", c->auth.audience.at[0]);
        add_number(&claims, "iat", now);
        add_number(&claims, "exp", now + seconds);
        buf_add_byte(&claims, '}');
        enum alg alg = key->algorithms.count ? alg_of(span_of(key->algorithms.at[0])) : ALG_NONE;
        if (mint(&token, alg, file ? file : key->file, span_of(key->kid), buf_span(&claims), &error)) puts(buf_text(&token)), code = COMMAND_OK;
        else code = command_fail(COMMAND_ENVIRONMENT, "%s", buf_text(&error));
    }
    buf_fini(&claims), buf_fini(&token), buf_fini(&error);
    return code;
}

static int run(const struct command *self, const struct arguments *a)
{
    struct place p;
    if (!place_open(&p, a, NULL, false)) return COMMAND_USAGE;
    int code = mint_one(self, a, &p);
    place_close(&p);
    return code;
}

const struct command command_token = { .name = "token", .words = "", .help = "mint a token for a user", .flags = flags, .run = run };
