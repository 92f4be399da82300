#include "issuer/feed/draft.h"

#include <stdlib.h>
#include <string.h>

#include "shared/wire/frame.h"

#define SIZE_MAX_BEFORE (FRAME_BYTES_MAX - JOURNAL_BATCH_BYTES_MAX)

void feed_draft_init(struct feed_draft *draft)
{
    *draft = (struct feed_draft){.bytes = malloc(FRAME_BYTES_MAX)};
    CHECK(draft->bytes != NULL);
}

void feed_draft_deinit(struct feed_draft *draft)
{
    free(draft->bytes);
    draft->bytes = NULL;
}

static bool holds_coupons(const void *batch)
{
    struct journal_batch_reader reader;
    journal_batch_reader_init(&reader, batch);
    struct journal_record record;
    while (journal_batch_reader_next(&reader, &record)) {
        if (record.type == JOURNAL_COUPON)
            return true;
    }
    return false;
}

static bool fits(const struct feed_draft *draft, const struct journal_batch_header *header, size_t rows_max)
{
    return draft->count == 0 ||
           (draft->size + header->length <= SIZE_MAX_BEFORE && draft->count + header->count <= rows_max);
}

static void take(struct feed_draft *draft, struct feed_reader *reader)
{
    const struct journal_batch_header *header = &reader->held_header;
    if (draft->count == 0) {
        draft->first_seq = header->first_seq;
        draft->time_us = header->time_us;
    }
    memcpy(draft->bytes + draft->size, reader->held, header->length);
    draft->size += header->length;
    draft->count += header->count;
    draft->barrier = draft->barrier || holds_coupons(reader->held);
    feed_reader_take(reader);
    draft->last_seq = reader->taken_seq;
}

void feed_draft_fill(struct feed_draft *draft, struct feed_reader *reader, size_t rows_max)
{
    *draft =
        (struct feed_draft){.bytes = draft->bytes, .size = sizeof(struct frame_header) + sizeof(struct frame_events)};
    const struct journal_batch_header *next;
    while ((next = feed_reader_peek_due(reader)) != NULL && fits(draft, next, rows_max))
        take(draft, reader);
    draft->leaves_some = next != NULL;
}
