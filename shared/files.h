/*
 * How many descriptors are left to the process. On any thread.
 */
#ifndef COUPOND_FILES_H
#define COUPOND_FILES_H

#include <stdbool.h>

/* True when less than a quarter of the descriptors that the process may have was left when it got `fd`: the kernel
 * gives the lowest number that is free. */
bool files_are_scarce_above(int fd);

/* A descriptor that does nothing but take the place of another, or -1. */
int files_open_spare(void);

#endif
