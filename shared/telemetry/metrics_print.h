/*
 * Prometheus' text format: the building blocks of metrics_render(), and the lines that every process has. Any thread.
 */
#ifndef COUPOND_METRICS_PRINT_H
#define COUPOND_METRICS_PRINT_H

#include <stdio.h>

struct metrics_label {
    const char *key;
    const char *value;
};

/* HELP and TYPE of the following samples. */
void metrics_print_head(FILE *out, const char *name, const char *type, const char *help);
/* {partition="0",KEY="VALUE",…}; without the partition when it is negative, without braces when there are no labels. */
void metrics_print_labels(FILE *out, int partition, const struct metrics_label *labels, unsigned count);
/* Head and sample of a metric without labels. */
void metrics_print_plain(FILE *out, const char *name, const char *type, const char *help, double value);
/* process_cpu_seconds_total, process_resident_memory_bytes and the like. */
void metrics_print_process(FILE *out);
/* coupond_build_info. */
void metrics_print_build(FILE *out);

#endif
