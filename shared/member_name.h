/*
 * The name of a member: one of the issuers that share a journal. Pure.
 */
#ifndef COUPOND_MEMBER_NAME_H
#define COUPOND_MEMBER_NAME_H

#include <stdbool.h>
#include <stddef.h>

#define MEMBER_NAME_MAX 64 /* bytes */

/* 1 to MEMBER_NAME_MAX of A-Z a-z 0-9 - _ . as in the names of hosts. */
bool member_name_valid(const char *name, size_t length);

#endif
