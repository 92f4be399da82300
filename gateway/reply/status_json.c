#include "gateway/reply/status_json.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gateway/reply/json.h"
#include "shared/clock.h"
#include "shared/coupon.h"
#include "shared/error.h"

enum { PIECE_MAX = 192 };

__attribute__((format(printf, 2, 3))) static void append(struct buffer *out, const char *format, ...)
{
    va_list arguments;
    char text[PIECE_MAX];
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    CHECK(length >= 0 && length < PIECE_MAX);
    buffer_append(out, text, (size_t)length);
}

static void append_time(struct buffer *out, const char *name, int64_t us)
{
    char text[RFC3339_MAX];
    if (us == TIME_NONE) {
        append(out, "%snull", name);
        return;
    }
    rfc3339_format(us, text);
    append(out, "%s\"%s\"", name, text);
}

static void append_known(struct buffer *out, const char *name, bool known, uint64_t number)
{
    if (known)
        append(out, "%s%" PRIu64, name, number);
    else
        append(out, "%snull", name);
}

/* Of whole microseconds, in seconds. */
static void append_seconds(struct buffer *out, const char *name, uint64_t us)
{
    append(out, "%s%" PRIu64 ".%06" PRIu64, name, us / 1000000, us % 1000000);
}

static const char *truth(bool value)
{
    return value ? "true" : "false";
}

/* The partition told of its journal before the store was read: it has at least what is stored. */
static uint64_t journal_seq(const struct status_partition *partition)
{
    bool behind = partition->stored && partition->stored_seq > partition->journal_seq;
    return behind ? partition->stored_seq : partition->journal_seq;
}

static void append_partitions(struct buffer *out, const struct status *status)
{
    append(out, ",\"partitions\":[");
    for (unsigned p = 0; p < status->partitions_count; p++) {
        const struct status_partition *partition = &status->partitions[p];
        append(out, "%s{\"partition\":%u,\"up\":%s", p == 0 ? "" : ",", p, truth(partition->up));
        append_known(out, ",\"journal_seq\":", partition->heard, journal_seq(partition));
        append_known(out, ",\"stored_seq\":", partition->stored, partition->stored_seq);
        append(out, "}");
    }
    append(out, "]");
}

/* Of a store whose time is known. */
static uint64_t lag_us(const struct status *status)
{
    return status->now_us > status->as_of_us ? (uint64_t)(status->now_us - status->as_of_us) : 0;
}

static void append_store(struct buffer *out, const struct status *status)
{
    append(out, ",\"store\":{\"available\":%s", truth(status->available));
    append_time(out, ",\"as_of\":", status->as_of_us);
    if (status->as_of_us == TIME_NONE)
        append(out, ",\"lag_s\":null");
    else
        append_seconds(out, ",\"lag_s\":", lag_us(status));
    append(out, "}");
}

static void append_latency(struct buffer *out, const struct status *status)
{
    uint64_t count = 0;
    append(out, ",\"latency_s\":{\"buckets\":[");
    for (unsigned i = 0; i < status->buckets_count; i++) {
        bool last = i + 1 == status->buckets_count;
        count += status->buckets[i].count;
        append(out, i == 0 ? "" : ",");
        if (last)
            append(out, "{\"le\":null");
        else
            append_seconds(out, "{\"le\":", status->buckets[i].bound_us);
        append(out, ",\"count\":%" PRIu64 "}", count);
    }
    append_seconds(out, "],\"sum\":", status->sum_us);
    append(out, ",\"count\":%" PRIu64 "}", count);
}

static void append_gateway(struct buffer *out, const struct status *status)
{
    append(out, ",\"gateway\":{\"connections\":%" PRIu64 ",\"in_flight\":%" PRIu64 ",\"watchers\":%" PRIu64,
           status->connections, status->in_flight, status->watchers);
    append(out, ",\"outcomes\":{");
    for (unsigned i = 0; i < status->outcomes_count; i++)
        append(out, "%s\"%s\":%" PRIu64, i == 0 ? "" : ",", status->outcomes[i].name, status->outcomes[i].count);
    append(out, "}");
    append_latency(out, status);
    append(out, "}");
}

void status_json_append(struct buffer *out, const struct status *status)
{
    append(out, "{\"version\":\"%s\"", status->version);
    append_time(out, ",\"now\":", status->now_us);
    append(out, ",\"uptime_s\":%" PRIu64 ",\"identity\":%s,\"dev\":%s,\"ready\":%s", status->uptime_s,
           truth(status->identity), truth(status->dev), truth(status->ready));
    append(out, ",\"detail\":");
    if (status->detail[0] == '\0')
        append(out, "null");
    else
        json_string_append(out, status->detail, strlen(status->detail));
    append_partitions(out, status);
    append_store(out, status);
    append_gateway(out, status);
    append(out, "}");
}
