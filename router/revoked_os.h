/* revoked_os - the file of a router's list of revoked tokens: <state>/router-0.revoked.
 *
 * A line that says what it is, then REVOCATIONs as strs. Changes are appended and synced before anybody is told
 * that they are held; once there is more that is void than that counts, the file is written anew beside the old
 * one, synced, and takes its place. A torn end (the machine died) is cut off at the next start. One owner: main. */
#ifndef CAUSEWAY_ROUTER_REVOKED_OS_H
#define CAUSEWAY_ROUTER_REVOKED_OS_H

#include "buf.h"

struct revoked_file {
    struct buf path;
    int        fd;              /* -1: not open */
    size_t     bytes;
};

/* Its content, behind the first line; empty where there is no file yet. False: 'why', and errno. */
bool revoked_file_read(struct revoked_file *self, const char *state_dir, uint16_t number, struct buf *content, struct buf *why);
bool revoked_file_append(struct revoked_file *self, struct span entries);       /* and synced. False: errno */
bool revoked_file_replace(struct revoked_file *self, struct span entries);      /* false: errno; the old one stands */
bool revoked_file_loose(const struct revoked_file *self, size_t live);          /* is most of it void? */
void revoked_file_close(struct revoked_file *self);

#endif
