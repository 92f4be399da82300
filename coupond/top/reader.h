/*
 * Reads one member's data repeatedly on its own thread, so that a member that does not answer delays neither the others
 * nor the keyboard. The main thread starts each reading and takes the result.
 */
#ifndef COUPOND_TOP_READER_H
#define COUPOND_TOP_READER_H

#include <stdbool.h>

#include "coupond/bench/options.h"
#include "coupond/top/model.h"

struct top_reader;

/* Starts the thread, which lives as long as the process. Each reading signals the eventfd `notify_fd`. */
struct top_reader *top_reader_start(const struct http_url *url, int notify_fd, struct error *error);
/* Starts a reading, with the coupons if it is a gateway and `coupons` is set. No effect while one is in progress. */
void top_reader_ask(struct top_reader *reader, bool coupons);
/* True while a reading is in progress. */
bool top_reader_busy(struct top_reader *reader);
/* Copies a new reading, once; false when there is none. */
bool top_reader_take(struct top_reader *reader, struct top_reading *reading);

#endif
