#include "certificate_lws.h"
#include "err.h"

static void explain(struct buf *why, const char *file)
{
    unsigned long e = ERR_peek_error();
    const char *reason = ERR_reason_error_string(e);
    buf_add_format(why, "%s: %s", file, reason ? reason : "not usable");
    ERR_clear_error();
}

static int no_passphrase(char *text, int size, int writing, void *self)     /* nobody sits at a terminal to be asked */
{
    (void)text, (void)size, (void)writing, (void)self;
    return -1;
}

/* HTTP/1.1 or nothing: of what else a client knows we take none. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in, unsigned len, void *self)
{
    (void)ssl, (void)self;
    struct span rest = span_from(in, len), name;
    while (rest.len) {
        size_t n = (unsigned char)rest.ptr[0];
        name = span_head(span_skip(rest, 1), n);
        if (span_same(name, SPAN("http/1.1"))) {
            *out = in + (name.ptr - (const char *)in);
            *out_len = (unsigned char)name.len;
            return SSL_TLSEXT_ERR_OK;
        }
        rest = span_skip(rest, 1 + n);
    }
    return SSL_TLSEXT_ERR_NOACK;
}

bool certificate_load(struct certificate *self, struct buf *why)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    NEED(ctx);
    SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
    SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
    ERR_clear_error();
    const char *wrong =
        SSL_CTX_use_certificate_chain_file(ctx, self->certificate) != 1 ? self->certificate :
        SSL_CTX_use_PrivateKey_file(ctx, self->key, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(ctx) != 1 ? self->key : NULL;
    if (wrong) {
        explain(why, wrong);
        SSL_CTX_free(ctx);
        return false;
    }
    certificate_fini(self);
    self->shown = ctx;
    return true;
}

void certificate_fini(struct certificate *self)
{
    SSL_CTX_free(self->shown);      /* connections hold it too */
    self->shown = NULL;
}

bool certificate_show(const struct certificate *self, SSL *ssl)
{
    return SSL_set_SSL_CTX(ssl, self->shown) != NULL;
}

void certificate_base(SSL_CTX *base)
{
    SSL_CTX_set_min_proto_version(base, TLS1_2_VERSION);
    SSL_CTX_set_options(base, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(base, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(base, SSL_SESS_CACHE_OFF);       /* tickets hold what a resumption needs */
    SSL_CTX_set_tlsext_servername_callback(base, NULL);             /* libwebsockets' picks among ports by the name a client gives */
}
