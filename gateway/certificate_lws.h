/* certificate - what a TLS port shows to its clients: a certificate with its chain
 * and its key, loaded, checked, and replaced without touching a connection.
 *
 * libwebsockets makes one SSL_CTX for all TLS connections (certificate_base sets it
 * up) and each handshake takes the certificate of its port from here
 * (certificate_show, once the client's hello is there). So a new one counts from the
 * next handshake on, of any kind of key, and the old one goes with the last
 * connection that shows it. One owner: the edge's port. */
#ifndef CAUSEWAY_GATEWAY_CERTIFICATE_LWS_H
#define CAUSEWAY_GATEWAY_CERTIFICATE_LWS_H

#include "buf.h"
#include "openssl_lws.h"

struct certificate {
    const char *certificate, *key;  /* PEM files, borrowed */
    SSL_CTX    *shown;              /* NULL: none was ever good */
};

/* Reads the files anew. False: 'why' has it in one line, and what was shown stays. */
bool certificate_load(struct certificate *self, struct buf *why);
void certificate_fini(struct certificate *self);
bool certificate_show(const struct certificate *self, SSL *ssl);
void certificate_base(SSL_CTX *base);       /* TLS 1.2 and later; no renegotiation, no session cache, few buffers */

#endif
