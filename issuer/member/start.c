#include "issuer/member/start.h"

#include <stdlib.h>
#include <string.h>

#include "issuer/member/arbiter.h"
#include "issuer/member/fetch.h"
#include "shared/clock.h"
#include "shared/journal/dir.h"
#include "shared/journal/notes.h"
#include "shared/process/stop.h"
#include "shared/telemetry/log.h"
#include "shared/telemetry/notify.h"

#define ASK_MS    200
#define REPORT_US INT64_C(10000000)

enum begun { BEGUN_READY, BEGUN_AGAIN, BEGUN_FAILED };

struct start {
    struct arbiter_subject subject;
    struct members members;
    uint8_t self;
    uint16_t partitions;
    const char *dir;
    int64_t report_us;
};

static void report(struct start *start, const char *what, const char *why)
{
    if (clock_mono_us() < start->report_us)
        return;
    start->report_us = clock_mono_us() + REPORT_US;
    log_info("issuer", "waiting for %s: %s partition=%u", what, why, start->subject.partition);
    notify_status("waiting for %s: %s", what, why);
}

static int give_up(struct error *error)
{
    return error_set(error, "stopped while waiting for the other members");
}

/* --- the row --- */

static bool has_records(const struct start *start)
{
    uint64_t *segments;
    size_t count = 0;
    struct error error;
    if (journal_segments_list(start->dir, &segments, &count, &error) == 0)
        free(segments);
    return count > 0;
}

/* Another member was faster in beginning the cluster: this one's journal, which is still empty, gives way. */
static enum begun give_way(const struct start *start, struct error *error)
{
    char aside[JOURNAL_PATH_MAX];
    if (!has_records(start))
        return journal_set_aside(start->dir, aside, error) == 0 ? BEGUN_AGAIN : BEGUN_FAILED;
    error_set(
        error,
        "the journal in %s is not the one that the store names for this partition: this member was part of another "
        "cluster; move the folder away to begin with a copy",
        start->dir);
    return BEGUN_FAILED;
}

static enum begun begin_with_journal(struct start *start, const struct journal_meta *meta, struct error *error)
{
    struct member_row row;
    uint8_t journal_id[16];
    struct arbiter_subject subject = start->subject;
    memcpy(subject.journal_id, meta->journal_id, sizeof subject.journal_id);
    enum store_result result = arbiter_begin(&subject, start->self, &row, journal_id, error);
    if (result == STORE_OK)
        return memcmp(journal_id, meta->journal_id, sizeof journal_id) == 0 ? BEGUN_READY : give_way(start, error);
    if (result == STORE_FOREIGN)
        return BEGUN_FAILED;
    if (has_records(start))
        return BEGUN_READY; /* it may follow; the store is asked again whenever roles change */
    report(start, "the store", error->text);
    return BEGUN_AGAIN;
}

static enum begun fetch(const struct start *start, const uint8_t journal_id[16], struct error *error)
{
    const struct arbiter_subject *subject = &start->subject;
    int result = member_fetch(subject->options, subject->members, subject->partition, journal_id, start->dir, error);
    return result == 0 ? BEGUN_READY : BEGUN_FAILED;
}

static enum begun begin_without_journal(struct start *start, struct error *error)
{
    struct member_row row;
    struct journal_meta meta;
    uint8_t journal_id[16];
    bool found;
    enum store_result result = arbiter_look(&start->subject, &row, journal_id, &found, error);
    if (result == STORE_FOREIGN)
        return BEGUN_FAILED;
    if (result != STORE_OK) {
        report(start, "the store", error->text);
        return BEGUN_AGAIN;
    }
    if (found)
        return fetch(start, journal_id, error);
    if (journal_dir_create(start->dir, error) != 0 ||
        journal_meta_make(start->subject.partition, start->partitions, &meta, error) != 0 ||
        journal_meta_write(start->dir, &meta, error) != 0)
        return BEGUN_FAILED;
    return BEGUN_AGAIN;
}

static enum begun begin(struct start *start, struct error *error)
{
    struct journal_meta meta;
    struct error reason = {""};
    switch (journal_meta_read(start->dir, &meta, &reason)) {
    case JOURNAL_META_SOUND:
        return begin_with_journal(start, &meta, error);
    case JOURNAL_META_MISSING:
        return begin_without_journal(start, error);
    default:
        return BEGUN_READY; /* journal_open() says what is wrong with it */
    }
}

int member_start(const struct options *options, uint16_t partition, const char *dir, struct error *error)
{
    struct start start = {
        .subject = {.options = options, .partition = partition},
        .partitions = (uint16_t)options->issuer_partitions,
        .dir = dir,
    };
    CHECK(members_parse(options->cluster_members, &start.members, error) == 0); /* checked with the options */
    start.subject.members = &start.members;
    start.self = members_find(&start.members, options->issuer_member);
    enum begun begun = begin(&start, error);
    while (begun == BEGUN_AGAIN) {
        if (!stop_sleep(ASK_MS))
            return give_up(error);
        begun = begin(&start, error);
    }
    return begun == BEGUN_READY ? 0 : -1;
}
