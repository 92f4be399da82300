/*
 * Formats numbers, times and sizes for `coupond top`: short, and with a fixed maximum of columns for any value. Unknown
 * values (NaN) become "-". Text is UTF-8.
 */
#ifndef COUPOND_TOP_FORMAT_H
#define COUPOND_TOP_FORMAT_H

#define TOP_TEXT_MAX 24 /* bytes, with the NUL; at most 12 columns */

/* 0.5, 12, 83,766, 1.23M, 4.00G. At most 7 columns. */
const char *top_count(double value, char out[TOP_TEXT_MAX]);
/* Seconds as a latency: 87 µs, 1.49 ms, 12.3 s. At most 7 columns. */
const char *top_time(double seconds, char out[TOP_TEXT_MAX]);
/* Seconds as a duration: 45 s, 12 m 05 s, 3 h 20 m, 5 d 03 h. At most 10 columns. */
const char *top_span(double seconds, char out[TOP_TEXT_MAX]);
/* 512 B, 2.8 MiB. At most 9 columns. */
const char *top_bytes(double bytes, char out[TOP_TEXT_MAX]);
/* A share of 0 to 1: 98 %. At most 6 columns; may exceed 1, such as for two busy cores. */
const char *top_percent(double share, char out[TOP_TEXT_MAX]);

#endif
