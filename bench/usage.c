#include "usage.h"

#include <err.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

double usage_of(const pid_t *pids, size_t n)
{
    double ticks = 0;
    for (size_t i = 0; i < n; i++) {
        char path[64], line[1024];
        snprintf(path, sizeof path, "/proc/%d/stat", (int)pids[i]);
        FILE *f = fopen(path, "re");
        if (!f || !fgets(line, sizeof line, f))
            err(111, "server process %d", (int)pids[i]);
        fclose(f);
        unsigned long utime, stime;
        const char *rest = strrchr(line, ')');      /* the name before it may hold anything */
        if (!rest || sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &utime, &stime) != 2)
            errx(111, "%s: unreadable", path);
        ticks += (double)utime + (double)stime;
    }
    return ticks / (double)sysconf(_SC_CLK_TCK);
}

double usage_self(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec)
           + (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}
