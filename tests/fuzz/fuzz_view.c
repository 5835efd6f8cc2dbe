/* Rosters: whatever is taken has sorted members and owners, and is found again. */
#include "view.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct msg_ROSTER roster;
    enum view_change change;
    if (msg_decode_ROSTER(&roster, span_from(data, size)) != OK) return 0;
    struct view *view = view_new();
    if (view_take(view, &roster, &change) == OK) {
        if (view_number(view) != roster.view || change == VIEW_SAME) abort();
        for (size_t i = 0; i < view_count(view); i++) {
            const struct member *m = view_member(view, i);
            if (view_find(view, m->role, m->number) != m) abort();
        }
        const struct owners *owners = view_coming(view);
        for (size_t i = 1; i < owners->count; i++)
            if (owners->number[i - 1] >= owners->number[i]) abort();
        roster.phase = ROSTER_ACTIVE;
        if (view_take(view, &roster, &change) != OK || view_holding(view)) abort();
    } else if (view_count(view) || view_number(view)) {
        abort();
    }
    view_destroy(&view);
    return 0;
}
