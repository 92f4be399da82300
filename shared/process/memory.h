/*
 * How much memory the process may have, and how near it is to that: the limits of its control groups (v1 and v2, those
 * above its own included), of RLIMIT_AS and RLIMIT_DATA, and what an operator allows. What the kernel can take back,
 * such as the pages of files, does not count as used. A process that goes on allocating beyond is killed, so those who
 * grow look first.
 *
 * One state a process. memory_begin() on the main thread before others start; the rest on any thread.
 */
#ifndef COUPOND_MEMORY_H
#define COUPOND_MEMORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define MEMORY_LOOK_MS 100 /* between two looks in the ordinary course */

/* The bound that leaves the least room. */
struct memory_bound {
    uint64_t limit; /* bytes; 0: there is none */
    uint64_t used;
    char name[64]; /* whose limit it is, for people */
};

/* --- reading; pure but for the files --- */

/* Where the kernel tells: "/proc/self" and "/sys/fs/cgroup", or a test's folders. */
struct memory_places {
    const char *process;
    const char *groups;
};

/* `bytes_max` is what an operator allows; 0: as much as the others. */
void memory_read(const struct memory_places *places, uint64_t bytes_max, struct memory_bound *bound);

/* Bytes that are kept free of a limit: a sixteenth, at least 16 MiB and at most 256 MiB. */
uint64_t memory_reserve(uint64_t limit);

/* --- the process --- */

/* NULL: the kernel's own places, which outlive everything. */
void memory_begin(const struct memory_places *places, uint64_t bytes_max);

/* Looks when `every_ms` have passed since the last look: true. Cheap otherwise. `now_us` is monotone. */
bool memory_look(int64_t now_us, int64_t every_ms);

/* Less than the reserve is left: nothing should be begun that takes more. True until a quarter more than it is. */
const _Atomic bool *memory_scarce(void);
/* Less than half of the reserve is left: what cannot be done without more is given up. */
bool memory_exhausted(void);
/* As of the last look. */
void memory_bound_now(struct memory_bound *bound);
/* "480 of 512 MiB (limit of the control group /x)". */
void memory_describe(char text[128]);

#endif
