/*
 * Reads one page of issues from a store as text. The caller's thread owns the store and waits for it.
 */
#ifndef COUPOND_READING_PAGE_H
#define COUPOND_READING_PAGE_H

#include "gateway/http/buffer.h"
#include "gateway/reading/horizon.h"
#include "gateway/reading/question.h"
#include "shared/wire/frame.h"

#define READING_STREAM_ROWS 4096 /* of a stream's page: large enough for the rate, small enough for memory */

/* Where the store's rows come from. */
struct reading_cluster {
    uint16_t partitions;
    struct reading_horizon *horizon; /* NULL: nothing is known about the time that the store has reached */
};

/* What a READING_ISSUE finds. */
struct reading_one {
    bool found; /* false: the store does not have it, or not yet */
    struct frame_issue issue;
    struct frame_details details;
    uint8_t user_id_length;
    char user_id[USER_ID_MAX];
};

/* What became of a READING_LETTER. */
enum reading_letter {
    READING_LETTER_UNKNOWN, /* there is no such dead letter */
    READING_LETTER_STORED,
    READING_LETTER_REFUSED, /* again; the page's text has the reason */
};

struct reading_page {
    struct buffer text; /* the rows; of a JSON question the whole page */
    uint64_t rows;      /* of this page */
    bool more;          /* others follow: ask again after the last one */
    bool found;         /* false: the store has no such coupon */
    bool foreign;       /* the coupon has another owner than the question demands; nothing was read */
    int64_t as_of_us;   /* everything that was decided before is in the page, if it belongs there; TIME_NONE: unknown */
    struct reading_one one;
    enum reading_letter letter;
    uint64_t stored_seqs[PARTITIONS_MAX]; /* READING_PROGRESS: the store has every record of the partition up to it */
};

/*
 * Reads the question's first page, and moves the question behind it: its limit and its cursor. The page's text is
 * replaced. On failure the question has not changed.
 */
enum store_result reading_page_read(struct store *store, const struct reading_cluster *cluster,
                                    struct reading_question *question, struct reading_page *page, struct error *error);
void reading_page_deinit(struct reading_page *page);

#endif
