#include "refusal.h"

static const struct { const char *name, *text; } rows[REFUSED_COUNT] = {
    [REFUSED_NOT] = { "ok", "" },
#define REASON(name, text, doc) [REFUSED_##name] = { #name, text },
#include "reasons.def"
#undef REASON
};

const char *refusal_name(enum refusal r)
{
    return r < REFUSED_COUNT ? rows[r].name : "?";
}

const char *refusal_text(enum refusal r)
{
    return r < REFUSED_COUNT ? rows[r].text : "";
}
