/*
 * How many file descriptors the process has left. Any thread.
 */
#ifndef COUPOND_FILES_H
#define COUPOND_FILES_H

#include <stdbool.h>

/* True when less than a quarter of the process's descriptors was left when it got `fd`: the kernel assigns the lowest
 * free number. */
bool files_are_scarce_above(int fd);

/* Opens a descriptor whose only purpose is to reserve its place, or returns -1. */
int files_open_spare(void);

#endif
