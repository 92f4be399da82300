#include "persister/dead_log.h"

#include <inttypes.h>

#include "shared/telemetry/log.h"

#define LINES_MAX 20

/* A log line to base an alert on. */
static void log_dead(const struct store_dead_letter *letter)
{
    const int coupon_id_length = letter->coupon_id_length, user_id_length = letter->user_id_length;
    switch (store_letter_type(letter)) {
    case JOURNAL_ISSUE:
    case JOURNAL_CHANGE:
        log_error("persister",
                  "dead letter: the store rejects %s: %s coupon=%.*s sequence=%" PRIu32
                  " user=%.*s partition=%u journal_seq=%" PRIu64,
                  store_letter_type(letter) == JOURNAL_ISSUE ? "an issue" : "a change of an issue", letter->reason,
                  coupon_id_length, letter->coupon_id, letter->sequence, user_id_length, letter->user_id,
                  letter->partition, letter->journal_seq);
        break;
    case JOURNAL_ERASURE: /* without the id that is to be forgotten */
        log_error("persister", "dead letter: the store rejects an erasure: %s partition=%u journal_seq=%" PRIu64,
                  letter->reason, letter->partition, letter->journal_seq);
        break;
    default:
        log_error("persister",
                  "dead letter: the store rejects a coupon: %s coupon=%.*s partition=%u journal_seq=%" PRIu64,
                  letter->reason, coupon_id_length, letter->coupon_id, letter->partition, letter->journal_seq);
    }
}

void dead_log(const struct store_dead_letter *letters, size_t count)
{
    for (size_t i = 0; i < count && i < LINES_MAX; i++)
        log_dead(&letters[i]);
    if (count > LINES_MAX)
        log_error("persister", "%zu more dead letters of the same frame; run coupond dead-letter list to see them",
                  count - LINES_MAX);
}
