#include "issuer/held.h"

#include <stdlib.h>

#include "shared/error.h"

#define CAPACITY_FIRST 1024

struct answer {
    uint64_t turn;
    zmq_msg_t gateway;
    zmq_msg_t reply;
};

/* A ring, which grows. */
struct held {
    struct answer *answers;
    size_t capacity; /* a power of two */
    size_t first;
    size_t count;
    size_t bytes;
};

struct held *held_create(void)
{
    struct held *held = calloc(1, sizeof *held);
    CHECK(held != NULL);
    held->capacity = CAPACITY_FIRST;
    held->answers = malloc(held->capacity * sizeof *held->answers);
    CHECK(held->answers != NULL);
    return held;
}

void held_destroy(struct held **held)
{
    if (*held == NULL)
        return;
    held_drop_all(*held);
    free((*held)->answers);
    free(*held);
    *held = NULL;
}

static struct answer *answer_at(struct held *held, size_t index)
{
    return &held->answers[(held->first + index) & (held->capacity - 1)];
}

/* A zmq_msg_t must be moved, not copied. */
static void move(struct answer *to, uint64_t turn, zmq_msg_t *gateway, zmq_msg_t *reply)
{
    to->turn = turn;
    zmq_msg_init(&to->gateway);
    zmq_msg_init(&to->reply);
    zmq_msg_move(&to->gateway, gateway);
    zmq_msg_move(&to->reply, reply);
}

static void close_answer(struct answer *answer)
{
    zmq_msg_close(&answer->gateway);
    zmq_msg_close(&answer->reply);
}

static void grow(struct held *held)
{
    struct answer *answers = malloc(2 * held->capacity * sizeof *answers);
    CHECK(answers != NULL);
    for (size_t i = 0; i < held->count; i++) {
        struct answer *old = answer_at(held, i);
        move(&answers[i], old->turn, &old->gateway, &old->reply);
        close_answer(old);
    }
    free(held->answers);
    held->answers = answers;
    held->capacity *= 2;
    held->first = 0;
}

void held_add(struct held *held, uint64_t turn, zmq_msg_t *gateway, zmq_msg_t *reply)
{
    if (held->count == held->capacity)
        grow(held);
    held->bytes += zmq_msg_size(reply);
    move(answer_at(held, held->count), turn, gateway, reply);
    held->count++;
}

bool held_first(struct held *held, uint64_t turn, zmq_msg_t **gateway, zmq_msg_t **reply)
{
    struct answer *first = answer_at(held, 0);
    if (held->count == 0 || first->turn > turn)
        return false;
    *gateway = &first->gateway;
    *reply = &first->reply;
    return true;
}

void held_drop_first(struct held *held)
{
    CHECK(held->count > 0);
    held->bytes -= zmq_msg_size(&answer_at(held, 0)->reply);
    close_answer(answer_at(held, 0));
    held->first = (held->first + 1) & (held->capacity - 1);
    held->count--;
}

size_t held_drop_all(struct held *held)
{
    size_t dropped = held->count;
    while (held->count > 0)
        held_drop_first(held);
    return dropped;
}

size_t held_count(const struct held *held)
{
    return held->count;
}

size_t held_bytes(const struct held *held)
{
    return held->bytes;
}
