/* json - JSON without a tree: check, scan, pick, quote (RFC 8259).
 *
 * Payloads cross Causeway as the bytes they came as; this module checks them
 * once (structure, strings, numbers, UTF-8, depth) and then finds values by
 * key or index in text that was checked. No allocation but in the caller's
 * buf. Nothing here changes a number or drops a duplicate key. A lone
 * surrogate escape (\ud800) is carried: JavaScript sends it. */
#ifndef CAUSEWAY_JSON_H
#define CAUSEWAY_JSON_H

#include "buf.h"
#include "err.h"
#include "utf8.h"

enum json_type { JSON_NONE, JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* Arrays and objects inside one another: the default of the limit, and the
 * most that a caller may ask for. */
#define JSON_MAX_DEPTH 64
#define JSON_DEEPEST   1024

/* Checks that 'in' is exactly one JSON value (blanks around it allowed).
 * ERR_TRUNC, ERR_SYNTAX, ERR_DEPTH, ERR_UTF8. */
enum err json_check(struct span in, unsigned max_depth);

/* All below take text that json_check found OK. */
enum json_type json_type_of(struct span value);     /* JSON_NONE of nothing */
struct span json_eat(struct span *in);              /* the first whole value; trims blanks; empty at the end */
struct span json_find(struct span object, struct span key);     /* the last value of that key (as JS does), or empty */
bool json_next(struct span *array, struct span *element);       /* walks; *array starts as the whole "[...]" */
bool json_next_member(struct span *object, struct span *key, struct span *value);   /* key: still quoted */
bool json_is_true(struct span value);
bool json_to_uint(struct span value, uint64_t max, uint64_t *n);    /* an integer 0..max without sign, point or exponent */
void json_unquote(struct buf *out, struct span string);     /* quoted text to UTF-8; a lone surrogate becomes U+FFFD */
bool json_string_is(struct span string, struct span text);  /* a quoted string that means 'text' */
struct span json_inside(struct span string);        /* without its quotes */
bool json_next_point(struct span *text, uint32_t *point);   /* of what is inside: the next character, an escape as what it means (a lone surrogate as itself) */
size_t json_utf16_length(struct span string);       /* of a quoted string, in UTF-16 units, as JavaScript counts */

/* With the quotes; control characters and U+2028/9 escaped. What is not UTF-8 becomes U+FFFD. */
void json_quote(struct buf *out, struct span utf8);
/* As JavaScript prints it: the fewest digits that mean this number; null where it is not finite. */
void json_add_number(struct buf *out, double n);

/* An EVENT's payload ["name", ...]: the name still quoted (or a number).
 * ERR_TYPE where it is no array or begins with anything else. */
enum err json_event_name(struct span payload, struct span *name);

#endif
