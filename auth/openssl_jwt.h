/* openssl - the one place that includes OpenSSL, whose ERR_STATE (a type that it
 * deprecates) is not the ERR_STATE of err.def. */
#ifndef CAUSEWAY_OPENSSL_JWT_H
#define CAUSEWAY_OPENSSL_JWT_H

#define ERR_STATE openssl_err_state
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#undef ERR_STATE

#endif
