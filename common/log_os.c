#include "log.h"
#include "err.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct log {
    char            id[32];
    enum log_level  level;
    int             fd;
    struct buf      line;           /* reused */
    struct log_rate rate;
};

struct log *log_new(const char *id, enum log_level level, int fd)
{
    struct log *self = calloc(1, sizeof *self);
    NEED(self);
    struct span name = span_head(span_of(id), sizeof self->id - 1);
    memcpy(self->id, name.ptr, name.len);
    self->level = level;
    self->fd = fd;
    return self;
}

void log_destroy(struct log **self)
{
    if (!*self) return;
    buf_fini(&(*self)->line);
    free(*self);
    *self = NULL;
}

void log_set_level(struct log *self, enum log_level level)
{
    self->level = level;
}

uint64_t log_held(const struct log *self)
{
    return self->rate.held;
}

static uint64_t clock_ms(clockid_t which)
{
    struct timespec t = { 0 };
    clock_gettime(which, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void line_write(int fd, struct buf *line)
{
    ssize_t n = write(fd, line->ptr, line->len);        /* one call a line: lines of several processes do not mix */
    (void)n;                                            /* nobody to tell */
}

static void log_line(struct log *self, enum log_level level, const char *msg, const char *pairs, va_list values)
{
    uint32_t repeated = 0;
    if (!self) {
        struct buf line = { 0 };
        log_format(&line, clock_ms(CLOCK_REALTIME), level, "", 0, msg, pairs, values);
        line_write(STDERR_FILENO, &line);
        buf_fini(&line);
        return;
    }
    if (level < self->level) return;
    if (level != LOG_FATAL && !log_rate_pass(&self->rate, span_of(msg), clock_ms(CLOCK_MONOTONIC), &repeated)) return;
    buf_clear(&self->line);
    log_format(&self->line, clock_ms(CLOCK_REALTIME), level, self->id, repeated, msg, pairs, values);
    line_write(self->fd, &self->line);
}

#define LOG_VERB(verb, LEVEL) \
    void log_##verb(struct log *self, const char *msg, const char *pairs, ...) \
    { \
        va_list values; \
        va_start(values, pairs); \
        log_line(self, LEVEL, msg, pairs, values); \
        va_end(values); \
    }
LOG_VERB(debug, LOG_DEBUG)
LOG_VERB(info,  LOG_INFO)
LOG_VERB(warn,  LOG_WARN)
LOG_VERB(error, LOG_ERROR)
LOG_VERB(fatal, LOG_FATAL)
