#include "issuer/feed/feed.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "issuer/feed/draft.h"
#include "issuer/feed/source.h"
#include "issuer/feed/store.h"
#include "shared/telemetry/log.h"
#include "shared/telemetry/metrics.h"
#include "shared/wire/frame.h"

#define STASH_MAX     64         /* answers kept until the store has been checked */
#define SLOT_QUESTION WINDOW_MAX /* not a slot of the window: the frame is a question */

struct answer {
    enum frame_kind kind;
    uint16_t partition;
    struct frame_ack ack;
};

struct feed {
    struct feed_config config;
    struct feed_source sources[PARTITIONS_MAX];
    uint16_t sources_count;
    struct feed_draft draft;
    struct feed_store store;
    struct answer stash[STASH_MAX]; /* from a store that may turn out to be ours */
    size_t stash_count;
    uint8_t other_logged[STORE_ID_BYTES]; /* the last store that was logged as another one */
    struct metrics *metrics;
    struct frame_drops drops;
};

/* --- life --- */

struct feed *feed_create(const struct feed_config *config)
{
    struct feed *feed = calloc(1, sizeof *feed);
    CHECK(feed != NULL);
    feed->config = *config;
    feed_draft_init(&feed->draft);
    feed_store_init(&feed->store, config->store_id, config->may_probe);
    feed->metrics = metrics_create("issuer", -1);
    feed->drops = (struct frame_drops){"issuer", feed->metrics, METRIC_ISSUER_FRAMES_DROPPED, 0};
    return feed;
}

void feed_destroy(struct feed **feed)
{
    struct feed *self = *feed;
    if (self == NULL)
        return;
    for (unsigned i = 0; i < self->sources_count; i++)
        feed_source_close(&self->sources[i]);
    feed_draft_deinit(&self->draft);
    free(self);
    *feed = NULL;
}

int feed_add(struct feed *feed, struct journal *journal, const char *dir, struct error *error)
{
    CHECK(feed->sources_count < PARTITIONS_MAX);
    struct feed_source *source = &feed->sources[feed->sources_count++];
    if (feed_source_open(source, journal, dir, feed->config.in_flight_max, feed->config.resend_us, error) != 0)
        return -1;
    feed_store_remember(&feed->store, source->store_id);
    return feed_source_begin(source, feed->store.id, error);
}

/* --- from the journal into frames --- */

/* True when there are records to read, and either no batch is in flight or they fill a frame: so frames grow with the
 * load. */
static bool worth_a_frame(const struct feed *feed, const struct feed_source *source, int64_t now_us)
{
    uint64_t unread = feed_reader_unread(&source->reader);
    return unread > 0 && (feed_source_is_free(source, now_us) || unread >= feed->config.rows_max);
}

static bool has_unread(const struct feed *feed, const struct feed_source *source, int64_t now_us)
{
    return !source->rests && !feed_store_is_awaited(&feed->store, now_us) && !source->reader.starved &&
           window_accepts(&source->window) && worth_a_frame(feed, source, now_us);
}

void feed_read_ahead(struct feed *feed, int64_t now_us)
{
    for (unsigned i = 0; i < feed->sources_count; i++) {
        feed_source_rest_or_go_on(&feed->sources[i]);
        feed_source_retry(&feed->sources[i]);
        while (has_unread(feed, &feed->sources[i], now_us)) {
            feed_draft_fill(&feed->draft, &feed->sources[i].reader, feed->config.rows_max);
            if (feed->draft.count > 0) /* otherwise the reader is starved */
                feed_source_push(&feed->sources[i], &feed->draft, feed->store.id);
        }
    }
}

bool feed_has_unread(const struct feed *feed, int64_t now_us)
{
    for (unsigned i = 0; i < feed->sources_count; i++) {
        if (has_unread(feed, &feed->sources[i], now_us))
            return true;
    }
    return false;
}

/* --- to the persisters --- */

bool feed_due(struct feed *feed, int64_t now_us, struct feed_frame *frame)
{
    if (feed->store.uncompared)
        return false; /* not even a question */
    for (uint16_t i = 0; i < feed->sources_count; i++) {
        struct feed_source *source = &feed->sources[i];
        int slot = window_due(&source->window, now_us);
        if (slot >= 0) {
            *frame = (struct feed_frame){&source->frames[slot], i, (unsigned)slot};
            return true;
        }
        if (feed_source_is_to_be_asked(source, now_us)) {
            feed_source_make_question(source, feed->store.id);
            *frame = (struct feed_frame){&source->question, i, SLOT_QUESTION};
            return true;
        }
    }
    return false;
}

void feed_sent(struct feed *feed, const struct feed_frame *frame, int64_t now_us)
{
    struct feed_source *source = &feed->sources[frame->partition];
    feed_source_asked(source, now_us);
    if (frame->slot == SLOT_QUESTION)
        return;
    source->gather_until_us = source->caught_up ? now_us + feed->config.gather_us : now_us;
    if (source->window.batches[frame->slot].sends > 0)
        metrics_add(source->metrics, METRIC_ISSUER_STREAM_RESENT, 0, 1);
    metrics_add(source->metrics, METRIC_ISSUER_STREAM_SENT, 0, 1);
    window_sent(&source->window, frame->slot, now_us);
}

int64_t feed_deadline(const struct feed *feed, int64_t now_us)
{
    int64_t deadline = INT64_MAX;
    for (unsigned i = 0; i < feed->sources_count; i++) {
        const struct feed_source *source = &feed->sources[i];
        int64_t next = window_deadline(&source->window);
        if (source->window.count == 0 && source->gather_until_us > now_us)
            next = source->gather_until_us;
        deadline = next < deadline ? next : deadline;
    }
    return deadline;
}

/* --- whose answers count --- */

/* The store has become known or has changed. */
static void follow_store(struct feed *feed)
{
    for (unsigned i = 0; i < feed->sources_count; i++)
        feed_source_follow(&feed->sources[i], feed->store.id);
}

static void take_answer(struct feed *feed, const struct answer *answer, int64_t now_us)
{
    feed_source_on_answer(&feed->sources[answer->partition], answer->kind, &answer->ack, now_us);
}

static void log_other(struct feed *feed, const uint8_t id[STORE_ID_BYTES])
{
    char other[STORE_ID_TEXT_MAX], ours[STORE_ID_TEXT_MAX];
    if (memcmp(feed->other_logged, id, STORE_ID_BYTES) == 0)
        return;
    memcpy(feed->other_logged, id, STORE_ID_BYTES);
    store_id_format(id, other);
    store_id_format(feed->store.id, ours);
    log_error("issuer",
              "a persister fills another store (id %s) than the one of this journal (id %s); its acknowledgements are "
              "ignored; give all persisters and the issuer the same store/…",
              other, ours);
}

/* Keeps an answer that will count if the store turns out to be ours. An answer of another store only frees its frame
 * for a persister of ours. */
static void on_foreign_answer(struct feed *feed, enum feed_store_origin origin, const struct answer *answer,
                              int64_t now_us)
{
    metrics_add(feed->metrics, METRIC_ISSUER_STORE_REFUSED, 0, 1);
    if (origin == FEED_STORE_UNKNOWN && feed->stash_count < STASH_MAX) {
        feed->stash[feed->stash_count++] = *answer;
        return;
    }
    if (answer->kind != FRAME_BEHIND)
        feed_source_on_refused(&feed->sources[answer->partition], &answer->ack, now_us);
    if (origin == FEED_STORE_OTHER && feed_store_sees_other(&feed->store, now_us) &&
        !feed_store_is_asking(&feed->store))
        log_other(feed, answer->ack.store_id);
}

static void sort_answer(struct feed *feed, const struct answer *answer, int64_t now_us)
{
    bool adopted;
    enum feed_store_origin origin = feed_store_judge(&feed->store, answer->ack.store_id, now_us, &adopted);
    if (adopted)
        follow_store(feed);
    if (origin == FEED_STORE_OURS)
        take_answer(feed, answer, now_us);
    else
        on_foreign_answer(feed, origin, answer, now_us);
}

static enum frame_fault check_answer(const struct feed *feed, const void *data, size_t size, struct answer *answer)
{
    struct frame_header header;
    enum frame_fault fault = frame_check(data, size, &header);
    if (fault != FRAME_OK)
        return fault;
    if (header.kind != FRAME_ACK && header.kind != FRAME_BEHIND && header.kind != FRAME_REFUSED)
        return FRAME_FAULT_RECEIVER;
    if (header.partition >= feed->sources_count)
        return FRAME_FAULT_PARTITION;
    *answer = (struct answer){.kind = (enum frame_kind)header.kind, .partition = header.partition};
    memcpy(&answer->ack, frame_records(data), sizeof answer->ack);
    if (!store_id_is_known(answer->ack.store_id))
        return FRAME_FAULT_STORE;
    const uint8_t *ours = feed->sources[answer->partition].meta->journal_id;
    return memcmp(answer->ack.journal_id, ours, 16) == 0 ? FRAME_OK : FRAME_FAULT_OTHER_JOURNAL;
}

void feed_on_answer(struct feed *feed, const void *data, size_t size, int64_t now_us)
{
    struct answer answer;
    enum frame_fault fault = check_answer(feed, data, size, &answer);
    if (fault == FRAME_OK)
        sort_answer(feed, &answer, now_us);
    else
        frame_drops_add(&feed->drops, fault, "socket=acknowledgements bytes=%zu", size);
}

void feed_await_comparison(struct feed *feed)
{
    feed_store_await_comparison(&feed->store);
}

void feed_on_compared(struct feed *feed)
{
    feed_store_compared(&feed->store);
}

bool feed_wants_probe(struct feed *feed, int64_t now_us)
{
    return feed_store_wants_probe(&feed->store, now_us);
}

/* False without file descriptors; the check of the store then counts as failed and is repeated. */
static bool can_follow(const struct feed *feed)
{
    bool can = true;
    for (unsigned i = 0; i < feed->sources_count; i++)
        can = can && feed_source_can_follow(&feed->sources[i]);
    return can;
}

bool feed_on_probe(struct feed *feed, enum feed_store_probe probe, const uint8_t id[STORE_ID_BYTES], int64_t now_us)
{
    uint8_t other[STORE_ID_BYTES];
    bool seen = feed_sees_other_store(feed, now_us, other), known = store_id_is_known(feed->store.id);
    if (!can_follow(feed))
        probe = FEED_STORE_AWAY;
    if (feed_store_on_probe(&feed->store, probe, id, now_us)) {
        follow_store(feed);
        for (size_t i = 0; i < feed->stash_count; i++) {
            if (memcmp(feed->stash[i].ack.store_id, feed->store.id, STORE_ID_BYTES) == 0)
                take_answer(feed, &feed->stash[i], now_us);
        }
        for (unsigned i = 0; i < feed->sources_count; i++)
            feed_source_make_again(&feed->sources[i]);
    } else if (seen && known) {
        log_other(feed, other);
    }
    if (store_id_is_known(feed->store.id))
        feed->stash_count = 0;
    return probe == FEED_STORE_FOUND && memcmp(feed->store.id, id, STORE_ID_BYTES) == 0;
}

bool feed_sees_other_store(const struct feed *feed, int64_t now_us, uint8_t id[STORE_ID_BYTES])
{
    memcpy(id, feed->store.other, STORE_ID_BYTES);
    return feed_store_sees_other(&feed->store, now_us);
}

/* --- progress --- */

bool feed_is_idle(const struct feed *feed, int64_t now_us)
{
    if (feed_store_is_awaited(&feed->store, now_us))
        return false; /* the end of the store's check wakes the stream anyway */
    for (unsigned i = 0; i < feed->sources_count; i++) {
        if (!feed->sources[i].rests && feed_source_is_free(&feed->sources[i], now_us))
            return true;
    }
    return false;
}

bool feed_is_done(const struct feed *feed)
{
    for (unsigned i = 0; i < feed->sources_count; i++) {
        const struct feed_source *source = &feed->sources[i];
        if (!source->rests && source->window.acked_seq < journal_written_seq(source->journal))
            return false;
    }
    return true;
}

uint64_t feed_acked_seq(const struct feed *feed, uint16_t partition)
{
    CHECK(partition < feed->sources_count);
    return feed->sources[partition].window.acked_seq;
}

void feed_report(struct feed *feed, int64_t now_us, int64_t steady_us)
{
    for (unsigned i = 0; i < feed->sources_count; i++)
        feed_source_report(&feed->sources[i], now_us, steady_us);
}

void feed_report_store(struct feed *feed, int64_t now_us)
{
    metrics_set(feed->metrics, METRIC_ISSUER_OTHER_STORE, 0, feed_store_sees_other(&feed->store, now_us));
    metrics_set(feed->metrics, METRIC_ISSUER_UNCOMPARED, 0, feed->store.uncompared);
}
