/* link_head - the header of a frame between daemons (docs/WIRE.md, "Frame").
 *
 *   u16 magic 0x5743   u8 version   u8 oldest version understood   u32 messages
 *   u64 epoch          u64 peer's epoch as far as known, 0: not yet
 *   u64 first          number of the first RELIABLE message in the frame, 0: none
 *   u64 received       u64 confirmed
 *
 * 48 bytes, little-endian; then the messages (msg.h). Two of type 0 are the
 * link's own: RELIABLE with a u64, "so many numbers were taken back: skip them";
 * DATAGRAM with a u8, link_head_word. Pure. */
#ifndef CAUSEWAY_LINK_HEAD_H
#define CAUSEWAY_LINK_HEAD_H

#include "msg.h"

enum { LINK_HEAD_BYTES = 48 };
#define LINK_NUMBER_MAX (UINT64_MAX / 4)    /* larger numbers are refused: sums can't overflow */

struct link_head {
    uint32_t messages;
    uint64_t epoch, peer, first, received, confirmed;
};

enum link_head_word {
    LINK_HEAD_AGAIN = 1,    /* I saw a hole: send again what follows 'received' */
    LINK_HEAD_SAY   = 2,    /* tell me where you stand */
};

/* The header and, by walking all of them, the messages behind it. ERR_TRUNC,
 * ERR_SYNTAX, ERR_VERSION, ERR_RANGE, ERR_UNKNOWN; *messages only if OK. */
enum err link_head_decode(struct link_head *head, struct span *messages, struct span frame);
void link_head_encode(struct buf *out, const struct link_head *head);

/* The next message of a frame that was decoded OK. */
struct link_item {
    enum msg_type type;
    struct span   fields;
    uint64_t      numbers;      /* how many it stands for: 1; of a skip: more; 0: a DATAGRAM */
    bool          own;          /* the link's */
};
bool link_head_next(struct span *messages, struct link_item *item);

void link_head_skip(struct buf *out, uint64_t numbers);
void link_head_say(struct buf *out, enum link_head_word word);

#endif
