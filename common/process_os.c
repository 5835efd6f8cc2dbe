#include "process_os.h"

#define STATS     process_stats
#define STATS_DEF "process_stats.def"
#define STATS_ROWS
#include "stats_table.h"

#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRIM_BYTES = 4 << 20 };

static uint64_t ms_of(struct timeval t)
{
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_usec / 1000;
}

/* Linux 6.2 tells the number as the size of the directory. Before, it is read,
 * and the more it holds the less often. */
static void count_fds(struct process_stats *stats, uint64_t seq)
{
    struct stat s;
    if (stat("/proc/self/fd", &s) == 0 && s.st_size > 0) { stats->process_fds = (uint64_t)s.st_size; return; }
    if (seq % (1 + stats->process_fds / 500) != 0) return;
    DIR *dir = opendir("/proc/self/fd");
    if (!dir) return;
    uint64_t n = 0;
    while (readdir(dir)) n++;
    closedir(dir);
    stats->process_fds = n > 3 ? n - 3 : 0;         /* ".", ".." and the directory itself */
}

void process_stats_read(struct process_stats *stats, uint64_t seq)
{
    unsigned long long total = 0, resident = 0, shared = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f) {
        if (fscanf(f, "%llu %llu %llu", &total, &resident, &shared) == 3) {
            uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
            stats->process_rss_bytes = resident * page;
            stats->process_private_bytes = (resident - shared) * page;
        }
        fclose(f);
    }
    struct rusage use;
    if (getrusage(RUSAGE_SELF, &use) == 0) {
        stats->process_cpu_user_ms = ms_of(use.ru_utime);
        stats->process_cpu_system_ms = ms_of(use.ru_stime);
    }
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) stats->process_fds_max = limit.rlim_cur;
    count_fds(stats, seq);
}

uint64_t process_raise_fds(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
    rlim_t want = limit.rlim_max > PROCESS_FDS_MAX ? PROCESS_FDS_MAX : limit.rlim_max;
    if (limit.rlim_cur != want) {
        struct rlimit raised = { want, limit.rlim_max };
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit.rlim_cur = want;
    }
    return limit.rlim_cur;
}

bool process_trim(size_t *kept)
{
    struct mallinfo2 heap = mallinfo2();
    if (heap.fordblks < *kept) *kept = heap.fordblks;
    if (heap.fordblks - *kept < TRIM_BYTES) return false;
    malloc_trim(TRIM_BYTES / 4);
    *kept = mallinfo2().fordblks;       /* it still counts what went back */
    return true;
}

uint64_t process_random(void)
{
    uint64_t n;
    if (getrandom(&n, sizeof n, 0) != (ssize_t)sizeof n) abort();   /* cannot happen after boot */
    return n;
}
