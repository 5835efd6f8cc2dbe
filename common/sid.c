#include "sid.h"

#include "base64.h"
#include "siphash.h"

enum { BYTES = 15, SIGNED = 10 };

static void sign(unsigned char bytes[BYTES], const uint8_t key[SID_KEY_BYTES])
{
    struct siphash_key k = siphash_key_of(key);
    uint64_t tag = siphash_2_4(&k, span_from(bytes, SIGNED));
    for (size_t i = SIGNED; i < BYTES; i++, tag >>= 8) bytes[i] = (unsigned char)tag;
}

void sid_make(struct sid *out, uint16_t gateway, const uint8_t random[8], const uint8_t key[SID_KEY_BYTES])
{
    unsigned char bytes[BYTES] = { (unsigned char)(gateway >> 8), (unsigned char)gateway };
    memcpy(bytes + 2, random, 8);
    sign(bytes, key);
    struct buf text = { 0 };
    base64_encode_url(&text, span_from(bytes, BYTES));
    NEED(text.len == SID_LENGTH);
    memcpy(out->text, text.ptr, SID_LENGTH);
    buf_fini(&text);
}

enum err sid_of_socket(struct span id, uint16_t *gateway)
{
    if (span_starts(id, '/') && id.len > SID_LENGTH && id.ptr[id.len - SID_LENGTH - 1] == '#') id = span_skip(id, id.len - SID_LENGTH);
    return sid_decode(id, NULL, gateway);
}

enum err sid_decode(struct span text, const uint8_t *key, uint16_t *gateway)
{
    if (text.len != SID_LENGTH) return ERR_SYNTAX;
    struct buf raw = { 0 };
    enum err e = base64_decode_url(&raw, text);
    if (e == OK && raw.len == BYTES) {
        unsigned char bytes[BYTES];
        memcpy(bytes, raw.ptr, BYTES);
        if (key) sign(bytes, key);
        /* The same time whether the first byte differs or the last. */
        unsigned char differ = 0;
        for (size_t i = 0; i < BYTES; i++) differ |= bytes[i] ^ (unsigned char)raw.ptr[i];
        if (differ) e = ERR_AUTH;
        *gateway = (uint16_t)(bytes[0] << 8 | bytes[1]);
    } else {
        e = ERR_SYNTAX;
    }
    buf_fini(&raw);
    return e;
}
