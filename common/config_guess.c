/* "Did you mean ...?" */
#include "config_table.h"

/* Edits (insert, delete, replace) from a to b; what is longer than 63 is far from everything. */
static unsigned distance(struct span a, struct span b)
{
    unsigned row[64];
    if (a.len > 63 || b.len > 63) return UINT32_MAX;
    for (unsigned j = 0; j <= b.len; j++) row[j] = j;
    for (unsigned i = 1; i <= a.len; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= b.len; j++) {
            unsigned replaced = diagonal + (a.ptr[i - 1] != b.ptr[j - 1]), other = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = replaced < other ? replaced : other;
        }
    }
    return row[b.len];
}

void config_guess(struct config_guess *best, struct span typed, struct span candidate)
{
    unsigned d = distance(typed, candidate);
    if (d > typed.len / 3 + 1 || d >= candidate.len) return;
    if (!best->name || d < best->distance) *best = (struct config_guess){ candidate.ptr, candidate.len, d };
}
