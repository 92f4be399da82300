#include "persister/dead.h"

#include <stdlib.h>
#include <string.h>

void dead_truncate(struct dead *dead, size_t count)
{
    while (dead->count > count)
        free((char *)dead->letters[--dead->count].reason);
}

void dead_deinit(struct dead *dead)
{
    dead_truncate(dead, 0);
    free(dead->letters);
    *dead = (struct dead){0};
}

/* The length of the UTF-8 character at `text`, or 0 for anything that does not belong into a table or terminal. */
static size_t character_length(const unsigned char *text)
{
    if (text[0] >= 0x20 && text[0] < 0x7f)
        return 1;
    size_t length = text[0] >= 0xc2 && text[0] < 0xe0 ? 2 : (text[0] & 0xf0) == 0xe0 ? 3 : 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = text[0] == 0xe0 && text[1] < 0xa0;
    bool surrogate = text[0] == 0xed && text[1] >= 0xa0;
    bool control = text[0] == 0xc2 && text[1] < 0xa0;
    return overlong || surrogate || control ? 0 : length;
}

/* A server's message may contain any bytes, and may be truncated within a character. */
static char *copy_reason(const char *reason)
{
    char *copy = malloc(STORE_REASON_MAX + 1);
    CHECK(copy != NULL);
    size_t length = 0;
    for (const unsigned char *at = (const unsigned char *)reason; *at != '\0';) {
        size_t taken = character_length(at);
        size_t added = taken > 0 ? taken : 1;
        if (length + added > STORE_REASON_MAX)
            break;
        memcpy(copy + length, taken > 0 ? (const char *)at : "?", added);
        length += added;
        at += added;
    }
    copy[length] = '\0';
    return copy;
}

static struct store_dead_letter *add(struct dead *dead, const struct batch *batch, uint64_t journal_seq,
                                     const char *reason, int64_t now_us)
{
    if (dead->count == dead->capacity) {
        dead->capacity = dead->capacity > 0 ? 2 * dead->capacity : 16;
        dead->letters = realloc(dead->letters, dead->capacity * sizeof *dead->letters);
        CHECK(dead->letters != NULL);
    }
    CHECK(journal_seq >= batch->rows.first_seq && journal_seq <= batch->rows.last_seq);
    const struct journal_record_header *record = batch->records[journal_seq - batch->rows.first_seq];
    struct store_dead_letter *letter = &dead->letters[dead->count++];
    *letter = (struct store_dead_letter){
        .journal_seq = journal_seq,
        .partition = batch->rows.partition,
        .coupon_id = "",
        .record = record,
        .record_length = record->length,
        .dead_at_us = now_us,
        .reason = copy_reason(reason),
    };
    memcpy(letter->journal_id, batch->rows.journal_id, sizeof letter->journal_id);
    return letter;
}

void dead_add_coupon(struct dead *dead, const struct batch *batch, const struct store_coupon *coupon,
                     const char *reason, int64_t now_us)
{
    struct store_dead_letter *letter = add(dead, batch, coupon->journal_seq, reason, now_us);
    letter->coupon_id = coupon->id;
    letter->coupon_id_length = (uint8_t)strlen(coupon->id);
    letter->recorded_at_us = coupon->updated_at_us;
}

void dead_add_issue(struct dead *dead, const struct batch *batch, const struct store_issue *issue, const char *reason,
                    int64_t now_us)
{
    struct store_dead_letter *letter = add(dead, batch, issue->journal_seq, reason, now_us);
    letter->coupon_id = issue->coupon_id;
    letter->coupon_id_length = issue->coupon_id_length;
    letter->user_id = issue->user_id;
    letter->user_id_length = issue->user_id_length;
    letter->nth = issue->nth;
    letter->sequence = issue->sequence;
    letter->recorded_at_us = issue->issued_at_us;
}

void dead_add_change(struct dead *dead, const struct batch *batch, const struct store_change *change,
                     const char *reason, int64_t now_us)
{
    struct store_dead_letter *letter = add(dead, batch, change->journal_seq, reason, now_us);
    letter->coupon_id = change->coupon_id;
    letter->coupon_id_length = change->coupon_id_length;
    letter->user_id = change->user_id;
    letter->user_id_length = change->user_id_length;
    letter->sequence = change->sequence;
    letter->recorded_at_us = change->changed_at_us;
}

void dead_add_erasure(struct dead *dead, const struct batch *batch, const struct store_erasure *erasure,
                      const char *reason, int64_t now_us)
{
    struct store_dead_letter *letter = add(dead, batch, erasure->journal_seq, reason, now_us);
    letter->user_id = erasure->user_id;
    letter->user_id_length = erasure->user_id_length;
    letter->recorded_at_us = erasure->erased_at_us;
}
