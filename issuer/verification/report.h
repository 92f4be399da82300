/*
 * The JSON of `coupond verify --json --summary` as a reply to gateways. Pure.
 */
#ifndef COUPOND_VERIFICATION_REPORT_H
#define COUPOND_VERIFICATION_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/wire/frame_verification.h"

/* Fills the counts, the promises and `kept`; false, with `reply` unchanged, when the text is not such a report. */
bool verification_report_read(const char *text, size_t length, struct frame_verification_reply *reply);

/* Copies as much as fits without cutting a character; returns the length. */
size_t verification_text_copy(char *out, size_t room, const char *text);

#endif
