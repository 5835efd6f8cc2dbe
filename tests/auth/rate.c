/* rate - verifies per second on this machine, one core, through the judge: with
 * and without the cache, and what libjwt takes for its part. For auth/DESIGN.md.
 *
 *     auth-rate [seconds each]
 *
 * Not a test: it prints and never fails. */
#include "lab.h"

#include "base64.h"
#include "t.h"

#include <jwt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

#define CLAIMS "{\"sub\":\"5f2b8c1e9d\",\"username\":\"ann\",\"status\":1,\"role\":[\"user\"],\"iss\":\"joe\",\"iat\":2000000000,\"exp\":2000003600}"

typedef void work(struct lab *lab, const char *token);

static double rate(work *run, struct lab *lab, const char *token, double span)
{
    double from = seconds(), now = from;
    unsigned long long n = 0;
    while (now - from < span) {
        for (int i = 0; i < 50; i++, n++) run(lab, token);
        now = seconds();
    }
    return (double)n / (now - from);
}

static void verify(struct lab *lab, const char *token)
{
    struct msg_VERIFY m = { .ref = 1, .nsp = SPAN("/"), .token = span_of(token) };
    NEED(judge_verify(lab->judge, &m, LAB_NOW, &lab->answer) == REFUSED_NOT);
}

static void measure(enum alg alg, double span)
{
    struct lab lab;
    bool secret = alg_row(alg)->family == ALG_HMAC;
    lab_open(&lab);
    lab_namespace(&lab, "/", "sub", "{\"status\":1}");
    EVP_PKEY *key = secret ? NULL : lab_pkey_for(alg);
    const char *private = secret ? lab_secret(&lab, "key") : lab_private(&lab, "key", key);
    lab_key(&lab, "", secret ? private : lab_public(&lab, "pub", key), secret ? CONFIG_KEY_SECRET : CONFIG_KEY_PEM, alg_row(alg)->name);
    const char *token = lab_mint(&lab, alg, private, "", CLAIMS);
    lab.config.auth.cache_count = 0;
    NEED(lab_start(&lab));
    double bare = rate(verify, &lab, token, span);
    lab.config.auth.cache_count = 100;
    NEED(lab_start(&lab));
    printf("%-6s %4zu bytes %9.0f/s %9.0f/s from the cache\n", alg_row(alg)->name, strlen(token), bare, rate(verify, &lab, token, span));
    EVP_PKEY_free(key);
    lab_close(&lab);
}

/* What reading the claims by libjwt would add to each: its own decoding of an unsigned copy. */
static void read_libjwt(struct lab *lab, const char *token)
{
    jwt_t *jwt = NULL;
    (void)lab;
    NEED(jwt_decode(&jwt, token, NULL, 0) == 0);
    NEED(jwt_get_grant_int(jwt, "exp") && jwt_get_grant(jwt, "sub"));
    char *json = jwt_get_grants_json(jwt, NULL);
    NEED(json);
    free(json);
    jwt_free(jwt);
}

static void verify_libjwt(struct lab *lab, const char *token)
{
    jwt_t *jwt = NULL;
    struct span key = span_of(lab->kept[0]);
    NEED(jwt_decode(&jwt, token, (const unsigned char *)key.ptr, (int)key.len) == 0);
    jwt_free(jwt);
}

static void measure_libjwt(enum alg alg, double span)
{
    struct lab lab = { 0 };
    lab_open(&lab);
    bool secret = alg_row(alg)->family == ALG_HMAC;
    EVP_PKEY *key = secret ? NULL : lab_pkey_for(alg);
    const char *private = secret ? lab_secret(&lab, "key") : lab_private(&lab, "key", key);
    struct span text = lab_read(&lab, secret ? private : lab_public(&lab, "pub", key));
    if (secret) text.len--;
    const char *token = lab_mint(&lab, alg, private, "", CLAIMS);
    char *first = lab.kept[0], pem[4096];
    snprintf(pem, sizeof pem, "%.*s", (int)text.len, text.ptr);
    lab.kept[0] = pem;
    printf("%-6s libjwt alone %9.0f/s\n", alg_row(alg)->name, rate(verify_libjwt, &lab, token, span));
    lab.kept[0] = first;
    EVP_PKEY_free(key);
    lab_close(&lab);
}

int main(int argc, char **argv)
{
    double span = argc > 1 ? atof(argv[1]) : 1;
    struct lab lab = { 0 };
    for (enum alg a = 1; a < ALG_COUNT; a++) measure(a, span);
    lab_open(&lab);
    printf("claims read by libjwt, no signature: %.0f/s\n", rate(read_libjwt, &lab, lab_token(&lab, "{\"alg\":\"none\"}", CLAIMS, SPAN("")), span));
    lab_close(&lab);
    measure_libjwt(ALG_HS256, span);
    measure_libjwt(ALG_RS256, span);
    measure_libjwt(ALG_ES256, span);
    return 0;
}

_Noreturn void t_fail(const char *file, int line, const char *format, ...)      /* lab.c's, where there is no frame of tests */
{
    fprintf(stderr, "%s:%d: %s\n", file, line, format);
    exit(1);
}
const char *t_row;
struct span t_exact(struct span s) { return s; }
