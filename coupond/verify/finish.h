/* The checks of `verify` that need all data, and the names of rows that differ. Pure. */
#ifndef COUPOND_VERIFY_FINISH_H
#define COUPOND_VERIFY_FINISH_H

#include "coupond/verify/verify.h"

/* Runs the checks that need all data. */
void verify_finish(struct verify *verify);

/* True when rows of the store differ from the journal: they must be added again, to be named. */
bool verify_wants_rows(const struct verify *verify);
void verify_name_row(struct verify *verify, const struct store_issue *issue);

#endif
