/* lab - a judge with a topology made by hand and keys made on the spot, in a
 * directory that goes with it.
 *
 *     struct lab lab;
 *     lab_open(&lab);
 *     lab_namespace(&lab, "/", "sub", "{\"status\":1}");
 *     lab_key(&lab, "", lab_secret(&lab, "secret"), CONFIG_KEY_SECRET, "HS256");
 *     lab_start(&lab);
 *     CHECK(lab_ask(&lab, "/", token) == REFUSED_NOT);
 *     lab_close(&lab);
 *
 * Paths and tokens it answers stay valid until lab_close. */
#ifndef CAUSEWAY_LAB_H
#define CAUSEWAY_LAB_H

#include "alg.h"
#include "judge_jwt.h"
#include "openssl_jwt.h"

#define LAB_NOW UINT64_C(2000000000000)     /* Unix ms: 2033 */

struct lab {
    char              dir[32];
    struct config     config;
    struct auth_stats stats;
    struct judge     *judge;
    struct buf        errors, warnings;
    uint64_t          now;
    struct msg_VERDICT answer;
    char            **kept;                 /* texts to be freed */
    size_t            kept_count;
};

void lab_open(struct lab *lab);
void lab_close(struct lab *lab);
void lab_namespace(struct lab *lab, const char *name, const char *user_claim, const char *require);   /* require: JSON or NULL */
void lab_key(struct lab *lab, const char *kid, const char *file, int kind, const char *algs);         /* algs: "HS256,RS256" */
bool lab_start(struct lab *lab);            /* false: lab->errors */
bool lab_reload(struct lab *lab);

/* Files: each answers its path. */
const char *lab_file(struct lab *lab, const char *name, struct span content);       /* mode 0600 */
const char *lab_secret(struct lab *lab, const char *name);                          /* 48 random letters and a newline */
const char *lab_private(struct lab *lab, const char *name, EVP_PKEY *key);
const char *lab_public(struct lab *lab, const char *name, EVP_PKEY *key);
const char *lab_certificate(struct lab *lab, const char *name, EVP_PKEY *key);
EVP_PKEY *lab_pkey(const char *type, const char *curve, unsigned bits);     /* "RSA", NULL, 2048; "EC", "P-256", 0; "ED25519" */
EVP_PKEY *lab_pkey_for(enum alg alg);
struct span lab_read(struct lab *lab, const char *path);

/* Tokens. */
const char *lab_mint(struct lab *lab, enum alg alg, const char *key_file, const char *kid, const char *claims);    /* mint_jwt */
const char *lab_token(struct lab *lab, const char *header, const char *claims, struct span signature);    /* any three */
const char *lab_hmac(struct lab *lab, const char *header, const char *claims, struct span secret);        /* signed by HMAC-SHA256 */

enum refusal lab_ask(struct lab *lab, const char *nsp, const char *token);

#endif
