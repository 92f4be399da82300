#include "issuer/recovery/numbering.h"

#include <inttypes.h>

#include "shared/clock.h"
#include "shared/telemetry/log.h"

#define NUMBERED_BATCH 64 /* coupons in one batch of the journal */

static void number_coupon(struct journal *journal, struct ledger *ledger, struct coupon *coupon)
{
    coupon->journal_seq = journal_append_coupon(journal, coupon, NULL);
    ledger_apply_coupon(ledger, coupon);
}

int recovery_number_coupons(struct journal *journal, struct ledger *ledger, int64_t last_time_us, struct error *error)
{
    struct coupon coupon;
    int64_t now_us =
        last_time_us > 0 ? last_time_us : clock_wall_us(); /* a wrong clock must not get into the journal */
    uint64_t numbered = 0;
    bool more = ledger_next_unnumbered(ledger, &coupon);
    while (more) {
        if (!journal_reserve(journal, journal_bytes_max(0, 0, NUMBERED_BATCH)))
            return error_set(error, "the disk has no room to bring the journal %s to this version",
                             journal_folder(journal));
        journal_begin(journal, now_us);
        for (unsigned i = 0; i < NUMBERED_BATCH && more; i++, numbered++) {
            number_coupon(journal, ledger, &coupon);
            more = ledger_next_unnumbered(ledger, &coupon);
        }
        journal_commit(journal);
    }
    if (numbered > 0)
        log_info("issuer", "the coupons of a journal of version 1 have got their numbers partition=%u coupons=%" PRIu64,
                 journal_meta(journal)->partition, numbered);
    return 0;
}
