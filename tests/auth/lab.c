#include "lab.h"

#include "base64.h"
#include "mint_jwt.h"
#include "t.h"
#include "tree.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char *keep(struct lab *lab, char *text)
{
    lab->kept = realloc(lab->kept, (lab->kept_count + 1) * sizeof lab->kept[0]);
    NEED(lab->kept && text);
    return lab->kept[lab->kept_count++] = text;
}

static char *keep_copy(struct lab *lab, struct span s)
{
    return keep(lab, strndup(s.ptr, s.len));
}

void lab_open(struct lab *lab)
{
    *lab = (struct lab){ .dir = "/tmp/causeway-auth-XXXXXX", .now = LAB_NOW };
    NEED(mkdtemp(lab->dir));
    lab->config.auth.max_token_bytes = 8192;
    lab->config.auth.cache_count = 100;
    lab->config.auth.leeway_s = 10;
    lab->config.auth.issuer = keep(lab, strdup(""));
}

static void remove_dir(const char *path)
{
    char file[512];
    DIR *dir = opendir(path);
    NEED(dir);
    for (struct dirent *e; (e = readdir(dir)); ) {
        snprintf(file, sizeof file, "%s/%s", path, e->d_name);
        if (e->d_name[0] != '.') remove(file);
    }
    closedir(dir);
    rmdir(path);
}

void lab_close(struct lab *lab)
{
    judge_destroy(&lab->judge);
    for (size_t i = 0; i < lab->config.namespace_count; i++) node_destroy(&lab->config.namespaces[i].require);
    for (size_t i = 0; i < lab->config.auth.key_count; i++) free(lab->config.auth.keys[i].algorithms.at);
    free(lab->config.namespaces);
    free(lab->config.auth.keys);
    free(lab->config.auth.audience.at);
    for (size_t i = 0; i < lab->kept_count; i++) free(lab->kept[i]);
    free(lab->kept);
    buf_fini(&lab->errors), buf_fini(&lab->warnings);
    remove_dir(lab->dir);
}

void lab_namespace(struct lab *lab, const char *name, const char *user_claim, const char *require)
{
    struct config *c = &lab->config;
    c->namespaces = realloc(c->namespaces, (c->namespace_count + 1) * sizeof c->namespaces[0]);
    NEED(c->namespaces);
    c->namespaces[c->namespace_count++] = (struct config_namespace){
        .name = keep(lab, strdup(name)), .user_claim = keep(lab, strdup(user_claim)), .require = require ? tree_of(require) : NULL,
    };
}

void lab_key(struct lab *lab, const char *kid, const char *file, int kind, const char *algs)
{
    struct config_auth *a = &lab->config.auth;
    struct span rest = span_of(algs);
    a->keys = realloc(a->keys, (a->key_count + 1) * sizeof a->keys[0]);
    NEED(a->keys);
    struct config_key *k = &a->keys[a->key_count++];
    *k = (struct config_key){ .kid = keep(lab, strdup(kid)), .file = keep(lab, strdup(file)) };
    k->kind = kind;
    while (rest.len) {
        k->algorithms.at = realloc(k->algorithms.at, (k->algorithms.count + 1) * sizeof k->algorithms.at[0]);
        NEED(k->algorithms.at);
        k->algorithms.at[k->algorithms.count++] = keep_copy(lab, span_cut(&rest, ','));
    }
}

bool lab_start(struct lab *lab)
{
    judge_destroy(&lab->judge);
    buf_clear(&lab->errors), buf_clear(&lab->warnings);
    lab->judge = judge_new(&lab->config, &lab->stats, &lab->errors, &lab->warnings);
    return lab->judge != NULL;
}

bool lab_reload(struct lab *lab)
{
    buf_clear(&lab->errors), buf_clear(&lab->warnings);
    return judge_reload(lab->judge, &lab->errors, &lab->warnings);
}

/* ---- files */

const char *lab_file(struct lab *lab, const char *name, struct span content)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", lab->dir, name);
    FILE *f = fopen(path, "w");
    NEED(f && fwrite(content.ptr, 1, content.len, f) == content.len);
    fclose(f);
    chmod(path, 0600);
    return keep(lab, strdup(path));
}

const char *lab_secret(struct lab *lab, const char *name)
{
    unsigned char random[36];
    struct buf text = { 0 };
    NEED(RAND_bytes(random, sizeof random) == 1);
    base64_encode_url(&text, span_from(random, sizeof random));
    buf_add_byte(&text, '\n');
    const char *path = lab_file(lab, name, buf_span(&text));
    buf_fini(&text);
    return path;
}

static const char *write_pem(struct lab *lab, const char *name, BIO *bio)
{
    char *text;
    long n = BIO_get_mem_data(bio, &text);
    const char *path = lab_file(lab, name, span_from(text, (size_t)n));
    BIO_free(bio);
    return path;
}

const char *lab_private(struct lab *lab, const char *name, EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    NEED(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1);
    return write_pem(lab, name, bio);
}

const char *lab_public(struct lab *lab, const char *name, EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    NEED(PEM_write_bio_PUBKEY(bio, key) == 1);
    return write_pem(lab, name, bio);
}

const char *lab_certificate(struct lab *lab, const char *name, EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    X509 *x = X509_new();
    NEED(X509_set_pubkey(x, key) == 1 && X509_gmtime_adj(X509_getm_notBefore(x), 0) && X509_gmtime_adj(X509_getm_notAfter(x), 3600));
    NEED(X509_sign(x, key, EVP_sha256()) > 0 && PEM_write_bio_X509(bio, x) == 1);
    X509_free(x);
    return write_pem(lab, name, bio);
}

EVP_PKEY *lab_pkey(const char *type, const char *curve, unsigned bits)
{
    EVP_PKEY *key = curve ? EVP_PKEY_Q_keygen(NULL, NULL, type, curve)
                  : bits  ? EVP_PKEY_Q_keygen(NULL, NULL, type, (size_t)bits)
                          : EVP_PKEY_Q_keygen(NULL, NULL, type);
    NEED(key);
    return key;
}

EVP_PKEY *lab_pkey_for(enum alg alg)
{
    const struct alg_row *row = alg_row(alg);
    return row->family == ALG_ECDSA ? lab_pkey("EC", row->curve, 0)
         : row->family == ALG_EDDSA ? lab_pkey("ED25519", NULL, 0)
                                    : lab_pkey("RSA", NULL, 2048);
}

struct span lab_read(struct lab *lab, const char *path)
{
    FILE *f = fopen(path, "r");
    NEED(f);
    char *text = calloc(1, 65536);
    size_t n = text ? fread(text, 1, 65535, f) : 0;
    fclose(f);
    return span_from(keep(lab, text), n);
}

/* ---- tokens */

const char *lab_mint(struct lab *lab, enum alg alg, const char *key_file, const char *kid, const char *claims)
{
    struct buf token = { 0 }, error = { 0 };
    if (!mint(&token, alg, key_file, span_of(kid), span_of(claims), &error)) FAIL("%s", buf_text(&error));
    const char *text = keep_copy(lab, buf_span(&token));
    buf_fini(&token), buf_fini(&error);
    return text;
}

static void add_input(struct buf *out, const char *header, const char *claims)
{
    base64_encode_url(out, span_of(header));
    buf_add_byte(out, '.');
    base64_encode_url(out, span_of(claims));
}

const char *lab_token(struct lab *lab, const char *header, const char *claims, struct span signature)
{
    struct buf token = { 0 };
    add_input(&token, header, claims);
    buf_add_byte(&token, '.');
    base64_encode_url(&token, signature);
    const char *text = keep_copy(lab, buf_span(&token));
    buf_fini(&token);
    return text;
}

const char *lab_hmac(struct lab *lab, const char *header, const char *claims, struct span secret)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    size_t n = 0;
    struct buf input = { 0 };
    add_input(&input, header, claims);
    NEED(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, secret.ptr, secret.len,
                   (unsigned char *)input.ptr, input.len, mac, sizeof mac, &n));
    buf_fini(&input);
    return lab_token(lab, header, claims, span_from(mac, n));
}

enum refusal lab_ask(struct lab *lab, const char *nsp, const char *token)
{
    struct span exact = t_exact(span_of(token));
    return judge_verify(lab->judge, &(struct msg_VERIFY){ .ref = 7, .nsp = span_of(nsp), .token = exact }, lab->now, &lab->answer);
}
