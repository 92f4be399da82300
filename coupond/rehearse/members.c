#include "coupond/rehearse/members.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coupond/http/fetch.h"
#include "coupond/metrics_text.h"

#define TEXT_MAX   (4u << 20)
#define TIMEOUT_MS 2000
#define SYNC_TIME  "coupond_issuer_journal_sync_seconds_bucket"

static void take_bucket(struct members_sample *sample, const struct metrics_sample *metric)
{
    char text[32];
    double bound = 0;
    if (!metrics_sample_label(metric, "le", text, sizeof text) || !metrics_number(text, strlen(text), &bound))
        return;
    for (unsigned i = 0; i < sample->buckets; i++) {
        if (sample->bounds_s[i] == bound) { /* of another partition */
            sample->counts[i] += metric->value;
            return;
        }
    }
    if (sample->buckets == MEMBERS_BUCKETS_MAX)
        return;
    sample->bounds_s[sample->buckets] = bound;
    sample->counts[sample->buckets++] = metric->value;
}

static void take_metric(struct members_sample *sample, const struct metrics_sample *metric, unsigned *roles)
{
    *roles |= metrics_sample_begins(metric, "coupond_issuer_") ? 1u : 0;
    *roles |= metrics_sample_begins(metric, "coupond_gateway_") ? 2u : 0;
    *roles |= metrics_sample_begins(metric, "coupond_persister_") ? 4u : 0;
    if (metrics_sample_is(metric, "process_resident_memory_bytes"))
        sample->memory = metric->value;
    else if (metrics_sample_is(metric, "coupond_issuer_memory_limit_bytes") ||
             metrics_sample_is(metric, "coupond_gateway_memory_limit_bytes"))
        sample->memory_limit = metric->value;
    else if (metrics_sample_is(metric, SYNC_TIME))
        take_bucket(sample, metric);
}

void members_sample_read(struct members_sample *sample, const char *text, size_t length)
{
    static const char *const names[] = {"", "issuer", "gateway", "dev", "persister", "dev", "dev", "dev"};
    struct metrics_text rest = {text, text + length};
    struct metrics_sample metric;
    unsigned roles = 0;
    *sample = (struct members_sample){.role = ""};
    while (metrics_text_next(&rest, &metric)) {
        if (isfinite(metric.value) && metric.value >= 0)
            take_metric(sample, &metric, &roles);
    }
    sample->role = names[roles];
}

static double before_at(const struct members_sample *before, double bound)
{
    for (unsigned i = 0; i < before->buckets; i++) {
        if (before->bounds_s[i] == bound)
            return before->counts[i];
    }
    return 0;
}

double members_sync_us(const struct members_sample *before, const struct members_sample *after, double share)
{
    double all = 0, found = INFINITY;
    for (unsigned i = 0; i < after->buckets; i++)
        all = fmax(all, after->counts[i] - before_at(before, after->bounds_s[i]));
    for (unsigned i = 0; i < after->buckets; i++) {
        if (after->counts[i] - before_at(before, after->bounds_s[i]) >= share * all)
            found = fmin(found, after->bounds_s[i]);
    }
    return all > 0 && isfinite(found) ? found * 1e6 : 0;
}

bool members_fetch(const char *address, struct members_sample *sample)
{
    char url_text[REHEARSE_ADDRESS_MAX + 8];
    struct http_url url;
    struct http_server server;
    struct http_response response;
    struct error error = {""};
    *sample = (struct members_sample){.role = ""};
    snprintf(url_text, sizeof url_text, "http://%s", address);
    if (!http_url_parse(&url, url_text) || http_server_resolve(&server, &url, &error) != 0)
        return false;
    char *room = malloc(TEXT_MAX);
    CHECK(room != NULL);
    http_response_init_room(&response, room, TEXT_MAX);
    bool read = http_fetch_into(&server, "/metrics", TIMEOUT_MS, &response, &error) == 0 && response.status == 200;
    if (read)
        members_sample_read(sample, response.body, response.body_length);
    free(room);
    return read && sample->role[0] != '\0';
}
