#include "assembly.h"

#include "placeholder.h"

#include <stdlib.h>

struct assembly {
    struct buf        bytes;            /* namespace, payload, then each frame */
    size_t            max_bytes;
    struct sio_packet packet;           /* but for its spans: these are rebuilt from the lengths below */
    size_t            nsp_len, json_len;
    size_t            name_at, name_len;    /* within the payload */
    unsigned          count;            /* frames that came */
    size_t            ends[SIO_MAX_ATTACHMENTS];    /* of each of them, in 'bytes' */
};

enum err assembly_begin(struct assembly **self, const struct sio_packet *p, size_t max_bytes)
{
    NEED(p->attachments > 0 && p->attachments <= SIO_MAX_ATTACHMENTS);
    if (*self) return ERR_STATE;
    if (p->json.len > max_bytes || p->nsp.len > max_bytes - p->json.len) return ERR_LIMIT;
    enum err e = placeholder_check(p->json, p->attachments);
    if (e) return e;

    struct assembly *a = malloc(sizeof *a);
    NEED(a);
    *a = (struct assembly){
        .max_bytes = max_bytes, .packet = *p,
        .nsp_len = p->nsp.len, .json_len = p->json.len,
        .name_at = p->name.len ? (size_t)(p->name.ptr - p->json.ptr) : 0, .name_len = p->name.len,
    };
    buf_add(&a->bytes, p->nsp);
    buf_add(&a->bytes, p->json);
    *self = a;
    return OK;
}

enum err assembly_add(struct assembly *self, struct span frame)
{
    if (!self || self->count == self->packet.attachments) return ERR_STATE;
    if (frame.len > self->max_bytes - self->bytes.len) return ERR_LIMIT;
    buf_add(&self->bytes, frame);
    self->ends[self->count++] = self->bytes.len;
    return self->count < self->packet.attachments ? ERR_AGAIN : OK;
}

void assembly_packet(const struct assembly *self, struct sio_packet *p, struct span attachments[SIO_MAX_ATTACHMENTS])
{
    const char *bytes = self->bytes.ptr;
    size_t at = self->nsp_len + self->json_len;
    NEED(self->count == self->packet.attachments);
    *p = self->packet;
    p->nsp = span_from(bytes, self->nsp_len);
    p->json = span_from(bytes + self->nsp_len, self->json_len);
    p->name = span_from(p->json.ptr + self->name_at, self->name_len);
    for (unsigned i = 0; i < self->count; at = self->ends[i++])
        attachments[i] = span_from(bytes + at, self->ends[i] - at);
}

size_t assembly_bytes(const struct assembly *self)
{
    return self ? sizeof *self + self->bytes.cap : 0;
}

void assembly_destroy(struct assembly **self)
{
    if (!*self) return;
    buf_fini(&(*self)->bytes);
    free(*self);
    *self = NULL;
}
