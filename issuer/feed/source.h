/*
 * The way of one journal to the store: the frames in flight, what the store has, and the file `acked`, which keeps that
 * for the next start. Pure, except for its journal and that file. Owned by the stream's thread.
 */
#ifndef COUPOND_FEED_SOURCE_H
#define COUPOND_FEED_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zmq.h>

#include "issuer/feed/draft.h"
#include "issuer/feed/persist_lag.h"
#include "issuer/feed/reader.h"
#include "issuer/feed/window.h"
#include "shared/error.h"
#include "shared/journal/dir.h"
#include "shared/journal/journal.h"
#include "shared/store/store.h"
#include "shared/telemetry/metrics.h"
#include "shared/wire/frame.h"

struct feed_source {
    struct journal *journal; /* borrowed */
    const struct journal_meta *meta;
    char dir[JOURNAL_PATH_MAX];
    struct feed_reader reader;
    int acked_fd;
    uint64_t acked_noted;             /* value of the file at the start */
    uint8_t store_id[STORE_ID_BYTES]; /* of the store that sent the acknowledgements; zeros: unknown */
    struct window window;
    zmq_msg_t frames[WINDOW_MAX]; /* by the window's slot */
    zmq_msg_t question;           /* asks whether the store still has what it acknowledged */
    int64_t ask_at_us;            /* 0: nothing asked or sent yet */
    int64_t gather_until_us;      /* until then only a full frame is sent */
    bool caught_up;               /* the last frame took all synced records and is no barrier */
    struct persist_lag lag;
    struct metrics *metrics;
    bool rests;        /* another member streams */
    uint64_t gone_seq; /* the store lost records up to this one that no file has any more; 0: none */
};

/* The journal is replayed and must outlive the source. -1 and `error`, also when it cannot be read; close the source
 * then, too. */
int feed_source_open(struct feed_source *source, struct journal *journal, const char *dir, unsigned in_flight_max,
                     int64_t resend_us, struct error *error);
void feed_source_close(struct feed_source *source);

/* Continues after the last record of the store with this id; zeros: of any store. Call before all others. */
int feed_source_begin(struct feed_source *source, const uint8_t store_id[STORE_ID_BYTES], struct error *error);

/* Call each turn: stops or goes on when the journal says that its records go to persisters, or do not: those of a
 * member that does not decide. */
void feed_source_rest_or_go_on(struct feed_source *source);
/* Call each turn: retries reads that failed for lack of descriptors. */
void feed_source_retry(struct feed_source *source);
/* False while another store cannot be followed, for the same reason. */
bool feed_source_can_follow(const struct feed_source *source);

/* Turns the draft into a frame for that store. */
void feed_source_push(struct feed_source *source, const struct feed_draft *draft,
                      const uint8_t store_id[STORE_ID_BYTES]);
/* True when nothing is in flight and the last frame was sent long enough ago. */
bool feed_source_is_free(const struct feed_source *source, int64_t now_us);

/* With nothing in flight, no answer reveals that the store has lost records: true when it is time to ask it. */
bool feed_source_is_to_be_asked(struct feed_source *source, int64_t now_us);
/* Fills source->question. */
void feed_source_make_question(struct feed_source *source, const uint8_t store_id[STORE_ID_BYTES]);
/* Records that something was sent to the store, which answers if it has less. */
void feed_source_asked(struct feed_source *source, int64_t now_us);

/* Processes an answer of the store being filled. */
void feed_source_on_answer(struct feed_source *source, enum frame_kind kind, const struct frame_ack *ack,
                           int64_t now_us);
/* A persister of another store received these records, or the question: sends them to another persister. */
void feed_source_on_refused(struct feed_source *source, const struct frame_ack *ack, int64_t now_us);

/* Fills the store with this id from now on. Acknowledgements of others no longer count: sends everything again that
 * files still have. */
void feed_source_follow(struct feed_source *source, const uint8_t store_id[STORE_ID_BYTES]);
/* Rebuilds the frames in flight, which carry an outdated store id. */
void feed_source_make_again(struct feed_source *source);

/* Updates the gauges. `now_us` is on the clock of records, `steady_us` on a clock that never steps. */
void feed_source_report(struct feed_source *source, int64_t now_us, int64_t steady_us);

#endif
