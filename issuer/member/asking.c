#include "issuer/member/asking.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "issuer/member/endpoint.h"
#include "issuer/member/links.h"
#include "issuer/turn/deadline_clock.h"
#include "shared/clock.h"
#include "shared/endpoint.h"
#include "shared/wire/door.h"
#include "shared/wire/frame_member.h"
#include "shared/wire/peer.h"

struct member_asking {
    const struct members *members;
    uint8_t self;
    uint16_t partition;
    uint16_t partitions;
    uint64_t incarnation;
    zsock_t *router;
    struct door door;
    struct member_links *links;
};

static int listen_at(struct member_asking *asking, const struct options *options, struct error *error)
{
    char base[OPTION_STRING_MAX], endpoint[OPTION_STRING_MAX];
    if (!endpoint_of_partition(member_endpoint(options, options->issuer_requests, base), asking->partition, endpoint,
                               sizeof endpoint))
        return error_set(error, "issuer/requests %s is not a tcp endpoint", options->issuer_requests);
    asking->router = zsock_new(ZMQ_ROUTER);
    CHECK(asking->router != NULL);
    zsock_set_maxmsgsize(asking->router, FRAME_BYTES_MAX);
    zsock_set_linger(asking->router, 0);
    peer_prepare_listener(asking->router);
    if (door_open(&asking->door, asking->router, endpoint) == 0)
        return 0;
    return error_set(error, "cannot listen on %s (issuer/requests): %s", endpoint, zmq_strerror(errno));
}

int member_asking_open(const struct options *options, const struct members *members, uint16_t partition,
                       struct member_asking **asking, struct error *error)
{
    struct member_asking *made = calloc(1, sizeof *made);
    CHECK(made != NULL);
    made->members = members;
    made->self = members_find(members, options->issuer_member);
    made->partition = partition;
    made->partitions = (uint16_t)options->issuer_partitions;
    made->incarnation = deadline_clock_new_incarnation();
    if (listen_at(made, options, error) == 0 &&
        member_links_create(members, made->self, options->issuer_requests, partition, made->partitions, &made->links,
                            error) == 0) {
        *asking = made;
        return 0;
    }
    member_asking_close(&made);
    return -1;
}

void member_asking_close(struct member_asking **asking)
{
    if (*asking == NULL)
        return;
    member_links_destroy(&(*asking)->links);
    door_close(&(*asking)->door);
    zsock_destroy(&(*asking)->router);
    free(*asking);
    *asking = NULL;
}

static bool is_wanted(const struct member_asking *asking, zframe_t *frame, enum frame_kind wanted,
                      const uint8_t journal_id[16])
{
    struct frame_header header;
    struct frame_member member;
    if (frame_check(zframe_data(frame), zframe_size(frame), &header) != FRAME_OK || header.kind != wanted ||
        header.partition != asking->partition || header.partitions != asking->partitions)
        return false;
    memcpy(&member, frame_records(zframe_data(frame)), sizeof member);
    return member.to_incarnation == asking->incarnation && member.owns == 1 &&
           memcmp(member.journal_id, journal_id, sizeof member.journal_id) == 0;
}

/* NULL: what has arrived is not wanted. */
static zframe_t *take(struct member_asking *asking, enum frame_kind wanted, const uint8_t journal_id[16])
{
    zmsg_t *message = zmsg_recv(asking->router);
    zframe_t *found = NULL;
    if (message != NULL && zmsg_size(message) == 2 && is_wanted(asking, zmsg_last(message), wanted, journal_id)) {
        found = zmsg_last(message);
        zmsg_remove(message, found);
    }
    zmsg_destroy(&message);
    return found;
}

zframe_t *member_asking_ask(struct member_asking *asking, enum frame_kind kind, const void *more, size_t more_bytes,
                            enum frame_kind wanted, const uint8_t journal_id[16], int wait_ms)
{
    const struct frame_member member = {.from = members_hash(asking->members, asking->self)};
    int64_t until_us = clock_mono_us() + (int64_t)wait_ms * 1000;
    zframe_t *found = NULL;
    member_links_tick(asking->links, clock_mono_us() / 1000);
    for (uint8_t i = 0; i < asking->members->count; i++)
        member_links_send(asking->links, i, kind, asking->incarnation, &member, 1, more, more_bytes);
    for (int64_t left_us = wait_ms * INT64_C(1000); found == NULL && left_us > 0;
         left_us = until_us - clock_mono_us()) {
        zmq_pollitem_t item = {.socket = zsock_resolve(asking->router), .events = ZMQ_POLLIN};
        if (zmq_poll(&item, 1, (long)(left_us / 1000 + 1)) > 0)
            found = take(asking, wanted, journal_id);
    }
    return found;
}
