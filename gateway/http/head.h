/*
 * Parses one complete request head. Only http/head.c depends on the parser (http-parser 2.9; llhttp could replace it).
 * Pure.
 */
#ifndef COUPOND_HTTP_HEAD_H
#define COUPOND_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/http/fields.h"

/* Lifts the parser's own limit on heads, since ours applies before. Process-wide; call before the first head. */
void http_head_init(void);

/*
 * Parses `size` bytes, from the request line to the empty line, with CR LF line ends. False when the head is refused:
 * fields->status and reason say why. The caller sets fields->http_1_0 before.
 */
bool http_head_parse(const char *data, size_t size, struct http_fields *fields);

#endif
