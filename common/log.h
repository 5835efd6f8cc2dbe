/* log - one logfmt line per event; the formatting and the rate limit are pure.
 *
 *     ts=2026-11-21T04:18:02.123Z level=info id=router-0 msg="peer up" peer=gateway-1 epoch=7
 *
 *     log_info(log, "peer up", "peer=%s epoch=%" PRIu64, id, epoch);
 *     log_warn(log, "frame refused", "peer=%s why=%s", id, err_name(e));
 *     log_info(log, "draining", "");
 *
 * The pairs are a printf format (the compiler checks the arguments) of words
 * key=%conversion: s, .*s, d i u x c with h hh l ll z j. Each value is quoted on
 * its own where it needs it, control characters are escaped and long values cut,
 * so nothing from outside can forge a line or a key. No payloads, no tokens.
 *
 * The same msg is written LOG_BURST times in LOG_WINDOW_MS, then only counted; the
 * next line that is written says repeated=N. Fatal lines are never held back. */
#ifndef CAUSEWAY_LOG_H
#define CAUSEWAY_LOG_H

#include "buf.h"

#include <stdarg.h>

#define LOG_BURST     10
#define LOG_WINDOW_MS 10000
#define LOG_VALUE_MAX 256       /* bytes of one value; the rest is cut */

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_FATAL, LOG_LEVELS };
const char *log_level_name(enum log_level level);
bool log_level_of(struct span name, enum log_level *level);

/* ---- pure */
enum { LOG_KEYS = 128 };        /* messages that are told apart; more than these share a count */
struct log_rate {
    struct log_key { uint64_t hash, since; uint32_t written, held; } key[LOG_KEYS];
    uint64_t held;              /* in all */
};
/* May a line with this msg be written now? *repeated: how many were held back since the last. */
bool log_rate_pass(struct log_rate *r, struct span msg, uint64_t now, uint32_t *repeated);
/* Appends one line with its newline. wall: Unix ms. */
void log_format(struct buf *out, uint64_t wall, enum log_level level, const char *id, uint32_t repeated,
                const char *msg, const char *pairs, va_list values);
void log_quote(struct buf *out, struct span value);     /* as it is, or "quoted" */

/* ---- log_os.c: to a file descriptor. A NULL log writes to stderr without a limit: before there is one. */
struct log;
struct log *log_new(const char *id, enum log_level level, int fd);      /* fd: usually 2; stays the caller's */
void log_destroy(struct log **self);
void log_set_level(struct log *self, enum log_level level);
uint64_t log_held(const struct log *self);      /* lines that the limit held back, for the stats */

#define LOG_PRINTF __attribute__((format(printf, 3, 4)))
void log_debug(struct log *self, const char *msg, const char *pairs, ...) LOG_PRINTF;
void log_info (struct log *self, const char *msg, const char *pairs, ...) LOG_PRINTF;
void log_warn (struct log *self, const char *msg, const char *pairs, ...) LOG_PRINTF;
void log_error(struct log *self, const char *msg, const char *pairs, ...) LOG_PRINTF;
void log_fatal(struct log *self, const char *msg, const char *pairs, ...) LOG_PRINTF;   /* the caller exits */
#undef LOG_PRINTF

#endif
