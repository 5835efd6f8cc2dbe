/* talk - asking the supervisor over <state>/control.sock. Blocking: for commands. */
#ifndef CAUSEWAY_CLI_TALK_OS_H
#define CAUSEWAY_CLI_TALK_OS_H

#include "control.h"
#include "place_os.h"

/* Each line that comes, the last one (with "ok") too. */
typedef void talk_fn(void *self, struct span line);

enum talk_end { TALK_OK, TALK_FAILED, TALK_CUT, TALK_NOBODY };  /* cut: it ended without an answer */
enum talk_end talk(const struct place *p, const struct control_request *r, talk_fn *fn, void *self);
enum talk_end talk_read(int fd, talk_fn *fn, void *self);       /* until its end; closes fd */

bool talk_status(const struct place *p, struct buf *json);      /* false: no supervisor answers */

/* Says the events of a request to people, as they come. */
struct talk_report {
    const struct place *place;
    unsigned bad;                       /* exits that were not 0 */
    struct buf failed_id, error;        /* of the last line, where it says so */
    int64_t  code;
};
void talk_report_line(void *self, struct span line);
void talk_report_fini(struct talk_report *r);
/* The reason of a failed request, with the end of that unit's log. */
void talk_report_why(const struct talk_report *r);

#endif
