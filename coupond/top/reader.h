/*
 * Looks at one member, again and again, on a thread of its own, so that one that does not answer holds up neither the
 * others nor the keyboard. The main thread says when, and takes what was read.
 */
#ifndef COUPOND_TOP_READER_H
#define COUPOND_TOP_READER_H

#include <stdbool.h>

#include "coupond/bench/options.h"
#include "coupond/top/model.h"

struct top_reader;

/* Starts the thread; it lives as long as the process. `notify_fd` is an eventfd that each reading raises. */
struct top_reader *top_reader_start(const struct http_url *url, int notify_fd, struct error *error);
/* Asks for a reading, with the coupons when it is a gateway and `coupons` is set. Nothing while one is under way. */
void top_reader_ask(struct top_reader *reader, bool coupons);
/* True while a reading is under way. */
bool top_reader_busy(struct top_reader *reader);
/* Copies a new reading, once; false when there is none. */
bool top_reader_take(struct top_reader *reader, struct top_reading *reading);

#endif
