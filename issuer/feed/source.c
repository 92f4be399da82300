#include "issuer/feed/source.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "shared/disk.h"
#include "shared/telemetry/log.h"

#define ASK_INTERVAL_US                                                                                                \
    5000000                /* between two questions whether the store of an idle partition still has everything        \
                            */
#define ASK_AGAIN_US 50000 /* when a persister of another store got the question */

/* --- life --- */

static void close_frames(struct feed_source *source)
{
    const struct window *window = &source->window;
    for (unsigned i = 0; i < window->count; i++)
        zmq_msg_close(&source->frames[(window->first + i) % window->capacity]);
}

void feed_source_close(struct feed_source *source)
{
    close_frames(source);
    zmq_msg_close(&source->question);
    feed_reader_close(&source->reader);
    if (source->acked_fd >= 0)
        disk->close(source->acked_fd);
}

int feed_source_open(struct feed_source *source, struct journal *journal, const char *dir, unsigned in_flight_max,
                     int64_t resend_us, struct error *error)
{
    CHECK(strlen(dir) < JOURNAL_PATH_MAX);
    *source = (struct feed_source){.journal = journal, .meta = journal_meta(journal)};
    strcpy(source->dir, dir);
    window_init(&source->window, in_flight_max, resend_us, 0);
    zmq_msg_init(&source->question);
    source->metrics = metrics_create("issuer", source->meta->partition);
    source->acked_fd = journal_acked_open(dir, error);
    if (source->acked_fd < 0 || feed_reader_open(&source->reader, journal, dir, error) != 0)
        return -1;
    source->acked_noted = journal_acked_read(dir, source->meta->journal_id, source->store_id);
    return 0;
}

/* The first record that a file still has. */
static int first_kept(const struct feed_source *source, uint64_t *seq, struct error *error)
{
    uint64_t *segments;
    size_t count;
    if (journal_segments_list(source->dir, &segments, &count, error) != 0)
        return -1;
    *seq = count > 0 ? segments[0] : 1;
    free(segments);
    return 0;
}

static int stand_behind(struct feed_source *source, uint64_t acked, struct error *error)
{
    int result = feed_reader_stand_behind(&source->reader, acked, error);
    window_restart(&source->window, source->reader.taken_seq);
    return result;
}

/* Published before a rewind is counted, so that a scrape that sees the rewind also sees the backlog. */
static void report_position(const struct feed_source *source)
{
    uint64_t acked = source->rests ? journal_acked_seq(source->journal) : source->window.acked_seq;
    uint64_t written = journal_written_seq(source->journal);
    metrics_set(source->metrics, METRIC_ISSUER_PERSISTED_SEQ, 0, (int64_t)acked);
    metrics_set(source->metrics, METRIC_ISSUER_LAG_ROWS, 0, (int64_t)(written > acked ? written - acked : 0));
}

static bool belongs_to_another(const struct feed_source *source, const uint8_t id[STORE_ID_BYTES])
{
    return store_id_is_known(source->store_id) && store_id_is_known(id) &&
           memcmp(source->store_id, id, STORE_ID_BYTES) != 0;
}

static void note_acked(const struct feed_source *source)
{
    journal_note_acked(source->journal, source->window.acked_seq);
    if (journal_acked_write(source->acked_fd, source->meta->journal_id, source->store_id, source->window.acked_seq) !=
        0)
        log_warn("issuer", "cannot save the store's position; after a restart records are sent again: %s partition=%u",
                 strerror(errno), source->meta->partition);
}

int feed_source_begin(struct feed_source *source, const uint8_t store_id[STORE_ID_BYTES], struct error *error)
{
    uint64_t first;
    uint64_t acked = belongs_to_another(source, store_id) ? 0 : source->acked_noted;
    if (first_kept(source, &first, error) != 0)
        return -1;
    /* Records that no file has any more were acknowledged, even if a power loss undid the note of that. */
    if (stand_behind(source, acked < first ? first - 1 : acked, error) != 0)
        return -1;
    if (belongs_to_another(source, store_id)) {
        memcpy(source->store_id, store_id, STORE_ID_BYTES);
        note_acked(source);
    }
    return 0;
}

/* --- into frames --- */

void feed_source_retry(struct feed_source *source)
{
    if (!source->reader.starved)
        return;
    feed_reader_peek(&source->reader);
    if (!source->reader.starved && source->window.count == 0)
        window_restart(&source->window, source->reader.taken_seq);
}

bool feed_source_can_follow(const struct feed_source *source)
{
    uint64_t first;
    struct error error;
    return first_kept(source, &first, &error) == 0 || !disk_is_shortage(errno);
}

/* What every frame says of its journal, and of the store that it is for. */
static void identify(const struct feed_source *source, const uint8_t store_id[STORE_ID_BYTES],
                     struct frame_events *events)
{
    const struct journal_meta *meta = source->meta;
    events->acked_seq = source->window.acked_seq;
    events->gone_seq = source->gone_seq;
    memcpy(events->journal_id, meta->journal_id, sizeof events->journal_id);
    memcpy(events->store_id, store_id, sizeof events->store_id);
    memcpy(events->fingerprint_key, meta->fingerprint_key, sizeof events->fingerprint_key);
    memcpy(events->code_key, meta->code_key, sizeof events->code_key);
}

void feed_source_push(struct feed_source *source, const struct feed_draft *draft,
                      const uint8_t store_id[STORE_ID_BYTES])
{
    struct frame_events events = {.first_seq = draft->first_seq, .last_seq = draft->last_seq};
    identify(source, store_id, &events);
    struct frame_header header;
    frame_header_write(&header, FRAME_EVENTS, source->meta->partition, source->meta->partitions, draft->count);
    memcpy(draft->bytes, &header, sizeof header);
    memcpy(draft->bytes + sizeof header, &events, sizeof events);
    unsigned slot = window_push(&source->window, draft->first_seq, draft->last_seq, draft->time_us, draft->barrier);
    CHECK(zmq_msg_init_size(&source->frames[slot], draft->size) == 0);
    memcpy(zmq_msg_data(&source->frames[slot]), draft->bytes, draft->size);
    source->caught_up = !draft->barrier && !draft->leaves_some;
}

bool feed_source_is_free(const struct feed_source *source, int64_t now_us)
{
    return source->window.count == 0 && now_us >= source->gather_until_us;
}

bool feed_source_is_to_be_asked(struct feed_source *source, int64_t now_us)
{
    if (source->window.count > 0 || source->window.acked_seq == 0 || source->rests)
        return false;
    if (source->ask_at_us == 0)
        source->ask_at_us = now_us + ASK_INTERVAL_US;
    return now_us >= source->ask_at_us;
}

/* An event frame without records: only a store that has less answers. */
void feed_source_make_question(struct feed_source *source, const uint8_t store_id[STORE_ID_BYTES])
{
    uint64_t acked = source->window.acked_seq;
    struct frame_events events = {.first_seq = acked + 1, .last_seq = acked};
    identify(source, store_id, &events);
    struct frame_header header;
    frame_header_write(&header, FRAME_EVENTS, source->meta->partition, source->meta->partitions, 0);
    zmq_msg_close(&source->question);
    CHECK(zmq_msg_init_size(&source->question, sizeof header + sizeof events) == 0);
    memcpy(zmq_msg_data(&source->question), &header, sizeof header);
    memcpy((unsigned char *)zmq_msg_data(&source->question) + sizeof header, &events, sizeof events);
}

void feed_source_asked(struct feed_source *source, int64_t now_us)
{
    source->ask_at_us = now_us + ASK_INTERVAL_US;
}

/* --- answers --- */

static void advance(struct feed_source *source)
{
    uint64_t before = source->window.acked_seq;
    for (int slot; (slot = window_pop(&source->window)) >= 0;)
        zmq_msg_close(&source->frames[slot]);
    if (source->window.acked_seq != before)
        note_acked(source);
}

/* The records after the store's last and before the first file: only a backup of the database may have them. */
static void note_gap(struct feed_source *source, uint64_t stored_seq, uint64_t first)
{
    bool gap = stored_seq + 1 < first;
    source->gone_seq = gap ? first - 1 : 0;
    metrics_set(source->metrics, METRIC_ISSUER_STORE_MISSING, 0, gap ? (int64_t)(first - 1 - stored_seq) : 0);
    if (gap)
        log_error("issuer",
                  "records %" PRIu64 " to %" PRIu64
                  " are missing from the store and the journal no longer has them: restore a newer backup of the "
                  "database partition=%u",
                  stored_seq + 1, first - 1, source->meta->partition);
}

/* A segment may be removed while it is being looked up: then start with the next one. */
static int stand_behind_or_later(struct feed_source *source, uint64_t stored_seq, uint64_t *first, struct error *error)
{
    uint64_t before = 0;
    while (first_kept(source, first, error) == 0 && *first != before) {
        if (stand_behind(source, stored_seq + 1 < *first ? *first - 1 : stored_seq, error) == 0)
            return 0;
        before = *first;
    }
    return -1;
}

/* The store came back with fewer records: sends those again that files still have. */
static void rewind_to(struct feed_source *source, uint64_t stored_seq)
{
    uint64_t first, acked = source->window.acked_seq;
    if (!feed_source_can_follow(source))
        return; /* the next frame or question gets the same answer */
    close_frames(source);
    window_restart(&source->window, stored_seq);
    source->gather_until_us = 0;
    note_acked(source); /* first, so that no further segment is removed */
    struct error error;
    if (stand_behind_or_later(source, stored_seq, &first, &error) != 0)
        feed_reader_give_up(&source->reader, error.text);
    log_warn("issuer",
             "the store lost records: it has them up to %" PRIu64 " but had acknowledged up to %" PRIu64
             "; resending from record %" PRIu64 " partition=%u",
             stored_seq, acked, source->reader.taken_seq + 1, source->meta->partition);
    report_position(source);
    metrics_add(source->metrics, METRIC_ISSUER_STORE_REWINDS, 0, 1);
    note_gap(source, stored_seq, first);
    note_acked(source);
}

/* False when this or another persister already reported the same. */
static bool is_news(const struct feed_source *source, uint64_t stored_seq)
{
    uint64_t has = stored_seq < source->gone_seq ? source->gone_seq : stored_seq;
    return has < source->window.acked_seq;
}

void feed_source_on_refused(struct feed_source *source, const struct frame_ack *ack, int64_t now_us)
{
    if (source->rests)
        return;
    bool question = ack->first_seq == ack->last_seq + 1;
    if (question)
        source->ask_at_us = now_us + ASK_AGAIN_US;
    else
        window_refused(&source->window, ack->first_seq, ack->last_seq);
}

void feed_source_on_answer(struct feed_source *source, enum frame_kind kind, const struct frame_ack *ack,
                           int64_t now_us)
{
    if (source->rests)
        return;
    memcpy(source->store_id, ack->store_id, sizeof source->store_id); /* it may have been unknown */
    if (kind == FRAME_REFUSED)
        feed_source_on_refused(source, ack, now_us);
    else if (kind == FRAME_ACK && window_ack(&source->window, ack->first_seq, ack->last_seq))
        advance(source);
    else if (kind == FRAME_BEHIND && is_news(source, ack->last_seq))
        rewind_to(source, ack->last_seq);
}

/* --- another store --- */

void feed_source_make_again(struct feed_source *source)
{
    close_frames(source);
    source->gather_until_us = 0;
    struct error error;
    if (stand_behind(source, source->window.acked_seq, &error) != 0)
        feed_reader_give_up(&source->reader, error.text);
}

/* Fills another store than before: sends everything that files still have, and asks it for its position. */
static void begin_anew(struct feed_source *source)
{
    close_frames(source);
    window_restart(&source->window, 0);
    source->gather_until_us = 0;
    source->gone_seq = 0;
    metrics_set(source->metrics, METRIC_ISSUER_STORE_MISSING, 0, 0); /* until the store answers */
    uint64_t first;
    note_acked(source); /* first, so that no further segment is removed */
    struct error error;
    if (stand_behind_or_later(source, 0, &first, &error) != 0)
        feed_reader_give_up(&source->reader, error.text);
    log_warn("issuer", "the journal now fills another store: sending again from record %" PRIu64 " partition=%u",
             source->reader.taken_seq + 1, source->meta->partition);
    report_position(source);
    metrics_add(source->metrics, METRIC_ISSUER_STORE_REWINDS, 0, 1);
}

void feed_source_follow(struct feed_source *source, const uint8_t store_id[STORE_ID_BYTES])
{
    bool other = belongs_to_another(source, store_id);
    memcpy(source->store_id, store_id, STORE_ID_BYTES);
    if (other)
        begin_anew(source);
    note_acked(source);
}

/* --- members --- */

/* The owner that it succeeds has told how far the store is. */
void feed_source_rest_or_go_on(struct feed_source *source)
{
    bool streams = journal_streams(source->journal);
    uint64_t told = journal_acked_seq(source->journal);
    if (streams == !source->rests)
        return;
    close_frames(source);
    window_restart(&source->window, source->window.acked_seq);
    source->rests = !streams;
    source->gather_until_us = source->ask_at_us = 0;
    if (source->rests)
        return;
    struct error error;
    if (stand_behind(source, told > source->window.acked_seq ? told : source->window.acked_seq, &error) != 0)
        feed_reader_give_up(&source->reader, error.text);
    note_acked(source);
    log_info("issuer", "the stream continues after record %" PRIu64 " partition=%u", source->window.acked_seq,
             source->meta->partition);
}

/* --- how far it is --- */

/* The time of the first record that the store lacks, sent or not; `now_us` when it has them all. */
static int64_t oldest_us(struct feed_source *source, int64_t now_us)
{
    const struct window *window = &source->window;
    if (window->count > 0)
        return window->batches[window->first].time_us;
    const struct journal_batch_header *next = feed_reader_peek(&source->reader);
    bool unknown = next == NULL && source->reader.starved;
    return next != NULL || unknown ? source->reader.held_header.time_us : now_us;
}

void feed_source_report(struct feed_source *source, int64_t now_us, int64_t steady_us)
{
    const struct window *window = &source->window;
    uint64_t synced = journal_synced_seq(source->journal);
    uint64_t written = journal_written_seq(source->journal);
    int64_t stamped_us = source->rests ? 0 : now_us - oldest_us(source, now_us);
    persist_lag_note(&source->lag, window->acked_seq, written, steady_us);
    metrics_set(source->metrics, METRIC_ISSUER_SYNCED_SEQ, 0, (int64_t)synced);
    report_position(source);
    int64_t lag_us = persist_lag_us(&source->lag, window->acked_seq, written, stamped_us, steady_us);
    metrics_set(source->metrics, METRIC_ISSUER_LAG_TIME, 0, source->rests ? 0 : lag_us);
    metrics_set(source->metrics, METRIC_ISSUER_STREAM_IN_FLIGHT, 0, window->count);
}
