/* The first line is a packet; what decodes is encoded as it was. Each further line is a
 * binary frame for its assembly. */
#include "assembly.h"
#include "json.h"
#include "placeholder.h"

static void frames(const struct sio_packet *p, struct span rest)
{
    struct assembly *a = NULL;
    struct sio_packet again;
    struct span got[SIO_MAX_ATTACHMENTS], all = rest;
    enum err e = assembly_begin(&a, p, 1000);
    if (e) {
        NEED(!a);
        return;
    }
    NEED(placeholder_check(p->json, p->attachments) == OK);
    e = ERR_AGAIN;
    while (e == ERR_AGAIN && rest.len) e = assembly_add(a, span_cut(&rest, '\n'));
    if (e == OK) {
        assembly_packet(a, &again, got);
        NEED(span_same(again.json, p->json) && span_same(again.nsp, p->nsp) && span_same(again.name, p->name));
        for (unsigned i = 0; i < again.attachments; i++) NEED(span_same(got[i], span_cut(&all, '\n')));
    }
    assembly_destroy(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = span_from(data, size), in = span_cut(&rest, '\n');
    struct sio_packet p;
    if (sio_decode(&p, in) != OK) return 0;
    struct buf wire = { 0 };
    sio_print(&wire, &p);
    buf_clear(&wire);
    sio_encode(&wire, &p);
    struct span out = buf_span(&wire);
    /* a comma behind a bare namespace, and a namespace that says only what its absence says, are ours to choose */
    bool bare = p.json.len == 0, root = span_same(p.nsp, SPAN("/"));
    NEED(bare || root || span_same(out, in));
    struct sio_packet again;
    NEED(sio_decode(&again, out) == OK);
    NEED(again.type == p.type && again.id == p.id && again.attachments == p.attachments);
    NEED(span_same(again.nsp, p.nsp) && span_same(again.json, p.json) && span_same(again.name, p.name));
    if (p.attachments) frames(&p, rest);

    if (p.type == SIO_EVENT && json_type_of(p.name) == JSON_STRING) {
        struct buf name = { 0 };
        json_unquote(&name, p.name);
        struct sio_event e = { .nsp = p.nsp, .name = buf_span(&name), .args = p.json, .offset = SPAN("x"), .id = p.id };
        buf_clear(&wire);
        sio_event(&wire, &e);
        NEED(sio_decode(&again, buf_span(&wire)) == OK);
        buf_fini(&name);
    }
    buf_fini(&wire);
    return 0;
}
