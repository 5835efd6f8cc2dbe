/* What is generated says what the tables say now: 'make docs' was run. */
#include "msg.h"
#include "t.h"
#include "verbs.h"
#include "work_frame.h"

#include <stdio.h>

static void ends_with(const char *path, void (*document)(struct buf *markdown))
{
    struct buf want = { 0 }, got = { 0 };
    FILE *f = fopen(path, "r");
    if (!f) FAIL("no %s: run 'make docs'", path);
    for (size_t n; (n = fread(buf_room(&got, 65536), 1, 65536, f)) > 0; ) buf_grew(&got, n);
    fclose(f);
    document(&want);
    bool same = got.len > want.len && span_same(span_skip(buf_span(&got), got.len - want.len), buf_span(&want));
    buf_fini(&want), buf_fini(&got);
    if (!same) FAIL("%s is not what the table says: run 'make docs'", path);
}

TEST(docs_wire_is_what_msg_def_says) { ends_with("docs/WIRE.md", msg_document); }
TEST(docs_workers_is_what_work_def_says) { ends_with("docs/WORKERS.md", work_frame_document); }
TEST(docs_zmq_api_is_what_verbs_def_says) { ends_with("docs/ZMQ-API.md", verbs_document); }
