/* What workers say, line by line: the first byte is who says it, '?' is a gateway's request, '!' a worker that is gone, '+' time that passes.
 * Whatever it is, each request is answered once at most, and the core ends empty. */
#include "work.h"

#include <stdlib.h>

static char all[] = "*";
static char *any[] = { all };

static void look(struct work *work, struct effects *out, unsigned asked, unsigned *answers)
{
    struct work_said said;
    while (work_next(work, &said)) {
        NEED(said.peer && said.json->len);
        blob_drop(&said.peer), blob_drop(&said.json), blob_drop(&said.attachments);
    }
    for (size_t i = 0; i < out->count; i++) {
        struct span rest = blob_span(out->at[i].message), fields;
        enum msg_type type;
        enum err e;
        struct msg_WORKED m;
        NEED(msg_next(&rest, &type, &fields, &e));
        if (type != MSG_WORKED) continue;
        NEED(msg_decode_WORKED(&m, fields) == OK && m.ref && m.ref <= asked && ++answers[m.ref] == 1);
    }
    effects_clear(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { ASKED_MAX = 256 };
    struct config c = { 0 };
    struct router_stats stats = { 0 };
    struct effects out = { 0 };
    struct router_time now = { 1000, 5 };
    unsigned asked = 0, answers[ASKED_MAX + 1] = { 0 };
    c.router.worker.namespaces = (struct config_strings){ any, 1 };
    c.router.max_body_bytes = 1 << 16, c.router.max_addresses_count = 4, c.router.max_worker_requests = 4, c.router.max_workers = 3;
    c.router.worker_beat_ms = 100, c.router.worker_silence_ms = 500, c.router.worker_tries_count = 2, c.router.worker_queue_count = 8, c.router.worker_queue_bytes = 4096;
    struct work *work = work_new(&(struct work_options){ .config = &c, .stats = &stats, .id = SPAN("router-0"), .epoch = 1, .seed = { 1, 2 } });
    work_on_gateway(work, 0, &out);
    for (struct span in = span_from(data, size), line; in.len && asked < ASKED_MAX; ) {
        line = span_cut(&in, '\n');
        if (!line.len) continue;
        struct span peer = span_head(line, 1), rest = span_skip(line, 1), frames[3] = { { "", 0 } };
        if (peer.ptr[0] == '?') {
            (void)work_on_request(work, rest.len & 1, &(struct msg_WORK){ .ref = ++asked, .patience = 300, .nsp = SPAN("/"), .socket = span_head(rest, 1),
                .event = SPAN("\"say\""), .args = SPAN("[1]") }, now, &out);
        } else if (peer.ptr[0] == '!') {
            work_on_gone(work, span_head(rest, 1), now, &out);
        } else if (peer.ptr[0] == '+') {
            now.mono += 50 * rest.len;
            work_on_time(work, now, &out);
        } else {
            size_t n = 0;
            while (n < 3 && (rest.len || !n)) frames[n++] = span_cut(&rest, '\t');
            (void)work_on_frames(work, peer, frames, n, now, &out);
        }
        look(work, &out, asked, answers);
    }
    work_drain(work, &out);
    work_forget_gateway(work, 0), work_forget_gateway(work, 1);
    now.mono += 1000;
    work_on_time(work, now, &out);
    NEED(work_quiet(work) && stats.workers_open == 0 && stats.work_open == 0 && stats.work_bytes == 0 && stats.work_waiting == 0 && stats.work_stuck == 0);
    work_destroy(&work);
    effects_fini(&out);
    return 0;
}
