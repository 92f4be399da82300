/*
 * The threads that read the store for HTTP, each with its own connection. They belong to the process: all gateway
 * threads share them. A connection is made for the first request, and again after it was lost. While the store cannot
 * be reached, requests fail at once instead of waiting for another attempt.
 */
#ifndef COUPOND_READING_READERS_H
#define COUPOND_READING_READERS_H

#include "gateway/reading/horizon.h"
#include "gateway/reading/port.h"
#include "shared/error.h"
#include "shared/options/options.h"

struct readers;

/* Starts options->gateway_store_threads threads for `ports` gateway threads. NULL when that is 0, and NULL with `error`
 * when the store's options are invalid. `options` must outlive the readers. */
struct readers *readers_create(const struct options *options, unsigned ports, struct error *error);
/* After every port is closed: ends the threads. One that waits for a store that hangs is left alone, with everything
 * that it uses (process/stop.h). Accepts NULL, sets *readers to NULL. */
void readers_destroy(struct readers **readers);

/* What gateway threads note of pongs. */
struct reading_horizon *readers_horizon(struct readers *readers);
/* The port of a gateway thread. */
struct reading_port *readers_port(struct readers *readers, unsigned thread);

/* --- on a gateway thread --- */

/* Hands the request over; false, with nothing done, when the queue is full. */
bool readers_submit(struct readers *readers, struct reading_request *request, int64_t now_us);
/* The same for the next page of a stream, which the queue always takes. */
void readers_continue(struct readers *readers, struct reading_request *request, int64_t now_us);

#endif
