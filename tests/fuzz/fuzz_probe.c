/* The routers' HTTP port: any bytes in any pieces are read, answered or refused; answers are bounded. */
#include "probe.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct lasts lasts;
    static struct view *view;
    static struct config config;
    static char redis[] = "none";
    uint64_t asked = 0, refused = 0;
    if (!view) view = view_new(), lasts_init(&lasts, &(struct siphash_key){ 1, 2 }), config.presence.redis = redis;
    const struct probe_state state = { .lasts = &lasts, .view = view, .config = &config, .asked = &asked, .refused = &refused };
    struct probe p = { 0 };
    struct buf out = { 0 };
    for (size_t at = 1; size && at < size; ) {
        size_t n = 1 + data[0] % 97 < size - at ? 1 + data[0] % 97 : size - at;
        char *piece = malloc(n);
        memcpy(piece, data + at, n);
        enum probe_next next = probe_on_bytes(&p, &state, span_from(piece, n), &out);
        free(piece);
        at += n;
        if ((next == PROBE_READ) != (out.len == 0) || out.len > 1 << 20) abort();
        buf_clear(&out);
        if (next == PROBE_CLOSE) break;
    }
    probe_fini(&p);
    buf_fini(&out);
    return 0;
}
