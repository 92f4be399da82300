#include "gateway/redis/reader.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>

#include "shared/error.h"

struct redis_reader {
    redisReader *reader;
    size_t unfinished; /* bytes since the last complete reply */
    struct redis_reply reply;
};

/* Where a value of the current reply is stored; NULL when it is discarded. */
static struct redis_value *place(const redisReadTask *task)
{
    struct redis_reply *reply = task->privdata;
    if (task->parent == NULL)
        return &reply->top;
    if (task->parent->parent != NULL || task->idx < 0 || task->idx >= REDIS_PARTS_MAX)
        return NULL;
    return &reply->parts[task->idx];
}

static void *keep(const redisReadTask *task, enum redis_kind kind, const char *text, size_t length)
{
    struct redis_value *value = place(task);
    if (value != NULL) {
        value->kind = kind;
        value->cut = length > REDIS_TEXT_MAX;
        value->length = value->cut ? REDIS_TEXT_MAX : length;
        if (value->length > 0)
            memcpy(value->text, text, value->length);
    }
    return task->privdata; /* any pointer but NULL, which would signal that memory has run out */
}

static void *keep_string(const redisReadTask *task, char *text, size_t length)
{
    if (task->type == REDIS_REPLY_ERROR)
        return keep(task, REDIS_ERROR, text, length);
    return keep(task, task->type == REDIS_REPLY_STATUS ? REDIS_STATUS : REDIS_TEXT, text, length);
}

#if HIREDIS_MAJOR >= 1
static void *keep_array(const redisReadTask *task, size_t count)
#else
static void *keep_array(const redisReadTask *task, int count)
#endif
{
    struct redis_reply *reply = task->privdata;
    if (task->parent == NULL)
        reply->parts_count = (size_t)count;
    return keep(task, REDIS_ARRAY, "", 0);
}

static void *keep_integer(const redisReadTask *task, long long number)
{
    (void)number;
    return keep(task, REDIS_INTEGER, "", 0);
}

static void *keep_nil(const redisReadTask *task)
{
    return keep(task, REDIS_NIL, "", 0);
}

static void free_nothing(void *object)
{
    (void)object;
}

static redisReplyObjectFunctions functions = {
    .createString = keep_string,
    .createArray = keep_array,
    .createInteger = keep_integer,
    .createNil = keep_nil,
    .freeObject = free_nothing,
};

static void begin(struct redis_reader *reader)
{
    reader->reader = redisReaderCreateWithFunctions(&functions);
    CHECK(reader->reader != NULL);
    reader->reader->privdata = &reader->reply;
    reader->unfinished = 0;
}

struct redis_reader *redis_reader_create(void)
{
    struct redis_reader *reader = calloc(1, sizeof *reader);
    CHECK(reader != NULL);
    begin(reader);
    return reader;
}

void redis_reader_destroy(struct redis_reader **reader)
{
    if (*reader == NULL)
        return;
    redisReaderFree((*reader)->reader);
    free(*reader);
    *reader = NULL;
}

void redis_reader_reset(struct redis_reader *reader)
{
    redisReaderFree(reader->reader);
    begin(reader);
}

bool redis_reader_feed(struct redis_reader *reader, const char *bytes, size_t size)
{
    reader->unfinished += size;
    return redisReaderFeed(reader->reader, bytes, size) == REDIS_OK;
}

const struct redis_reply *redis_reader_next(struct redis_reader *reader, bool *failed)
{
    void *object = NULL;
    *failed = redisReaderGetReply(reader->reader, &object) != REDIS_OK;
    if (*failed)
        return NULL;
    if (object == NULL) {
        *failed = reader->unfinished > REDIS_REPLY_MAX;
        return NULL;
    }
    reader->unfinished = 0;
    return &reader->reply;
}
