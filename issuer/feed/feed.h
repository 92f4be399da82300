/*
 * What the stream does, without its sockets: reads behind the journals of all partitions, makes frames of what is
 * synced, says which of them are to be sent now, and takes what the persisters answer. No thread and no clock of its
 * own, so that it can be stepped by hand. Owned by the stream's thread.
 *
 *   in   FRAME_ACK      records first to last are in the store
 *        FRAME_BEHIND   the store has lost what it had: it came back empty, or from a backup
 *        FRAME_REFUSED  the persister's store is another one than ours: nothing was written
 *   out  FRAME_EVENTS   whole journal batches, again and again until they are acknowledged
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
    uint8_t store_id[STORE_ID_BYTES]; /* of the store that is filled; zeros: see feed/store.h */
    bool may_look;                    /* the issuer can look into its store: see there */
    size_t rows_max;                  /* journal records in one frame; a journal batch is never split */
    unsigned in_flight_max;           /* frames of a partition that are under way */
    int64_t resend_us;
    int64_t gather_us; /* from the leaving of a frame that left nothing behind to the next one's that is not full */
};

struct feed *feed_create(const struct feed_config *config);
void feed_destroy(struct feed **feed);

/* Adds the next partition's journal, already replayed; it outlives the feed. -1 and `error` when it cannot be read. */
int feed_add(struct feed *feed, struct journal *journal, const char *dir, struct error *error);

/* The journals are still to be compared with the store: until feed_on_compared() nothing leaves, and looks are wanted.
 */
void feed_await_comparison(struct feed *feed);
void feed_on_compared(struct feed *feed);

/* Makes frames of what is synced, as far as the bounds allow. Stops the process when a journal cannot be read back. */
void feed_read_ahead(struct feed *feed, int64_t now_us);
/* True when feed_read_ahead() has something to do. */
bool feed_has_unread(const struct feed *feed, int64_t now_us);

/* A frame that is to be sent now; the message is borrowed, and copied to be sent. */
struct feed_frame {
    zmq_msg_t *message;
    uint16_t partition;
    unsigned slot;
};

/* False when nothing is to be sent at `now_us`. */
bool feed_due(struct feed *feed, int64_t now_us, struct feed_frame *frame);
/* The frame was handed over at `now_us`. */
void feed_sent(struct feed *feed, const struct feed_frame *frame, int64_t now_us);
/* When feed_read_ahead() and feed_due() have to be asked again at the latest; INT64_MAX: nothing waits for an answer.
 */
int64_t feed_deadline(const struct feed *feed, int64_t now_us);

/* Takes what a persister answered: any bytes. What is not understood is counted, logged once and dropped; so is what
 * comes from another store than ours. */
void feed_on_answer(struct feed *feed, const void *data, size_t size, int64_t now_us);

/* True when somebody has to look which id the configured store has, and to tell feed_on_look(). */
bool feed_wants_look(struct feed *feed, int64_t now_us);
/* True when the store that was found is the one that is filled now, and no other gets anything any more. */
bool feed_on_look(struct feed *feed, enum feed_store_look look, const uint8_t id[STORE_ID_BYTES], int64_t now_us);
/* True while another store than ours answers; which one goes to `id`. */
bool feed_sees_other_store(const struct feed *feed, int64_t now_us, uint8_t id[STORE_ID_BYTES]);

/* True when a partition has nothing under way and gathers nothing, so that its next record is worth waking for. False
 * while the store is not known: no record leaves then. */
bool feed_is_idle(const struct feed *feed, int64_t now_us);
/* True when the store has every record that is written. */
bool feed_is_done(const struct feed *feed);
/* Up to which record the store has everything. */
uint64_t feed_acked_seq(const struct feed *feed, uint16_t partition);

/* Brings the gauges up to date. `now_us` is the time that records bear, `steady_us` a clock that never steps. */
void feed_report(struct feed *feed, int64_t now_us, int64_t steady_us);
/* The same of another store, by the clock of all other functions. */
void feed_report_store(struct feed *feed, int64_t now_us);

#endif
