#include "gateway/identity/credentials.h"

#include <stdlib.h>

struct credentials *credentials_create(struct key_set *keys, struct api_keys *api_keys)
{
    struct credentials *credentials = calloc(1, sizeof *credentials);
    CHECK(credentials != NULL);
    credentials->keys = keys;
    credentials->api_keys = api_keys;
    atomic_init(&credentials->holders, 1);
    return credentials;
}

static struct credentials *hold(struct credentials *credentials)
{
    atomic_fetch_add_explicit(&credentials->holders, 1, memory_order_relaxed);
    return credentials;
}

void credentials_release(struct credentials **credentials)
{
    struct credentials *self = *credentials;
    *credentials = NULL;
    if (self == NULL || atomic_fetch_sub_explicit(&self->holders, 1, memory_order_acq_rel) > 1)
        return;
    key_set_destroy(&self->keys);
    api_keys_destroy(&self->api_keys);
    free(self);
}

void credentials_board_init(struct credentials_board *board)
{
    atomic_init(&board->generation, 0);
    CHECK(pthread_mutex_init(&board->mutex, NULL) == 0);
    board->current = NULL;
}

void credentials_board_deinit(struct credentials_board *board)
{
    credentials_release(&board->current);
    pthread_mutex_destroy(&board->mutex);
}

void credentials_board_publish(struct credentials_board *board, struct credentials **credentials)
{
    struct credentials *before = NULL;
    pthread_mutex_lock(&board->mutex);
    before = board->current;
    board->current = *credentials;
    board->current->generation = before == NULL ? 1 : before->generation + 1;
    atomic_store_explicit(&board->generation, board->current->generation, memory_order_release);
    pthread_mutex_unlock(&board->mutex);
    *credentials = NULL;
    credentials_release(&before);
}

bool credentials_board_update(struct credentials_board *board, struct credentials **held)
{
    uint64_t mine = *held == NULL ? 0 : (*held)->generation;
    if (atomic_load_explicit(&board->generation, memory_order_acquire) == mine)
        return false;
    credentials_release(held);
    pthread_mutex_lock(&board->mutex);
    *held = hold(board->current);
    pthread_mutex_unlock(&board->mutex);
    return true;
}
