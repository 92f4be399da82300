#include "gateway/tracing/collector.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/error.h"

enum { CONNECT_TIMEOUT_MS = 2000, ANSWER_BYTES_MAX = 65536, ANSWER_KEEP = 4096 };

struct collector {
    CURL *curl;
    struct curl_slist *fields;
    const _Atomic int64_t *end_us;
    size_t answer_bytes;
    char answer[ANSWER_KEEP]; /* its beginning */
    char fault[CURL_ERROR_SIZE];
};

/* --- callbacks --- */

/* A body that does not end is a fault. */
static size_t on_data(char *data, size_t size, size_t count, void *arg)
{
    struct collector *collector = arg;
    size_t bytes = size * count, at = collector->answer_bytes;
    size_t room = at < ANSWER_KEEP ? ANSWER_KEEP - at : 0;
    memcpy(collector->answer + (room > 0 ? at : 0), data, bytes < room ? bytes : room);
    collector->answer_bytes += bytes;
    return collector->answer_bytes <= ANSWER_BYTES_MAX ? count : CURL_WRITEFUNC_ERROR;
}

/* Anything but 0 ends the request. */
static int on_progress(void *arg, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
    const struct collector *collector = arg;
    (void)total;
    (void)now;
    (void)up_total;
    (void)up_now;
    int64_t end_us = atomic_load_explicit(collector->end_us, memory_order_relaxed);
    return end_us != 0 && clock_mono_us() >= end_us;
}

/* --- life --- */

static void add_field(struct collector *collector, const char *field)
{
    struct curl_slist *longer = curl_slist_append(collector->fields, field);
    CHECK(longer != NULL);
    collector->fields = longer;
}

/* The connection is kept between requests. */
static void set_options(struct collector *collector, const char *url, const char *ca)
{
    CURL *curl = collector->curl;
    bool encrypted = strncmp(url, "https:", 6) == 0;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, encrypted ? "https" : "http");
    if (!encrypted)
        curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* a collector nearby, whatever the environment says */
    if (ca[0] != '\0')
        curl_easy_setopt(curl, CURLOPT_CAINFO, ca);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)COLLECTOR_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "coupond");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, collector->fields);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, collector->fault);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, collector);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, collector);
}

struct collector *collector_create(const char *url, const char *ca, const char *header, const _Atomic int64_t *end_us)
{
    struct collector *collector = calloc(1, sizeof *collector);
    CHECK(collector != NULL && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
    collector->curl = curl_easy_init();
    CHECK(collector->curl != NULL);
    collector->end_us = end_us;
    add_field(collector, "Content-Type: application/json");
    add_field(collector, "Expect:"); /* no round trip before the body */
    if (header[0] != '\0')
        add_field(collector, header);
    set_options(collector, url, ca);
    return collector;
}

void collector_destroy(struct collector **collector)
{
    if (*collector == NULL)
        return;
    curl_easy_cleanup((*collector)->curl);
    curl_slist_free_all((*collector)->fields);
    free(*collector);
    *collector = NULL;
}

/* --- requests --- */

/* https://opentelemetry.io/docs/specs/otlp/#failures-1 lists the statuses after which a request may be repeated. */
static enum collector_verdict judge(CURLcode code, long status)
{
    if (code != CURLE_OK)
        return COLLECTOR_LATER;
    if (status >= 200 && status < 300)
        return COLLECTOR_TAKEN;
    return status == 429 || status == 502 || status == 503 || status == 504 ? COLLECTOR_LATER : COLLECTOR_REFUSED;
}

/* ExportTracePartialSuccess: the spans that it has not taken of a request; it must not be sent again. */
static int64_t rejected_spans(const struct collector *collector)
{
    size_t length = collector->answer_bytes < ANSWER_KEEP ? collector->answer_bytes : ANSWER_KEEP;
    json_t *answer = json_loadb(collector->answer, length, 0, NULL);
    const json_t *count = json_object_get(json_object_get(answer, "partialSuccess"), "rejectedSpans");
    int64_t spans = json_is_string(count) ? strtoll(json_string_value(count), NULL, 10) : json_integer_value(count);
    json_decref(answer);
    return spans;
}

void collector_post(struct collector *collector, const struct buffer *json, struct collector_answer *answer)
{
    CURL *curl = collector->curl;
    long status = 0;
    curl_off_t retry_after_s = 0;
    collector->answer_bytes = 0;
    collector->fault[0] = '\0';
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, json->data);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)json->length);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after_s);
    answer->verdict = judge(code, status);
    answer->rejected_spans = answer->verdict == COLLECTOR_TAKEN ? rejected_spans(collector) : 0;
    answer->retry_after_s = code == CURLE_OK && retry_after_s > 0 ? (int64_t)retry_after_s : 0;
    if (answer->rejected_spans != 0)
        snprintf(answer->text, sizeof answer->text, "it rejects %" PRId64 " spans", answer->rejected_spans);
    else if (code != CURLE_OK)
        snprintf(answer->text, sizeof answer->text, "%.255s",
                 collector->fault[0] != '\0' ? collector->fault : curl_easy_strerror(code));
    else
        snprintf(answer->text, sizeof answer->text, "it answers %ld", status);
}
