#include "link_head.h"
#include "little.h"

enum { MAGIC = 0x5743 };

void link_head_encode(struct buf *out, const struct link_head *head)
{
    char *at = buf_room(out, LINK_HEAD_BYTES);
    at = little_put(at, MAGIC, 2);
    at = little_put(at, MSG_VERSION, 1);
    at = little_put(at, MSG_VERSION_MIN, 1);
    at = little_put(at, head->messages, 4);
    at = little_put(at, head->epoch, 8);
    at = little_put(at, head->peer, 8);
    at = little_put(at, head->first, 8);
    at = little_put(at, head->received, 8);
    (void)little_put(at, head->confirmed, 8);
    buf_grew(out, LINK_HEAD_BYTES);
}

static enum err next(struct span *messages, struct link_item *item, bool *more)
{
    enum err e;
    unsigned byte = messages->len >= MSG_HEAD_BYTES ? (unsigned char)messages->ptr[MSG_HEAD_BYTES - 1] : 0;
    *more = msg_next(messages, &item->type, &item->fields, &e);
    if (!*more) return e;
    item->own = (byte & ~(unsigned)MSG_DATAGRAM_BIT) == 0;
    item->numbers = byte & MSG_DATAGRAM_BIT ? 0 : 1;
    if (!item->own || item->numbers == 0) return OK;
    if (item->fields.len < 8) return ERR_TRUNC;
    item->numbers = little_get(item->fields.ptr, 8);
    return item->numbers == 0 || item->numbers > LINK_NUMBER_MAX ? ERR_RANGE : OK;
}

static enum err check(const struct link_head *head, struct span messages)
{
    if (head->epoch == 0 || head->first > LINK_NUMBER_MAX || head->received > LINK_NUMBER_MAX) return ERR_RANGE;
    if (head->confirmed > head->received) return ERR_RANGE;
    struct link_item item;
    uint64_t count = 0, numbers = 0;
    for (bool more = true; more; count++) {
        enum err e = next(&messages, &item, &more);
        if (e != OK) return e;
        if (!more) break;
        numbers += item.numbers;
        if (numbers > LINK_NUMBER_MAX) return ERR_RANGE;
    }
    if (count != head->messages) return ERR_SYNTAX;
    return (numbers > 0) == (head->first > 0) ? OK : ERR_RANGE;
}

enum err link_head_decode(struct link_head *head, struct span *messages, struct span frame)
{
    if (frame.len < LINK_HEAD_BYTES) return ERR_TRUNC;
    const char *at = frame.ptr;
    if (little_get(at, 2) != MAGIC) return ERR_SYNTAX;
    if (little_get(at + 2, 1) < MSG_VERSION_MIN || little_get(at + 3, 1) > MSG_VERSION) return ERR_VERSION;
    *head = (struct link_head){
        .messages = (uint32_t)little_get(at + 4, 4), .epoch = little_get(at + 8, 8), .peer = little_get(at + 16, 8),
        .first = little_get(at + 24, 8), .received = little_get(at + 32, 8), .confirmed = little_get(at + 40, 8),
    };
    *messages = span_skip(frame, LINK_HEAD_BYTES);
    return check(head, *messages);
}

bool link_head_next(struct span *messages, struct link_item *item)
{
    bool more;
    return next(messages, item, &more) == OK && more;
}

static void add(struct buf *out, unsigned type, uint64_t n, size_t bytes)
{
    char *at = buf_room(out, MSG_HEAD_BYTES + bytes);
    at = little_put(at, 1 + bytes, 4);
    at = little_put(at, type, 1);
    (void)little_put(at, n, bytes);
    buf_grew(out, MSG_HEAD_BYTES + bytes);
}

void link_head_skip(struct buf *out, uint64_t numbers)
{
    add(out, 0, numbers, 8);
}

void link_head_say(struct buf *out, enum link_head_word word)
{
    add(out, MSG_DATAGRAM_BIT, word, 1);
}
