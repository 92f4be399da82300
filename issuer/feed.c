#include "issuer/feed.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "issuer/feed_draft.h"
#include "issuer/feed_reader.h"
#include "issuer/persist_lag.h"
#include "issuer/window.h"
#include "shared/disk.h"
#include "shared/frame.h"
#include "shared/journal_dir.h"
#include "shared/log.h"
#include "shared/metrics.h"

#define ASK_INTERVAL_US 5000000    /* between two looks whether an idle partition's store still has everything */
#define SLOT_QUESTION   WINDOW_MAX /* no slot of the window: the frame is a question */

/* A journal on its way to the store. */
struct source {
    struct journal *journal;
    const struct journal_meta *meta;
    char dir[JOURNAL_PATH_MAX];
    struct feed_reader reader;
    int acked_fd;
    struct window window;
    zmq_msg_t frames[WINDOW_MAX]; /* by the window's slot */
    zmq_msg_t question;           /* whether the store still has what it acknowledged */
    int64_t ask_at_us;            /* 0: nothing was asked or sent yet */
    int64_t gather_until_us;      /* before, only a full frame leaves */
    bool caught_up;               /* the last frame took all that was synced, and holds nothing up */
    struct persist_lag lag;
    struct metrics *metrics;
    uint64_t gone_seq; /* the store lost records up to this one that are in no file any more; 0: it did not */
};

struct feed {
    struct feed_config config;
    struct source sources[PARTITIONS_MAX];
    uint16_t sources_count;
    struct feed_draft draft;
    struct metrics *metrics;
    bool frame_dropped;
};

/* --- life --- */

struct feed *feed_create(const struct feed_config *config)
{
    struct feed *feed = calloc(1, sizeof *feed);
    CHECK(feed != NULL);
    feed->config = *config;
    feed_draft_init(&feed->draft);
    feed->metrics = metrics_create("issuer", -1);
    return feed;
}

static void forget_frames(struct source *source)
{
    const struct window *window = &source->window;
    for (unsigned i = 0; i < window->count; i++)
        zmq_msg_close(&source->frames[(window->first + i) % window->capacity]);
}

static void source_close(struct source *source)
{
    forget_frames(source);
    zmq_msg_close(&source->question);
    feed_reader_close(&source->reader);
    if (source->acked_fd >= 0)
        disk->close(source->acked_fd);
}

void feed_destroy(struct feed **feed)
{
    struct feed *self = *feed;
    if (self == NULL)
        return;
    for (unsigned i = 0; i < self->sources_count; i++)
        source_close(&self->sources[i]);
    feed_draft_deinit(&self->draft);
    free(self);
    *feed = NULL;
}

/* The first record that is still in a file. */
static int first_kept(const struct source *source, uint64_t *seq, struct error *error)
{
    uint64_t *segments;
    size_t count;
    if (journal_segments_list(source->dir, &segments, &count, error) != 0)
        return -1;
    *seq = count > 0 ? segments[0] : 1;
    free(segments);
    return 0;
}

static int stand_behind(struct source *source, uint64_t acked, struct error *error)
{
    int result = feed_reader_stand_behind(&source->reader, acked, error);
    window_restart(&source->window, source->reader.taken_seq);
    return result;
}

int feed_add(struct feed *feed, struct journal *journal, const char *dir, struct error *error)
{
    CHECK(feed->sources_count < PARTITIONS_MAX);
    CHECK(strlen(dir) < JOURNAL_PATH_MAX);
    struct source *source = &feed->sources[feed->sources_count++];
    *source = (struct source){.journal = journal, .meta = journal_meta(journal)};
    strcpy(source->dir, dir);
    window_init(&source->window, feed->config.in_flight_max, feed->config.resend_us, 0);
    zmq_msg_init(&source->question);
    source->metrics = metrics_create("issuer", source->meta->partition);
    source->acked_fd = journal_acked_open(dir, error);
    uint64_t first;
    if (source->acked_fd < 0 || feed_reader_open(&source->reader, journal, dir, error) != 0 ||
        first_kept(source, &first, error) != 0)
        return -1;
    /* What is in no file any more was acknowledged, even if power was lost before that was noted. */
    uint64_t acked = journal_acked_read(dir, source->meta->journal_id);
    return stand_behind(source, acked < first ? first - 1 : acked, error);
}

/* --- from the journal into frames --- */

static void push_draft(struct source *source, const struct feed_draft *draft)
{
    struct frame_header header;
    struct frame_events events = {.first_seq = draft->first_seq,
                                  .last_seq = draft->last_seq,
                                  .acked_seq = source->window.acked_seq,
                                  .gone_seq = source->gone_seq};
    memcpy(events.journal_id, source->meta->journal_id, sizeof events.journal_id);
    frame_header_write(&header, FRAME_EVENTS, source->meta->partition, source->meta->partitions, draft->count);
    memcpy(draft->bytes, &header, sizeof header);
    memcpy(draft->bytes + sizeof header, &events, sizeof events);
    unsigned slot = window_push(&source->window, draft->first_seq, draft->last_seq, draft->time_us, draft->barrier);
    CHECK(zmq_msg_init_size(&source->frames[slot], draft->size) == 0);
    memcpy(zmq_msg_data(&source->frames[slot]), draft->bytes, draft->size);
    source->caught_up = !draft->barrier && !draft->leaves_some;
}

/* Nothing under way, and the last frame left long enough ago. */
static bool is_free(const struct source *source, int64_t now_us)
{
    return source->window.count == 0 && now_us >= source->gather_until_us;
}

/* Something to read, and either nothing under way or enough for a full frame: so frames grow with the load. */
static bool worth_a_frame(const struct feed *feed, const struct source *source, int64_t now_us)
{
    uint64_t unread = feed_reader_unread(&source->reader);
    return unread > 0 && (is_free(source, now_us) || unread >= feed->config.rows_max);
}

static bool has_unread(const struct feed *feed, const struct source *source, int64_t now_us)
{
    return window_accepts(&source->window) && worth_a_frame(feed, source, now_us);
}

void feed_read_ahead(struct feed *feed, int64_t now_us)
{
    for (unsigned i = 0; i < feed->sources_count; i++) {
        while (has_unread(feed, &feed->sources[i], now_us)) {
            feed_draft_fill(&feed->draft, &feed->sources[i].reader, feed->config.rows_max);
            push_draft(&feed->sources[i], &feed->draft);
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

/* With nothing under way no frame finds out that the store came back with less: then it is asked now and then. */
static bool is_to_be_asked(struct source *source, int64_t now_us)
{
    if (source->window.count > 0 || source->window.acked_seq == 0)
        return false;
    if (source->ask_at_us == 0)
        source->ask_at_us = now_us + ASK_INTERVAL_US;
    return now_us >= source->ask_at_us;
}

/* Events without a record: an answer comes only from a store that has less. */
static void make_question(struct source *source)
{
    struct frame_header header;
    uint64_t acked = source->window.acked_seq;
    struct frame_events events = {
        .first_seq = acked + 1, .last_seq = acked, .acked_seq = acked, .gone_seq = source->gone_seq};
    memcpy(events.journal_id, source->meta->journal_id, sizeof events.journal_id);
    frame_header_write(&header, FRAME_EVENTS, source->meta->partition, source->meta->partitions, 0);
    zmq_msg_close(&source->question);
    CHECK(zmq_msg_init_size(&source->question, sizeof header + sizeof events) == 0);
    memcpy(zmq_msg_data(&source->question), &header, sizeof header);
    memcpy((unsigned char *)zmq_msg_data(&source->question) + sizeof header, &events, sizeof events);
}

bool feed_due(struct feed *feed, int64_t now_us, struct feed_frame *frame)
{
    for (uint16_t i = 0; i < feed->sources_count; i++) {
        struct source *source = &feed->sources[i];
        int slot = window_due(&source->window, now_us);
        if (slot >= 0) {
            *frame = (struct feed_frame){&source->frames[slot], i, (unsigned)slot};
            return true;
        }
        if (is_to_be_asked(source, now_us)) {
            make_question(source);
            *frame = (struct feed_frame){&source->question, i, SLOT_QUESTION};
            return true;
        }
    }
    return false;
}

void feed_sent(struct feed *feed, const struct feed_frame *frame, int64_t now_us)
{
    struct source *source = &feed->sources[frame->partition];
    source->ask_at_us = now_us + ASK_INTERVAL_US;
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
        const struct source *source = &feed->sources[i];
        int64_t next = window_deadline(&source->window);
        if (source->window.count == 0 && source->gather_until_us > now_us)
            next = source->gather_until_us;
        deadline = next < deadline ? next : deadline;
    }
    return deadline;
}

/* --- and back --- */

static void drop_frame(struct feed *feed, enum metric_drop drop, const char *reason)
{
    metrics_add(feed->metrics, METRIC_ISSUER_FRAMES_DROPPED, drop, 1);
    if (!feed->frame_dropped)
        log_warn("issuer", "dropped an acknowledgement frame: %s (logged once)", reason);
    feed->frame_dropped = true;
}

static void note_acked(const struct source *source)
{
    if (journal_acked_write(source->acked_fd, source->meta->journal_id, source->window.acked_seq) != 0)
        log_warn("issuer", "cannot note what the store has, it will be sent again after a restart: %s partition=%u",
                 strerror(errno), source->meta->partition);
}

static void advance(struct source *source)
{
    uint64_t before = source->window.acked_seq;
    for (int slot; (slot = window_pop(&source->window)) >= 0;)
        zmq_msg_close(&source->frames[slot]);
    if (source->window.acked_seq != before)
        note_acked(source);
}

/* The records between what the store has and what is still in a file, of which only a backup of the store knows. */
static void note_gap(struct source *source, uint64_t stored_seq, uint64_t first)
{
    bool gap = stored_seq + 1 < first;
    source->gone_seq = gap ? first - 1 : 0;
    metrics_set(source->metrics, METRIC_ISSUER_STORE_MISSING, 0, gap ? (int64_t)(first - 1 - stored_seq) : 0);
    if (gap)
        log_error("issuer",
                  "records %" PRIu64 " to %" PRIu64
                  " are in no journal file any more, and the store has lost them: bring "
                  "them back from another backup of the database partition=%u",
                  stored_seq + 1, first - 1, source->meta->partition);
}

/* A segment may go in the moment in which it is looked for: then the next one is the first. */
static int stand_behind_or_later(struct source *source, uint64_t stored_seq, uint64_t *first, struct error *error)
{
    uint64_t before = 0;
    while (first_kept(source, first, error) == 0 && *first != before) {
        if (stand_behind(source, stored_seq + 1 < *first ? *first - 1 : stored_seq, error) == 0)
            return 0;
        before = *first;
    }
    return -1;
}

/* The store came back with less than it had: it gets again what it lacks, as far as that is still in a file. */
static void rewind_to(struct source *source, uint64_t stored_seq)
{
    uint64_t first, acked = source->window.acked_seq;
    struct error error;
    forget_frames(source);
    window_restart(&source->window, stored_seq);
    source->gather_until_us = 0;
    note_acked(source); /* first, so that no more segments are removed but the one that is going */
    if (stand_behind_or_later(source, stored_seq, &first, &error) != 0)
        feed_reader_give_up(&source->reader, error.text);
    log_warn("issuer",
             "the store has records up to %" PRIu64 " only, it had acknowledged those up to %" PRIu64
             ": sending again from record %" PRIu64 " partition=%u",
             stored_seq, acked, source->reader.taken_seq + 1, source->meta->partition);
    metrics_add(source->metrics, METRIC_ISSUER_STORE_REWINDS, 0, 1);
    note_gap(source, stored_seq, first);
    note_acked(source);
}

/* False when a store that says so was told already, by this or another persister. */
static bool is_news(const struct source *source, uint64_t stored_seq)
{
    uint64_t has = stored_seq < source->gone_seq ? source->gone_seq : stored_seq;
    return has < source->window.acked_seq;
}

void feed_on_answer(struct feed *feed, const void *data, size_t size)
{
    struct frame_header header;
    struct frame_ack ack;
    const char *wrong = frame_check(data, size, &header);
    if (wrong == NULL &&
        ((header.kind != FRAME_ACK && header.kind != FRAME_BEHIND) || header.partition >= feed->sources_count))
        wrong = "no acknowledgement of ours";
    if (wrong != NULL) {
        drop_frame(feed, METRIC_DROP_MALFORMED, wrong);
        return;
    }
    struct source *source = &feed->sources[header.partition];
    memcpy(&ack, frame_records(data), sizeof ack);
    if (memcmp(ack.journal_id, source->meta->journal_id, sizeof ack.journal_id) != 0)
        drop_frame(feed, METRIC_DROP_MISDIRECTED, "an acknowledgement of another journal");
    else if (header.kind == FRAME_ACK && window_ack(&source->window, ack.first_seq, ack.last_seq))
        advance(source);
    else if (header.kind == FRAME_BEHIND && is_news(source, ack.last_seq))
        rewind_to(source, ack.last_seq);
}

/* --- how far it is --- */

bool feed_is_idle(const struct feed *feed, int64_t now_us)
{
    for (unsigned i = 0; i < feed->sources_count; i++) {
        if (is_free(&feed->sources[i], now_us))
            return true;
    }
    return false;
}

bool feed_is_done(const struct feed *feed)
{
    for (unsigned i = 0; i < feed->sources_count; i++) {
        if (feed->sources[i].window.acked_seq < journal_written_seq(feed->sources[i].journal))
            return false;
    }
    return true;
}

uint64_t feed_acked_seq(const struct feed *feed, uint16_t partition)
{
    CHECK(partition < feed->sources_count);
    return feed->sources[partition].window.acked_seq;
}

/* When the first record that the store does not have was written, sent or not; `now_us` when it has them all. */
static int64_t oldest_us(struct source *source, int64_t now_us)
{
    const struct window *window = &source->window;
    if (window->count > 0)
        return window->batches[window->first].time_us;
    const struct journal_batch_header *next = feed_reader_look(&source->reader);
    return next != NULL ? next->time_us : now_us;
}

static void report(struct source *source, int64_t now_us, int64_t steady_us)
{
    const struct window *window = &source->window;
    uint64_t synced = journal_synced_seq(source->journal);
    uint64_t written = journal_written_seq(source->journal);
    int64_t stamped_us = now_us - oldest_us(source, now_us);
    persist_lag_note(&source->lag, window->acked_seq, written, steady_us);
    metrics_set(source->metrics, METRIC_ISSUER_SYNCED_SEQ, 0, (int64_t)synced);
    metrics_set(source->metrics, METRIC_ISSUER_PERSISTED_SEQ, 0, (int64_t)window->acked_seq);
    metrics_set(source->metrics, METRIC_ISSUER_LAG_ROWS, 0, (int64_t)(written - window->acked_seq));
    metrics_set(source->metrics, METRIC_ISSUER_LAG_TIME, 0,
                persist_lag_us(&source->lag, window->acked_seq, written, stamped_us, steady_us));
    metrics_set(source->metrics, METRIC_ISSUER_STREAM_IN_FLIGHT, 0, window->count);
}

void feed_report(struct feed *feed, int64_t now_us, int64_t steady_us)
{
    for (unsigned i = 0; i < feed->sources_count; i++)
        report(&feed->sources[i], now_us, steady_us);
}
