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
#include <time.h>
#include <unistd.h>

enum { TRIM_MIN = 64 << 10, TRIM_MAX = 4 << 20 };     /* unused heap that is worth giving back: a 16th of all, between these */

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

static uint64_t us_of(struct timeval t)
{
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec;
}

/* The part in thousandths; what was there before stays where nothing can be said yet. */
static void set_share(uint64_t *permille, uint64_t part, uint64_t whole)
{
    if (whole) *permille = part * 1000 / whole;
}

static void read_share_of_cpu(struct process_stats *stats, struct process_marks *before, const struct rusage *use)
{
    struct timespec t = { 0 };
    clock_gettime(CLOCK_MONOTONIC, &t);
    uint64_t at = (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000, cpu = us_of(use->ru_utime) + us_of(use->ru_stime);
    if (before->at_us) set_share(&stats->process_cpu_permille, cpu - before->cpu_us, at - before->at_us);
    before->at_us = at, before->cpu_us = cpu;
}

/* Jiffies: user nice system idle iowait irq softirq steal (what guests use stands in user). */
static void read_host_cpu(struct process_stats *stats, struct process_marks *before)
{
    unsigned long long n[8] = { 0 };
    FILE *f = fopen("/proc/stat", "re");
    if (!f) return;
    int got = fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &n[0], &n[1], &n[2], &n[3], &n[4], &n[5], &n[6], &n[7]);
    fclose(f);
    if (got < 4) return;
    uint64_t all = 0, idle = n[3] + n[4];
    for (int i = 0; i < 8; i++) all += n[i];
    uint64_t busy = all - idle;
    if (before->host_all && all > before->host_all && busy >= before->host_busy) set_share(&stats->host_cpu_permille, busy - before->host_busy, all - before->host_all);
    before->host_all = all, before->host_busy = busy;
}

static void read_host_memory(struct process_stats *stats)
{
    unsigned long long total = 0, available = 0;
    char line[128];
    FILE *f = fopen("/proc/meminfo", "re");
    if (!f) return;
    while (fgets(line, sizeof line, f) && !available) {
        (void)sscanf(line, "MemTotal: %llu", &total);
        (void)sscanf(line, "MemAvailable: %llu", &available);
    }
    fclose(f);
    if (available <= total) set_share(&stats->host_memory_permille, total - available, total);
}

void process_stats_read(struct process_stats *stats, struct process_marks *before, uint64_t seq)
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
        read_share_of_cpu(stats, before, &use);
    }
    read_host_cpu(stats, before);
    read_host_memory(stats);
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

void process_one_heap(void)
{
    (void)mallopt(M_ARENA_MAX, 1);
}

bool process_trim(size_t *kept)
{
    struct mallinfo2 heap = mallinfo2();
    if (heap.fordblks < *kept) *kept = heap.fordblks;
    size_t worth = heap.arena / 16;
    worth = worth < TRIM_MIN ? TRIM_MIN : worth > TRIM_MAX ? TRIM_MAX : worth;
    if (heap.fordblks - *kept < worth) return false;
    malloc_trim(worth / 4);
    *kept = mallinfo2().fordblks;       /* it still counts what went back */
    return true;
}

uint64_t process_random(void)
{
    uint64_t n;
    if (getrandom(&n, sizeof n, 0) != (ssize_t)sizeof n) abort();   /* cannot happen after boot */
    return n;
}
