#include "shared/process/memory.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "shared/telemetry/log.h"

#define MIB           (UINT64_C(1) << 20)
#define RESERVE_MIN   (16 * MIB)
#define RESERVE_MAX   (256 * MIB)
#define RESERVE_SHARE 16
#define UNLIMITED     (UINT64_C(1) << 60) /* v1 writes "none" as the largest multiple of a page */
#define PATH_BYTES    512

/* --- files of numbers --- */

/* False when the file is missing or contains no number ("max"). */
static bool read_number(const char *path, uint64_t *number)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    bool read = fscanf(file, "%" SCNu64, number) == 1;
    fclose(file);
    return read;
}

/* Sums the numbers in the lines of `path` whose name is one of `names`, which ends with NULL. */
static bool read_sum(const char *path, const char *const names[], uint64_t *sum)
{
    FILE *file = fopen(path, "re");
    char line[256], name[64];
    uint64_t number;
    if (file == NULL)
        return false;
    *sum = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "%63[^: ]%*[: \t]%" SCNu64, name, &number) != 2)
            continue;
        for (size_t i = 0; names[i] != NULL; i++)
            *sum += strcmp(name, names[i]) == 0 ? number : 0;
    }
    fclose(file);
    return true;
}

/* A number from /proc/PID/status, converted to bytes. */
static uint64_t read_status(const struct memory_places *places, const char *const names[])
{
    char path[PATH_BYTES];
    uint64_t kib = 0;
    snprintf(path, sizeof path, "%s/status", places->process);
    return read_sum(path, names, &kib) ? kib * 1024 : 0;
}

/* --- bounds --- */

static uint64_t room(const struct memory_bound *bound)
{
    if (bound->limit == 0)
        return UINT64_MAX;
    return bound->used < bound->limit ? bound->limit - bound->used : 0;
}

/* Keeps the tighter limit. */
static void consider(struct memory_bound *bound, uint64_t limit, uint64_t used, const char *name)
{
    struct memory_bound other = {.limit = limit, .used = used};
    snprintf(other.name, sizeof other.name, "%s", name);
    if (limit > 0 && limit < UNLIMITED && room(&other) < room(bound))
        *bound = other;
}

static void consider_rlimit(struct memory_bound *bound, const struct memory_places *places, int resource,
                            const char *field, const char *name)
{
    struct rlimit limit;
    const char *const fields[] = {field, NULL};
    if (getrlimit((__rlimit_resource_t)resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        consider(bound, limit.rlim_cur, read_status(places, fields), name);
}

/* The names in the two versions of control groups. */
struct version {
    const char *root; /* of the hierarchy, relative to the mount point of both */
    const char *limits[3];
    const char *used[8]; /* in memory.stat; not reclaimable from a group and its children */
};

static const struct version v1 = {
    .root = "/memory",
    .limits = {"memory.limit_in_bytes"},
    .used = {"total_rss", "total_shmem"},
};

static const struct version v2 = {
    .root = "",
    .limits = {"memory.max", "memory.high"},
    .used = {"anon", "shmem", "kernel_stack", "pagetables", "sock", "slab_unreclaimable"},
};

static void consider_group(struct memory_bound *bound, const char *folder, const struct version *version,
                           const char *group)
{
    char path[PATH_BYTES + 32], name[64];
    uint64_t limit = UNLIMITED, number, used;
    for (size_t i = 0; version->limits[i] != NULL; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, version->limits[i]);
        if (read_number(path, &number) && number < limit)
            limit = number;
    }
    snprintf(path, sizeof path, "%s/memory.stat", folder);
    if (limit == UNLIMITED || !read_sum(path, version->used, &used))
        return;
    snprintf(name, sizeof name, "the control group %.40s", group[0] == '\0' ? "/" : group);
    consider(bound, limit, used, name);
}

/* Considers the group and all its parents. In a container the path may be the host's, which is not mounted; the mounted
 * root is then the container's own group. */
static void consider_groups(struct memory_bound *bound, const struct memory_places *places,
                            const struct version *version, char *group)
{
    char folder[PATH_BYTES];
    for (bool top = false; !top;) {
        top = group[0] == '\0';
        snprintf(folder, sizeof folder, "%s%s%s", places->groups, version->root, group);
        consider_group(bound, folder, version, group);
        if (!top)
            *strrchr(group, '/') = '\0';
    }
}

/* A line is "0::/group" in version 2 and "4:memory:/group" in version 1, where controllers may share a hierarchy. */
static void consider_line(struct memory_bound *bound, const struct memory_places *places, char *line)
{
    char *controllers = strchr(line, ':');
    char *group = controllers == NULL ? NULL : strchr(controllers + 1, ':');
    if (group == NULL || group[1] != '/')
        return;
    *group++ = '\0';
    group[strcspn(group, "\n")] = '\0';
    if (strcmp(group, "/") == 0)
        group[0] = '\0';
    if (controllers[1] == '\0')
        consider_groups(bound, places, &v2, group);
    else if (strstr(controllers, "memory") != NULL)
        consider_groups(bound, places, &v1, group);
}

void memory_read(const struct memory_places *places, uint64_t bytes_max, struct memory_bound *bound)
{
    static const char *const own[] = {"RssAnon", "RssShmem", NULL};
    char path[PATH_BYTES], line[PATH_BYTES];
    *bound = (struct memory_bound){.limit = 0};
    if (bytes_max > 0)
        consider(bound, bytes_max, read_status(places, own), "memory_mb_max");
    consider_rlimit(bound, places, RLIMIT_AS, "VmSize", "RLIMIT_AS");
    consider_rlimit(bound, places, RLIMIT_DATA, "VmData", "RLIMIT_DATA");
    snprintf(path, sizeof path, "%s/cgroup", places->process);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return;
    while (fgets(line, sizeof line, file) != NULL)
        consider_line(bound, places, line);
    fclose(file);
}

uint64_t memory_reserve(uint64_t limit)
{
    uint64_t share = limit / RESERVE_SHARE;
    return share < RESERVE_MIN ? RESERVE_MIN : share > RESERVE_MAX ? RESERVE_MAX : share;
}

/* --- the process --- */

static const struct memory_places kernel = {"/proc/self", "/sys/fs/cgroup"};

static struct {
    const struct memory_places *places;
    uint64_t bytes_max;
    _Atomic int64_t checked_us;
    _Atomic bool scarce;
    _Atomic bool exhausted;
    pthread_mutex_t mutex; /* protects `bound` */
    struct memory_bound bound;
} process = {.places = &kernel, .checked_us = INT64_MIN / 2, .mutex = PTHREAD_MUTEX_INITIALIZER};

void memory_begin(const struct memory_places *places, uint64_t bytes_max)
{
    process.places = places == NULL ? &kernel : places;
    process.bytes_max = bytes_max;
    process.checked_us = INT64_MIN / 2;
    process.scarce = process.exhausted = false;
    process.bound = (struct memory_bound){.limit = 0};
}

static void set_scarce(bool scarce)
{
    if (process.scarce == scarce)
        return;
    char text[128];
    process.scarce = scarce;
    memory_describe(text);
    if (scarce)
        log_error("memory", "memory is scarce; requests that need more are refused until memory is free again: %s",
                  text);
    else
        log_info("memory", "memory is free again: %s", text);
}

bool memory_check(int64_t now_us, int64_t every_ms)
{
    int64_t checked_us = atomic_load_explicit(&process.checked_us, memory_order_relaxed);
    if (now_us < checked_us + every_ms * 1000 ||
        !atomic_compare_exchange_strong(&process.checked_us, &checked_us, now_us)) /* another thread checks */
        return false;
    struct memory_bound bound;
    memory_read(process.places, process.bytes_max, &bound);
    uint64_t left = room(&bound), reserve = memory_reserve(bound.limit);
    pthread_mutex_lock(&process.mutex);
    process.bound = bound;
    pthread_mutex_unlock(&process.mutex);
    process.exhausted = left < reserve / 2;
    set_scarce(left < (process.scarce ? reserve + reserve / 4 : reserve));
    return true;
}

const _Atomic bool *memory_scarce(void)
{
    return &process.scarce;
}

bool memory_exhausted(void)
{
    return process.exhausted;
}

void memory_bound_now(struct memory_bound *bound)
{
    pthread_mutex_lock(&process.mutex);
    *bound = process.bound;
    pthread_mutex_unlock(&process.mutex);
}

void memory_describe(char text[128])
{
    struct memory_bound bound;
    memory_bound_now(&bound);
    snprintf(text, 128, "%" PRIu64 " of %" PRIu64 " MiB used (%s)", bound.used / MIB, bound.limit / MIB, bound.name);
}
