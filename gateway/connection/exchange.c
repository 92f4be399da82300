#include "gateway/connection/exchange.h"

#include <stdlib.h>

#include "gateway/api/listing.h"
#include "gateway/connection/request_note.h"
#include "gateway/reading/port.h"
#include "shared/error.h"

enum { ANSWER_KEEP = 1024 };

void exchanges_init(struct exchanges *exchanges, uint32_t capacity)
{
    *exchanges = (struct exchanges){.capacity = capacity};
    exchanges->slots = calloc(capacity, sizeof *exchanges->slots);
    CHECK(exchanges->slots != NULL);
}

void exchanges_deinit(struct exchanges *exchanges)
{
    for (uint32_t i = 0; i < exchanges->touched; i++) {
        listing_destroy(&exchanges->slots[i].listing);
        reading_port_drop(&exchanges->slots[i].reading);
        free(exchanges->slots[i].change);
        free(exchanges->slots[i].if_none_match);
        free(exchanges->slots[i].if_match);
        request_note_destroy(&exchanges->slots[i].note);
        buffer_deinit(&exchanges->slots[i].answer);
    }
    free(exchanges->slots);
    *exchanges = (struct exchanges){0};
}

/* Resets everything except the slot's identity and its buffer's allocation. */
static void blank(struct exchange *exchange)
{
    *exchange = (struct exchange){
        .answer = exchange->answer,
        .index = exchange->index,
        .generation = exchange->generation,
    };
}

struct exchange *exchange_acquire(struct exchanges *exchanges)
{
    struct exchange *exchange = exchanges->free;
    if (exchange != NULL) {
        exchanges->free = exchange->queue_next;
    } else if (exchanges->touched < exchanges->capacity) {
        exchange = &exchanges->slots[exchanges->touched];
        exchange->index = exchanges->touched++;
        exchange->generation = 1;
    } else {
        return NULL;
    }
    exchanges->used++;
    blank(exchange);
    return exchange;
}

void exchange_release(struct exchanges *exchanges, struct exchange *exchange)
{
    exchange_settle(exchanges, exchange);
    listing_destroy(&exchange->listing);
    reading_port_drop(&exchange->reading);
    free(exchange->change);
    exchange->change = NULL;
    free(exchange->if_none_match);
    exchange->if_none_match = NULL;
    free(exchange->if_match);
    exchange->if_match = NULL;
    if (exchange->note != NULL)
        request_note_destroy(&exchange->note);
    buffer_clear(&exchange->answer, ANSWER_KEEP);
    exchange->connection = NULL;
    exchange->generation++;
    exchange->queue_next = exchanges->free;
    exchanges->free = exchange;
    exchanges->used--;
}

uint64_t exchange_tag(const struct exchange *exchange)
{
    return (uint64_t)exchange->generation << 32 | exchange->index;
}

struct exchange *exchange_find(struct exchanges *exchanges, uint64_t tag)
{
    uint32_t index = (uint32_t)tag;
    struct exchange *exchange = index < exchanges->touched ? &exchanges->slots[index] : NULL;
    if (exchange == NULL || exchange->generation != (uint32_t)(tag >> 32) || exchange->waiting == 0)
        return NULL;
    return exchange;
}

void exchange_wait(struct exchanges *exchanges, struct exchange *exchange, uint64_t partitions, int64_t now_us)
{
    CHECK(exchange->waiting == 0 && partitions != 0);
    exchange->waiting = partitions;
    exchange->begun_us = now_us;
    exchange->newer = NULL;
    exchange->older = exchanges->newest;
    if (exchanges->newest != NULL)
        exchanges->newest->newer = exchange;
    else
        exchanges->oldest = exchange;
    exchanges->newest = exchange;
    exchanges->waiting_count++;
    exchanges->waiting_lists += exchange->kind == EXCHANGE_LIST;
}

void exchange_settle(struct exchanges *exchanges, struct exchange *exchange)
{
    if (exchange->waiting == 0)
        return;
    exchange->waiting = 0;
    if (exchange->older != NULL)
        exchange->older->newer = exchange->newer;
    else
        exchanges->oldest = exchange->newer;
    if (exchange->newer != NULL)
        exchange->newer->older = exchange->older;
    else
        exchanges->newest = exchange->older;
    exchanges->waiting_count--;
    exchanges->waiting_lists -= exchange->kind == EXCHANGE_LIST;
}
