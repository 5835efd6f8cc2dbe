/* usage - CPU seconds of the processes under test, and of ourselves.
 * Reads /proc, so a figure is taken at the instants the measurement begins
 * and ends, not when a driver gets round to it. */
#pragma once
#include <stddef.h>
#include <sys/types.h>

double usage_of(const pid_t *pids, size_t n);   /* user + system, all threads; exits 111 when one is gone */
double usage_self(void);
