#include "shared/telemetry/process_stats.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void read_usage(struct process_stats *stats)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return;
    stats->cpu_seconds = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

static void read_memory(struct process_stats *stats)
{
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL)
        return;
    long total = 0, resident = 0;
    if (fscanf(file, "%ld %ld", &total, &resident) == 2) {
        stats->virtual_bytes = (int64_t)total * sysconf(_SC_PAGESIZE);
        stats->resident_bytes = (int64_t)resident * sysconf(_SC_PAGESIZE);
    }
    fclose(file);
}

/* The machine's boot time in seconds since 1970. */
static double read_boot_time(void)
{
    FILE *file = fopen("/proc/stat", "re");
    if (file == NULL)
        return 0;
    char line[256];
    long long boot = 0;
    while (fgets(line, sizeof line, file) != NULL && sscanf(line, "btime %lld", &boot) != 1)
        ;
    fclose(file);
    return (double)boot;
}

/* Reads fields 20 (threads) and 22 (start, in ticks since boot) of /proc/self/stat; the name in field 2 may contain
 * anything. */
static void read_stat(struct process_stats *stats)
{
    FILE *file = fopen("/proc/self/stat", "re");
    if (file == NULL)
        return;
    char text[1024];
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = '\0';
    const char *rest = strrchr(text, ')');
    long long threads, start_ticks;
    if (rest == NULL ||
        sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %lld %*d %lld", &threads,
               &start_ticks) != 2)
        return;
    stats->threads = threads;
    stats->start_time_seconds = read_boot_time() + (double)start_ticks / (double)sysconf(_SC_CLK_TCK);
}

static void read_fds(struct process_stats *stats)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        stats->max_fds = (int64_t)limit.rlim_cur;
    DIR *directory = opendir("/proc/self/fd");
    if (directory == NULL)
        return;
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory))
        stats->open_fds += entry->d_name[0] != '.';
    stats->open_fds--; /* the directory's own */
    closedir(directory);
}

void process_stats_read(struct process_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    read_usage(stats);
    read_memory(stats);
    read_stat(stats);
    read_fds(stats);
}
