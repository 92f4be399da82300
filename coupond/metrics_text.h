/*
 * Reads Prometheus' text format, sample by sample. Pure, and nothing of the text is trusted: lines that are not
 * understood are passed over, and what is handed out points into the text and may hold any bytes.
 */
#ifndef COUPOND_METRICS_TEXT_H
#define COUPOND_METRICS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* A place in a text that is borrowed; needs no NUL at its end. */
struct metrics_text {
    const char *at;
    const char *end;
};

/* name{labels} value; borrowed from the text. */
struct metrics_sample {
    const char *name;
    size_t name_length;
    const char *labels; /* what stands between the braces */
    size_t labels_length;
    double value; /* may be NaN or infinite */
};

/* Takes the next sample; false at the end. */
bool metrics_text_next(struct metrics_text *text, struct metrics_sample *sample);

bool metrics_sample_is(const struct metrics_sample *sample, const char *name);
bool metrics_sample_begins(const struct metrics_sample *sample, const char *prefix);

/* The value of a label, with its escapes undone, NUL-terminated. False, and an empty text, when there is no such label,
 * or its value has no room in `size` bytes or holds a NUL. */
bool metrics_sample_label(const struct metrics_sample *sample, const char *name, char *value, size_t size);

/* Reads a number as the format writes one, such as a value or a bucket's bound. False when it is none. */
bool metrics_number(const char *text, size_t length, double *value);

#endif
