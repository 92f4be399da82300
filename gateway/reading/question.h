/*
 * What a client asks the store, as values. Pure.
 */
#ifndef COUPOND_READING_QUESTION_H
#define COUPOND_READING_QUESTION_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/limits.h"
#include "shared/store/query.h"

enum reading_scope {
    READING_USER,     /* the issues of a user, newest first */
    READING_COUPON,   /* the issues of a coupon, by sequence */
    READING_HISTORY,  /* the changes of a coupon, the latest first */
    READING_ISSUE,    /* one issue of a coupon, for the gateway itself */
    READING_ALL,      /* all issues, by coupon and sequence; for `coupond export` */
    READING_LETTERS,  /* dead letters, by journal and record */
    READING_LETTER,   /* stores a dead letter again */
    READING_PROGRESS, /* how far the store is */
};

enum reading_format {
    READING_JSON, /* one page, a JSON object */
    READING_CSV,  /* a stream, RFC 4180 */
    READING_NDJSON,
};

struct reading_question {
    enum reading_scope scope;
    enum reading_format format;
    uint8_t id_length;
    char id[USER_ID_MAX];         /* of the user or the coupon */
    uint32_t limit;               /* rows; 0, for streams: all */
    bool begun;                   /* an earlier page had the header line of CSV */
    bool continues;               /* begins after `after` instead of at the first row */
    struct store_issue_key after; /* READING_ISSUE: of the issue itself */
    uint64_t before;              /* READING_HISTORY, if it continues: the version that the last page ended with */
    uint8_t owner_length;         /* who must own the coupon; 0: anyone may */
    char owner[OWNER_MAX];
    struct reading_letter_key { /* READING_LETTERS: begins after it; READING_LETTER: the letter */
        uint8_t journal_id[16];
        uint64_t journal_seq;
    } letter;
};

#endif
