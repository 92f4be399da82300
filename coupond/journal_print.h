/*
 * Formats one journal record as a line of text or as JSON. Pure except for writing to the stream.
 */
#ifndef COUPOND_JOURNAL_PRINT_H
#define COUPOND_JOURNAL_PRINT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "shared/journal/format.h"

/* "7 p00 2026-11-21T02:25:00.000000Z issue coupon=A0001 user=alice sequence=1 nth=1" */
void journal_print_text(FILE *out, uint16_t partition, const struct journal_record *record);
/* {"journal_seq":7,"partition":0,"time":"…","type":"issue","coupon_id":"A0001","user_id":"alice","sequence":1,"nth":1}
 */
void journal_print_json(FILE *out, uint16_t partition, const struct journal_record *record);

/* A JSON string with its quotes; bytes that are no UTF-8 become U+FFFD. */
void journal_print_string(FILE *out, const char *text, size_t length);

#endif
