/*
 * How much memory the process may use, and how close it is to that limit: the limits of its control groups (v1 and v2,
 * parent groups included), of RLIMIT_AS and RLIMIT_DATA, and the operator's. Memory that the kernel can reclaim, such
 * as the page cache, does not count as used. The kernel kills a process that exceeds its limit, so code that allocates
 * checks first.
 *
 * One state per process. memory_begin() on the main thread before others start; the rest on any thread.
 */
#ifndef COUPOND_MEMORY_H
#define COUPOND_MEMORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define MEMORY_CHECK_MS 100 /* usual interval between two checks */

/* The limit that leaves the least room. */
struct memory_bound {
    uint64_t limit; /* bytes; 0: no limit */
    uint64_t used;
    char name[64]; /* where the limit comes from, for messages */
};

/* --- reading; pure but for the files --- */

/* Where the kernel publishes the limits: "/proc/self" and "/sys/fs/cgroup", or a test's folders. */
struct memory_places {
    const char *process;
    const char *groups;
};

/* `bytes_max` is the operator's limit; 0: none. */
void memory_read(const struct memory_places *places, uint64_t bytes_max, struct memory_bound *bound);

/* Bytes that are kept free below a limit: a sixteenth, at least 16 MiB and at most 256 MiB. */
uint64_t memory_reserve(uint64_t limit);

/* --- the process --- */

/* `places` must outlive the process's use of it; NULL: the kernel's own. */
void memory_begin(const struct memory_places *places, uint64_t bytes_max);

/*
 * Checks, and returns true, when `every_ms` have passed since the last check; cheap otherwise. `now_us` is monotonic.
 */
bool memory_check(int64_t now_us, int64_t every_ms);

/* True when less than the reserve is left: start nothing that needs more memory. False again once a quarter more than
 * the reserve is left. */
const _Atomic bool *memory_scarce(void);
/* Less than half of the reserve is left: give up work that needs more memory. */
bool memory_exhausted(void);
/* The result of the last check. */
void memory_bound_now(struct memory_bound *bound);
/* "480 of 512 MiB (limit of the control group /x)". */
void memory_describe(char text[128]);

#endif
