#include "reserved.h"

#include "json.h"

static const char *const names[] = { "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener" };

bool reserved_name(struct span quoted)
{
    /* Almost no name begins as one of them does: by its letter, or hidden in an escape. */
    if (quoted.len < 2 || !memchr("cdnr\\", quoted.ptr[1], 5)) return false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (json_string_is(quoted, span_of(names[i]))) return true;
    return false;
}
