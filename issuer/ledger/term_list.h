/*
 * The terms of a journal: which member's which epoch its records belong to. Pure, except for memory. Owned by the
 * ledger's thread.
 */
#ifndef COUPOND_TERM_LIST_H
#define COUPOND_TERM_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TERM_LIST_MAX 4096 /* that are known; older ones are forgotten */

struct term {
    uint64_t epoch;
    uint64_t first_seq; /* its first record, a JOURNAL_TERM */
};

struct term_list {
    struct term *all; /* ascending */
    size_t count;
    uint64_t known_seq; /* records before this one belong to terms that are not known */
};

/* Records before the first term have term 0. */
void term_list_init(struct term_list *terms);
void term_list_deinit(struct term_list *terms);
/* Loaded from a snapshot: this term goes on, and what was before it is not known. */
void term_list_begin(struct term_list *terms, uint64_t epoch, uint64_t first_seq);
/* A term begins with record `first_seq`; false when epoch or record do not ascend. The last one may be repeated. */
bool term_list_add(struct term_list *terms, uint64_t epoch, uint64_t first_seq);
/* The last one; both 0: none. */
struct term term_list_last(const struct term_list *terms);
/* The term of record `seq`, 0 also for seq 0; false when it is not known. */
bool term_list_find(const struct term_list *terms, uint64_t seq, uint64_t *term);

#endif
