/*
 * Parses Redis replies with hiredis' reader into a fixed-size structure: no server can make it allocate or traverse an
 * announced size. Pure; used by one thread.
 */
#ifndef COUPOND_REDIS_READER_H
#define COUPOND_REDIS_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/http/span.h"

#define REDIS_TEXT_MAX  1024        /* stored bytes of one text */
#define REDIS_PARTS_MAX 3           /* stored members of an array */
#define REDIS_REPLY_MAX (64 * 1024) /* bytes of one reply; more is a protocol error */

enum redis_kind { REDIS_NIL, REDIS_TEXT, REDIS_STATUS, REDIS_ERROR, REDIS_INTEGER, REDIS_ARRAY };

struct redis_value {
    enum redis_kind kind;
    bool cut; /* the text exceeded the stored length */
    size_t length;
    char text[REDIS_TEXT_MAX];
};

struct redis_reply {
    struct redis_value top;
    size_t parts_count; /* array length as announced; REDIS_PARTS_MAX members are stored, nested arrays are not */
    struct redis_value parts[REDIS_PARTS_MAX];
};

struct redis_reader;

struct redis_reader *redis_reader_create(void);
void redis_reader_destroy(struct redis_reader **reader);
/* Resets it for the next connection. */
void redis_reader_reset(struct redis_reader *reader);

/* Adds bytes. False when they cannot be a reply: close the connection. */
bool redis_reader_feed(struct redis_reader *reader, const char *bytes, size_t size);
/* Returns the next complete reply, valid until the next call; NULL when more bytes are needed or `failed` is set. */
const struct redis_reply *redis_reader_next(struct redis_reader *reader, bool *failed);

static inline struct span redis_text(const struct redis_value *value)
{
    return (struct span){value->text, value->length};
}

#endif
