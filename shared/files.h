/*
 * How many descriptors are left to the process, and some that are held back for its own work: journal, store and status
 * port go before strangers who connect.
 */
#ifndef COUPOND_FILES_H
#define COUPOND_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- any thread --- */

/* True when less than a quarter of the descriptors that the process may have is left. Two system calls, however many
 * are open: the kernel gives the lowest number that is free. */
bool files_are_scarce(void);
/* True when more than three eighths are left. Counts them all. */
bool files_are_plenty(void);
/* A descriptor that does nothing but take the place of another, or -1. */
int files_open_spare(void);

/* --- held back; on one thread --- */

#define FILES_HELD_MAX 64

/*
 * Descriptors with the highest numbers that the process may have. They are given up when descriptors have been scarce
 * for a second, and by then nobody listens to strangers any more (shared/door.h); and held again when there are plenty.
 */
struct files_held {
    int fds[FILES_HELD_MAX];
    size_t count;
    int64_t scarce_since_us; /* 0: they are not */
    int64_t next_us;
};

/* All zeros: none are held. An eighth of the limit, at most FILES_HELD_MAX; none where the limit is so high that
 * nobody exhausts it. */
void files_hold(struct files_held *held);
void files_release(struct files_held *held);
/* Looks a few times a second at most; `now_us` is monotone. */
void files_tend(struct files_held *held, int64_t now_us);

#endif
