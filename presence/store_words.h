/* store_words - what the store writes, in Redis' words: appended to its batch. For store.c and nobody else. */
#ifndef CAUSEWAY_STORE_WORDS_H
#define CAUSEWAY_STORE_WORDS_H

#include "store.h"

/* What an answer is for. Of an ended socket's commands the last one is TAG_ENDED. */
enum tag { TAG_WRITE, TAG_ENDED, TAG_SWEEP, TAG_LIMIT, TAG_WATCH /* and enum watch_tag */ };

void store_write_user(struct store *self, struct user *u);              /* as it is now; it is clean then */
void store_write_ended(struct store *self, const struct blob *ended);   /* store_ending's */

#endif
