#include "issuer/member/start.h"

#include <czmq.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "issuer/member/arbiter.h"
#include "issuer/member/endpoint.h"
#include "issuer/member/links.h"
#include "shared/clock.h"
#include "shared/endpoint.h"
#include "shared/journal/dir.h"
#include "shared/journal/notes.h"
#include "shared/process/stop.h"
#include "shared/telemetry/log.h"
#include "shared/telemetry/notify.h"
#include "shared/wire/door.h"
#include "shared/wire/frame_member.h"
#include "shared/wire/peer.h"

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

/* --- the owner's identity --- */

struct asking {
    zsock_t *router;
    struct door door;
    struct member_links *links;
    uint64_t incarnation;
};

static int open_asking(const struct start *start, struct asking *asking, struct error *error)
{
    char base[OPTION_STRING_MAX], endpoint[OPTION_STRING_MAX];
    const char *requests = start->subject.options->issuer_requests;
    if (!endpoint_of_partition(member_endpoint(start->subject.options, requests, base), start->subject.partition,
                               endpoint, sizeof endpoint))
        return error_set(error, "issuer/requests %s is not a tcp endpoint", requests);
    asking->router = zsock_new(ZMQ_ROUTER);
    CHECK(asking->router != NULL);
    zsock_set_maxmsgsize(asking->router, FRAME_BYTES_MAX);
    zsock_set_linger(asking->router, 0);
    peer_prepare_listener(asking->router);
    if (door_open(&asking->door, asking->router, endpoint) != 0)
        return error_set(error, "cannot listen on %s (issuer/requests): %s", endpoint, zmq_strerror(errno));
    while (asking->incarnation == 0)
        randombytes_buf(&asking->incarnation, sizeof asking->incarnation);
    return member_links_create(&start->members, start->self, requests, start->subject.partition, start->partitions,
                               &asking->links, error);
}

static void close_asking(struct asking *asking)
{
    member_links_destroy(&asking->links);
    door_close(&asking->door);
    zsock_destroy(&asking->router);
}

static void ask_all(const struct start *start, const struct asking *asking)
{
    const struct frame_member member = {.from = members_hash(&start->members, start->self)};
    for (uint8_t i = 0; i < start->members.count; i++)
        member_links_send(asking->links, i, FRAME_MEMBER_JOIN, asking->incarnation, &member, 1, NULL, 0);
    member_links_tick(asking->links, clock_mono_us() / 1000);
}

static bool read_identity(const struct start *start, const struct asking *asking, const void *data, size_t size,
                          const uint8_t journal_id[16], struct journal_meta *meta)
{
    struct frame_header header;
    struct frame_member member;
    struct frame_identity identity;
    if (frame_check(data, size, &header) != FRAME_OK || header.kind != FRAME_MEMBER_IDENTITY ||
        header.partition != start->subject.partition || header.partitions != start->partitions)
        return false;
    memcpy(&member, frame_records(data), sizeof member);
    memcpy(&identity, (const unsigned char *)frame_records(data) + sizeof member, sizeof identity);
    if (member.to_incarnation != asking->incarnation ||
        memcmp(member.journal_id, journal_id, sizeof member.journal_id) != 0)
        return false;
    struct error error;
    CHECK(journal_meta_make(header.partition, header.partitions, meta, &error) == 0);
    memcpy(meta->journal_id, member.journal_id, sizeof meta->journal_id);
    memcpy(meta->fingerprint_key, identity.fingerprint_key, sizeof meta->fingerprint_key);
    memcpy(meta->code_key, identity.code_key, sizeof meta->code_key);
    meta->created_at_us = identity.created_at_us;
    return true;
}

/* Takes what has arrived; false when the identity was not among it. */
static bool take_identity(const struct start *start, const struct asking *asking, const uint8_t journal_id[16],
                          struct journal_meta *meta)
{
    bool found = false;
    while (!found && (zsock_events(asking->router) & ZMQ_POLLIN)) {
        zmsg_t *message = zmsg_recv(asking->router);
        zframe_t *frame = message != NULL ? zmsg_last(message) : NULL;
        found = frame != NULL && zmsg_size(message) == 2 &&
                read_identity(start, asking, zframe_data(frame), zframe_size(frame), journal_id, meta);
        zmsg_destroy(&message);
    }
    return found;
}

/* Waits without limit: a member alone cannot know what others have answered. */
static int fetch_identity(struct start *start, const uint8_t journal_id[16], struct error *error)
{
    struct asking asking = {0};
    struct journal_meta meta;
    int result = open_asking(start, &asking, error);
    bool found = false;
    while (result == 0 && !found) {
        ask_all(start, &asking);
        zmq_pollitem_t item = {.socket = zsock_resolve(asking.router), .events = ZMQ_POLLIN};
        zmq_poll(&item, 1, ASK_MS);
        found = take_identity(start, &asking, journal_id, &meta);
        report(start, "the owner, to copy its journal", "it does not answer yet");
        if (!found && stop_requested())
            result = give_up(error);
    }
    close_asking(&asking);
    return result == 0 ? journal_copy_begin(start->dir, &meta, error) : -1;
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
        return fetch_identity(start, journal_id, error) == 0 ? BEGUN_READY : BEGUN_FAILED;
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
