/* err - the one error type of the tree: a value, never errno, never a string.
 *
 * What a peer can get wrong comes back as an 'enum err'; what the world gets
 * wrong (Redis away, a peer gone) is a state; what we get wrong aborts.
 * The list is err.def; err_name is the identifier, err_text a sentence. */
#ifndef CAUSEWAY_ERR_H
#define CAUSEWAY_ERR_H

enum err {
#define ERR(name, text) name,
#include "err.def"
#undef ERR
    ERR_COUNT
};

const char *err_name(enum err e);   /* "ERR_SYNTAX" */
const char *err_text(enum err e);   /* "not of the expected form" */

/* Our own fault: prints file, line and the broken expectation, then aborts.
 * The supervisor restarts the daemon. */
#define NEED(expectation) \
    ((expectation) ? (void)0 : err_abort(__FILE__, __LINE__, #expectation))
_Noreturn void err_abort(const char *file, int line, const char *expectation);

#endif
