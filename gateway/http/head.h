/*
 * One complete request head through the HTTP parser. http/head.c is the only file that knows which parser that is
 * (http-parser 2.9; llhttp may take its place). Pure.
 */
#ifndef COUPOND_HTTP_HEAD_H
#define COUPOND_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/http/fields.h"

/* Lifts the parser's own bound on heads, since ours are checked before. Process-wide; call before the first head. */
void http_head_init(void);

/*
 * Parses `size` bytes that begin with a request line and end with the empty line, all lines ending with CR LF.
 * False when the head is refused: fields->status and reason say why. fields->http_1_0 is the caller's to fill before.
 */
bool http_head_parse(const char *data, size_t size, struct http_fields *fields);

#endif
