/* jsonp - polling by script elements, for browsers without cross-origin requests: either
 * version's clients ask for it with 'j' in the query.
 *
 *     j=0    ___eio[0]("4hello");       an answer is a call of the client's function of that number
 *            d=4hello                   a POST is a form with one field
 *
 * Forms may rewrite line ends, so the client writes them as \n, and \n as \\n. Pure. */
#ifndef CAUSEWAY_GATEWAY_JSONP_H
#define CAUSEWAY_GATEWAY_JSONP_H

#include "buf.h"

enum { JSONP_DIGITS_MAX = 20 };

struct jsonp {
    bool    asked;
    uint8_t digits;
    char    number[JSONP_DIGITS_MAX];       /* no terminator */
};

struct jsonp jsonp_of(struct span value);       /* the query's value; ptr NULL: there is none */
void jsonp_answer(struct buf *out, const struct jsonp *j, struct span utf8);
/* A form's payload. False: it has no field 'd'. */
bool jsonp_form(struct buf *out, struct span body);

#endif
