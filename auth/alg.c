#include "alg.h"

static const struct alg_row rows[ALG_COUNT] = {
    [ALG_NONE] = { "", 0, "", "", 0 },
#define ALG(name, family, digest, curve, length) [ALG_##name] = { #name, ALG_##family, digest, curve, length },
#include "algs.def"
#undef ALG
};

const struct alg_row *alg_row(enum alg alg)
{
    return &rows[alg < ALG_COUNT ? alg : ALG_NONE];
}

enum alg alg_of(struct span name)
{
    for (enum alg a = 1; a < ALG_COUNT; a++)
        if (span_same(name, span_of(rows[a].name))) return a;
    return ALG_NONE;
}

alg_set alg_of_family(enum alg_family family)
{
    alg_set set = 0;
    for (enum alg a = 1; a < ALG_COUNT; a++)
        if (rows[a].family == family) set |= alg_bit(a);
    return set;
}

alg_set alg_of_curve(struct span curve)
{
    alg_set set = 0;
    for (enum alg a = 1; a < ALG_COUNT; a++)
        if (curve.len && span_same(curve, span_of(rows[a].curve))) set |= alg_bit(a);
    return set;
}
