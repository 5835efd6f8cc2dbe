#include "keyfile_jwt.h"

#include "err.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* 'out' is made large enough at once, so that no copy of a secret stays behind in the heap. */
static bool read_all(struct buf *out, int fd, size_t size, const char **why)
{
    buf_room(out, size + 1);
    for (;;) {
        ssize_t n = read(fd, buf_room(out, 1), size + 1 - out->len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return *why = strerror(errno), false;
        if (n == 0) return true;
        buf_grew(out, (size_t)n);
        if (out->len > size) return *why = "changes while it is read", false;
    }
}

bool keyfile_read(struct buf *out, const char *path, bool *open_to_others, const char **why)
{
    struct stat st;
    bool good = false;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);     /* a FIFO must not hold the daemon */
    if (fd < 0) return *why = strerror(errno), false;
    if (fstat(fd, &st) < 0) *why = strerror(errno);
    else if (!S_ISREG(st.st_mode)) *why = "is no regular file";
    else if (st.st_size > KEYFILE_MAX) *why = "is too large for a key";
    else good = read_all(out, fd, (size_t)st.st_size, why);
    close(fd);
    if (!good) return false;
    *open_to_others = st.st_mode & (S_IRGRP | S_IROTH);
    return true;
}

void keyfile_wipe(struct buf *secret)
{
    if (secret->ptr) OPENSSL_cleanse(secret->ptr, secret->cap);
    buf_fini(secret);
}

bool keyfile_secret(struct span *secret, struct span file, const char **why)
{
    if (file.len && file.ptr[file.len - 1] == '\n') file.len--;
    if (file.len && file.ptr[file.len - 1] == '\r') file.len--;
    if (memmem(file.ptr, file.len, "-----BEGIN ", 11)) return *why = "is a PEM file and no secret: anyone who knows it could sign (kind: pem)", false;
    if (file.len < KEYFILE_SECRET_MIN) return *why = "is a secret of fewer than 16 bytes", false;
    *secret = file;
    return true;
}

static int no_password(char *buffer, int size, int writing, void *self)     /* never ask on the terminal */
{
    (void)buffer, (void)size, (void)writing, (void)self;
    return -1;
}

static EVP_PKEY *public_part(EVP_PKEY *key)     /* of a private one, which is given up */
{
    unsigned char *der = NULL;
    int n = i2d_PUBKEY(key, &der);
    const unsigned char *at = der;
    EVP_PKEY *only = n > 0 ? d2i_PUBKEY(NULL, &at, n) : NULL;
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    return only;
}

static EVP_PKEY *from_certificate(BIO *bio)
{
    X509 *certificate = PEM_read_bio_X509(bio, NULL, no_password, NULL);
    EVP_PKEY *key = certificate ? X509_get_pubkey(certificate) : NULL;
    X509_free(certificate);
    return key;
}

static bool has(struct span file, const char *label)
{
    return memmem(file.ptr, file.len, label, strlen(label)) != NULL;
}

bool keyfile_public(EVP_PKEY **key, struct span file, bool *private, const char **why)
{
    BIO *bio = BIO_new_mem_buf(file.ptr, (int)file.len);
    NEED(bio);
    *private = has(file, "PRIVATE KEY-----");
    *key = NULL;
    if (*private) {
        *key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
        if (*key) *key = public_part(*key);
    } else if (has(file, "-----BEGIN CERTIFICATE-----")) {
        *key = from_certificate(bio);
    } else {
        *key = PEM_read_bio_PUBKEY(bio, NULL, no_password, NULL);
    }
    BIO_free(bio);
    ERR_clear_error();
    *why = "holds no public key or certificate in PEM that can be read";
    return *key != NULL;
}

bool keyfile_private(EVP_PKEY **key, struct span file, const char **why)
{
    BIO *bio = BIO_new_mem_buf(file.ptr, (int)file.len);
    NEED(bio);
    *key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
    BIO_free(bio);
    ERR_clear_error();
    *why = "holds no private key in PEM that can be read without a password";
    return *key != NULL;
}
