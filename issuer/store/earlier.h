/*
 * Reads from the store the issues that a journal of version 1 forgot (issuer/ledger/earlier.h), a page at a time. Used
 * at the start, on the main thread; the calls that may hang run on a thread that is abandoned when the process is asked
 * to stop.
 */
#ifndef COUPOND_STORE_EARLIER_H
#define COUPOND_STORE_EARLIER_H

#include <stddef.h>
#include <stdint.h>

#include "shared/error.h"
#include "shared/limits.h"
#include "shared/options/options.h"

#define STORE_EARLIER_ROWS 4096 /* per page */

struct store_earlier_row {
    int64_t issued_at_us;
    uint32_t sequence;
    uint16_t nth;
    uint8_t user_id_length;
    char user_id[USER_ID_MAX];
};

struct store_earlier_page {
    const struct store_earlier_row *rows; /* from the latest to the first; valid until the next call */
    size_t count;                         /* less than STORE_EARLIER_ROWS: the last page */
};

enum store_earlier_result {
    STORE_EARLIER_READ,
    STORE_EARLIER_FAILED, /* after some attempts; `error` says why */
    STORE_EARLIER_STOPPED /* the process is asked to stop; do not read again */
};

struct store_earlier;

/* NULL and `error` when the options are invalid. They must outlive the reader. */
struct store_earlier *store_earlier_create(const struct options *options, struct error *error);
void store_earlier_destroy(struct store_earlier **reader);

/* Reads the issues of a coupon before a sequence, if this journal filled the store. Connects first, unless connected;
 * STORE_EARLIER_FAILED if it is not the store that issuer/store_id names. */
enum store_earlier_result store_earlier_read(struct store_earlier *reader, const uint8_t journal_id[16],
                                             const char *coupon_id, uint32_t before, struct store_earlier_page *page,
                                             struct error *error);

#endif
