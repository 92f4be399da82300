#include "gateway/tracing/trace.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "shared/error.h"

static void make_id(char *digits, size_t count)
{
    unsigned char bytes[TRACE_ID_DIGITS / 2];
    randombytes_buf(bytes, sizeof bytes);
    bytes[0] |= 1; /* an id is not all zeros */
    sodium_bin2hex(digits, count + 1, bytes, count / 2);
}

struct trace *trace_create(const struct traceparent *parent, enum method method, int64_t now_us)
{
    struct trace *trace = calloc(1, sizeof *trace);
    CHECK(trace != NULL);
    memcpy(trace->trace_id, parent->trace_id, sizeof trace->trace_id);
    memcpy(trace->parent_id, parent->span_id, sizeof trace->parent_id);
    if (trace->trace_id[0] == '\0')
        make_id(trace->trace_id, TRACE_ID_DIGITS);
    make_id(trace->span_id, SPAN_ID_DIGITS);
    randombytes_buf(&trace->seed, sizeof trace->seed);
    trace->method = method;
    trace->begun_us = now_us;
    return trace;
}

void trace_destroy(struct trace **trace)
{
    free(*trace);
    *trace = NULL;
}

/* What a reply says is placed by a finer clock than that of the loop's turn in which the next round is sent. */
void trace_send(struct trace *trace, int64_t now_us)
{
    unsigned count = trace->rounds_count;
    int64_t replied_us = count > 0 ? trace->rounds[count - 1].synced_us : 0;
    if (count < TRACE_ROUNDS_MAX)
        trace->rounds[trace->rounds_count++] =
            (struct trace_round){.sent_us = now_us > replied_us ? now_us : replied_us};
}

void trace_reply(struct trace *trace, int64_t began_us, int64_t decided_us, int64_t synced_us)
{
    if (trace->rounds_count == 0)
        return;
    struct trace_round *round = &trace->rounds[trace->rounds_count - 1];
    CHECK(round->sent_us <= began_us && began_us <= decided_us && decided_us <= synced_us);
    if (round->began_us == 0)
        *round = (struct trace_round){round->sent_us, began_us, decided_us, synced_us};
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
uint64_t trace_span_id(const struct trace *trace, unsigned index)
{
    uint64_t mixed = trace->seed + (index + 1) * 0x9e3779b97f4a7c15;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
    mixed ^= mixed >> 31;
    return mixed != 0 ? mixed : 1;
}
