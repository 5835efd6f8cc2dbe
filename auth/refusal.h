/* refusal - why a token is refused: reasons.def as an enum. Pure. */
#ifndef CAUSEWAY_REFUSAL_H
#define CAUSEWAY_REFUSAL_H

enum refusal {
    REFUSED_NOT,                /* it is good */
#define REASON(name, text, doc) REFUSED_##name,
#include "reasons.def"
#undef REASON
    REFUSED_COUNT
};

const char *refusal_name(enum refusal r);     /* "expired"; "ok" */
const char *refusal_text(enum refusal r);     /* what the client is told; "" */

#endif
