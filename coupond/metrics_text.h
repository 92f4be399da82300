/*
 * Reads the Prometheus text format sample by sample. Pure. The text is untrusted: lines that cannot be parsed are
 * skipped, and the results point into the text and may contain any bytes.
 */
#ifndef COUPOND_METRICS_TEXT_H
#define COUPOND_METRICS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* A position in a borrowed text, which need not be NUL-terminated. */
struct metrics_text {
    const char *at;
    const char *end;
};

/* name{labels} value; borrowed from the text. */
struct metrics_sample {
    const char *name;
    size_t name_length;
    const char *labels; /* the text between the braces */
    size_t labels_length;
    double value; /* may be NaN or infinite */
};

/* Takes the next sample; false at the end. */
bool metrics_text_next(struct metrics_text *text, struct metrics_sample *sample);

bool metrics_sample_is(const struct metrics_sample *sample, const char *name);
bool metrics_sample_begins(const struct metrics_sample *sample, const char *prefix);

/* Copies a label's value with its escapes undone, NUL-terminated. False and an empty string when the label is missing,
 * or its value does not fit into `size` bytes or contains a NUL. */
bool metrics_sample_label(const struct metrics_sample *sample, const char *name, char *value, size_t size);

/* Parses a number of the format, such as a value or a bucket's bound. False when it is invalid. */
bool metrics_number(const char *text, size_t length, double *value);

#endif
