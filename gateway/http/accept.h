/*
 * Chooses the form of an answer by the request's Accept and Accept-Encoding (RFC 9110 §12.5). Pure.
 */
#ifndef COUPOND_HTTP_ACCEPT_H
#define COUPOND_HTTP_ACCEPT_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/http/span.h"

/* A media type that the server offers. */
struct http_offer {
    const char *type;
    const char *subtype;
};

/*
 * The index of the offer with the highest quality in `list`, the joined values of Accept. Of equal ones that which the
 * list names more exactly, then the first. 0, the default, when the list accepts none of them or is empty: an answer in
 * another format is more useful than none.
 */
unsigned http_accept_choose(struct span list, const struct http_offer *offers, unsigned count);

/* True when `list`, the joined values of Accept-Encoding, names the coding with a quality above 0. */
bool http_accept_names_coding(struct span list, const char *coding);

#endif
