#include "sequence.h"

#include <string.h>

#define NUMBER_MASK (MARK_NUMBERS - 1)

void mark_encode(char *out, uint32_t sender, uint32_t number)
{
    uint32_t v = sender << MARK_NUMBER_BITS | (number & NUMBER_MASK);
    out[0] = out[MARK_LEN - 1] = '~';
    for (int i = 1; i < MARK_LEN - 1; i++, v >>= 4)
        out[i] = (char)('A' + (v & 15));
}

static bool is_mark(const char *p)
{
    return p[0] == '~' && p[MARK_LEN - 1] == '~';
}

static bool mark_find(const char *text, size_t len, size_t *at)
{
    if (*at + MARK_LEN <= len && is_mark(text + *at))
        return true;
    for (size_t i = 0; i + MARK_LEN <= len; i++) {
        if (is_mark(text + i)) {
            *at = i;
            return true;
        }
    }
    return false;
}

/* Eight nibbles in eight bytes, folded together two by two. */
bool mark_decode(const char *text, size_t len, size_t *at, uint32_t *sender, uint32_t *number)
{
    if (!mark_find(text, len, at))
        return false;
    uint64_t v;
    memcpy(&v, text + *at + 1, 8);
    v -= 0x4141414141414141u;
    if (v & 0xf0f0f0f0f0f0f0f0u)
        return false;
    v = (v | v >> 4) & 0x00ff00ff00ff00ffu;
    v = (v | v >> 8) & 0x0000ffff0000ffffu;
    v = (v | v >> 16) & 0xffffffffu;
    *sender = (uint32_t)v >> MARK_NUMBER_BITS;
    *number = (uint32_t)v & NUMBER_MASK;
    return true;
}

void track_start(struct track *t)
{
    *t = (struct track){ .last = NUMBER_MASK, .seen = ~0ull };     /* the first is 0; nothing before it is owed */
}

bool track_add(struct track *t, uint32_t number, struct faults *f)
{
    uint32_t ahead = (number - t->last) & NUMBER_MASK;
    if (ahead == 1) {
        t->seen = t->seen << 1 | 1;
        t->last = number;
        return true;
    }
    if (ahead - 1 < MARK_NUMBERS / 2) {                 /* some were passed over (0 wraps to far behind) */
        f->lost += ahead - 1;
        t->seen = ahead < 64 ? t->seen << ahead | 1 : 1;
        t->last = number;
        return true;
    }
    uint32_t behind = (t->last - number) & NUMBER_MASK;
    if (behind >= 64 || t->seen >> behind & 1) {
        f->duplicates++;
        return false;
    }
    t->seen |= 1ull << behind;
    f->reordered++;
    f->lost--;
    return true;
}

void track_end(const struct track *t, uint32_t next, struct faults *f)
{
    f->lost += (next - 1 - t->last) & NUMBER_MASK;
}
