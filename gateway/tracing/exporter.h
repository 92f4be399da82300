/*
 * Sends the traces of all gateway threads to a collector, on a thread of its own. A collector that is away, slow or
 * busy is tried again, as it asks for or after a growing time; meanwhile the queue fills, and further traces are
 * dropped and counted. Nothing else waits.
 */
#ifndef COUPOND_EXPORTER_H
#define COUPOND_EXPORTER_H

#include "gateway/tracing/port.h"
#include "shared/error.h"
#include "shared/options/options.h"

struct exporter;

/* *exporter is NULL when gateway/traces_url is empty. -1 and `error` when the thread cannot be created. Call before the
 * gateway's threads start; `options` is borrowed. */
int exporter_create(const struct options *options, struct exporter **exporter, struct error *error);
/* Sends what is queued if the collector takes it within a moment, and ends the thread. Accepts NULL. */
void exporter_destroy(struct exporter **exporter);

/* A gateway thread's port, whose done traces are queued here. `threads`: how many share gateway/traces_rate. The caller
 * destroys it before the exporter. */
struct trace_port *exporter_create_port(struct exporter *exporter, unsigned threads, struct metrics *metrics);

#endif
