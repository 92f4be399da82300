/*
 * The logic of the stream without its sockets: reads the journals of all partitions behind their writers, builds frames
 * of synced batches, says which frames to send, and processes the answers of persisters. No thread and no clock of its
 * own, so that tests can step it. Owned by the stream's thread.
 *
 *   in   FRAME_ACK      records first to last are in the store
 *        FRAME_BEHIND   the store has lost records: it came back empty, or from a backup
 *        FRAME_REFUSED  the persister fills another store than ours: nothing was written
 *   out  FRAME_EVENTS   whole journal batches, resent until they are acknowledged
 */
#ifndef COUPOND_FEED_H
#define COUPOND_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zmq.h>

#include "issuer/feed/store.h"
#include "shared/error.h"
#include "shared/journal/journal.h"
#include "shared/store/store.h"

struct feed;

struct feed_config {
    uint8_t store_id[STORE_ID_BYTES]; /* of the store to fill; zeros: see feed/store.h */
    bool may_probe;                   /* the issuer can connect to its store: see feed/store.h */
    size_t rows_max;                  /* journal records in one frame; a journal batch is never split */
    unsigned in_flight_max;           /* frames of a partition in flight */
    int64_t resend_us;
    int64_t gather_us; /* minimum time from a frame that took everything to the next one that is not full */
};

struct feed *feed_create(const struct feed_config *config);
void feed_destroy(struct feed **feed);

/*
 * Adds the next partition's journal, already replayed; it must outlive the feed. -1 and `error` when it cannot be read.
 */
int feed_add(struct feed *feed, struct journal *journal, const char *dir, struct error *error);

/* Call while the journals have not been compared with the store: until feed_on_compared() nothing is sent, and probes
 * are wanted. */
void feed_await_comparison(struct feed *feed);
void feed_on_compared(struct feed *feed);

/* Builds frames of synced batches, within the limits. Stops the process when a journal cannot be read. */
void feed_read_ahead(struct feed *feed, int64_t now_us);
/* True when feed_read_ahead() has something to do. */
bool feed_has_unread(const struct feed *feed, int64_t now_us);

/* A frame to send now; the message is borrowed and must be copied to be sent. */
struct feed_frame {
    zmq_msg_t *message;
    uint16_t partition;
    unsigned slot;
};

/* False when nothing is to be sent at `now_us`. */
bool feed_due(struct feed *feed, int64_t now_us, struct feed_frame *frame);
/* Records that the frame was sent at `now_us`. */
void feed_sent(struct feed *feed, const struct feed_frame *frame, int64_t now_us);
/* The latest time to call feed_read_ahead() and feed_due() again; INT64_MAX: no answer is awaited. */
int64_t feed_deadline(const struct feed *feed, int64_t now_us);

/* Processes an answer of a persister, which may be any bytes. Malformed answers are counted, logged once and dropped,
 * as are those from another store. */
void feed_on_answer(struct feed *feed, const void *data, size_t size, int64_t now_us);

/* True when the caller has to find out the id of the configured store and call feed_on_probe(). */
bool feed_wants_probe(struct feed *feed, int64_t now_us);
/* True when the store found is now the one being filled, and no other receives records any more. */
bool feed_on_probe(struct feed *feed, enum feed_store_probe probe, const uint8_t id[STORE_ID_BYTES], int64_t now_us);
/* True while another store than ours answers; its id goes to `id`. */
bool feed_sees_other_store(const struct feed *feed, int64_t now_us, uint8_t id[STORE_ID_BYTES]);

/* True when a partition has nothing in flight and gathers nothing, so that its next record should wake the stream.
 * False while the store is unknown, because no record is sent then. */
bool feed_is_idle(const struct feed *feed, int64_t now_us);
/* True when the store has every record written. */
bool feed_is_done(const struct feed *feed);
/* The last record up to which the store has everything. */
uint64_t feed_acked_seq(const struct feed *feed, uint16_t partition);

/* Updates the gauges. `now_us` is on the clock of records, `steady_us` on a clock that never steps. */
void feed_report(struct feed *feed, int64_t now_us, int64_t steady_us);
/* Updates the gauge of another store; `now_us` is on the clock of all other functions. */
void feed_report_store(struct feed *feed, int64_t now_us);

#endif
