/*
 * Replies of Redis out of bytes, by hiredis' reader, into room of a fixed size: whatever a server says, it makes nobody
 * allocate or walk what it announces. Pure; used by one thread.
 */
#ifndef COUPOND_REDIS_READER_H
#define COUPOND_REDIS_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/http/span.h"

#define REDIS_TEXT_MAX  1024        /* bytes of one text that are kept */
#define REDIS_PARTS_MAX 3           /* members of an array that are kept */
#define REDIS_REPLY_MAX (64 * 1024) /* bytes of one reply; a server that sends more talks nonsense */

enum redis_kind { REDIS_NIL, REDIS_TEXT, REDIS_STATUS, REDIS_ERROR, REDIS_INTEGER, REDIS_ARRAY };

struct redis_value {
    enum redis_kind kind;
    bool cut; /* the text was longer than what is kept */
    size_t length;
    char text[REDIS_TEXT_MAX];
};

struct redis_reply {
    struct redis_value top;
    size_t parts_count; /* of an array, as announced; REDIS_PARTS_MAX of them are kept, arrays in arrays are not */
    struct redis_value parts[REDIS_PARTS_MAX];
};

struct redis_reader;

struct redis_reader *redis_reader_create(void);
void redis_reader_destroy(struct redis_reader **reader);
/* As new, for the next connection. */
void redis_reader_reset(struct redis_reader *reader);

/* Takes bytes. False when they can be no reply, now or with more: end the connection. */
bool redis_reader_feed(struct redis_reader *reader, const char *bytes, size_t size);
/* The next whole reply, valid until the next call; NULL when more bytes are needed, or `failed` is set. */
const struct redis_reply *redis_reader_next(struct redis_reader *reader, bool *failed);

static inline struct span redis_text(const struct redis_value *value)
{
    return (struct span){value->text, value->length};
}

#endif
