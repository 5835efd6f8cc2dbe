/* What publishers send: an item of Pushpin's comes out as a request that is JSON, and every request is checked to its end. */
#include "item.h"

#include "json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct verb_limits limits = { 1000, 100000, 16 };
    struct span json = span_from(data, size);
    struct verb_problem problem = { 0 };
    struct request r;
    if (item_is(json)) {
        struct item item = { 0 };
        if (item_read(&item, SPAN(""), json, &problem) == OK) {
            if (json_check(buf_span(&item.request), JSON_MAX_DEPTH) != OK) abort();
            (void)verbs_check(&r, buf_span(&item.request), &limits, false, &problem);
        } else if (!problem.code) {
            abort();
        }
        item_fini(&item);
    }
    if (verbs_check(&r, json, &limits, false, &problem) != OK) return 0;
    struct buf body = { 0 };
    verbs_namespace(&body, &r);
    buf_clear(&body);
    if (r.verb <= VERB_disconnect) verbs_body(&body, &r, SPAN(""), SPAN(""), 1);
    buf_fini(&body);
    return 0;
}
