#include "blob.h"
#include "err.h"

#include <stdlib.h>

struct blob *blob_join(struct span a, struct span b)
{
    NEED(a.len <= UINT32_MAX && b.len <= UINT32_MAX - a.len);
    struct blob *blob = malloc(sizeof *blob + a.len + b.len);
    NEED(blob);
    blob->refs = 1;
    blob->len = (uint32_t)(a.len + b.len);
    if (a.len) memcpy(blob->bytes, a.ptr, a.len);
    if (b.len) memcpy(blob->bytes + a.len, b.ptr, b.len);
    return blob;
}

struct blob *blob_new(struct span bytes)
{
    return blob_join(bytes, (struct span){ "", 0 });
}

struct blob *blob_hold(struct blob *b)
{
    NEED(b->refs > 0 && b->refs < UINT32_MAX);
    b->refs++;
    return b;
}

void blob_drop(struct blob **b)
{
    if (!*b) return;
    NEED((*b)->refs > 0);
    if (--(*b)->refs == 0) free(*b);
    *b = NULL;
}
