/* openssl - the one place that includes OpenSSL and libwebsockets (which includes it), whose ERR_STATE (a type
 * that OpenSSL deprecates) is not the ERR_STATE of err.def. */
#ifndef CAUSEWAY_GATEWAY_OPENSSL_LWS_H
#define CAUSEWAY_GATEWAY_OPENSSL_LWS_H

#define ERR_STATE openssl_err_state
#include <libwebsockets.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#undef ERR_STATE

#endif
