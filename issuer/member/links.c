#include "issuer/member/links.h"

#include <czmq.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "issuer/member/knock.h"
#include "shared/endpoint.h"
#include "shared/wire/connector.h"
#include "shared/wire/peer.h"

#define ENDPOINT_TEXT_MAX (MEMBERS_HOST_MAX + 32)
#define QUEUE_MAX         1000 /* frames to one member that ZeroMQ may queue */
#define LINGER_MS         200  /* for what a member says when it is stopped */

struct link {
    zsock_t *socket; /* NULL: this is the member itself */
    struct connector connector;
    char endpoint[ENDPOINT_TEXT_MAX];
    struct member_knock knock; /* after the connection has ended */
};

struct member_links {
    uint16_t partition;
    uint16_t partitions;
    uint8_t count;
    struct link links[MEMBERS_MAX];
};

static int open_link(struct link *link, const char *base, uint16_t partition, struct error *error)
{
    if (!endpoint_of_partition(base, partition, link->endpoint, sizeof link->endpoint))
        return error_set(error, "cluster/members: no endpoint of partition %u follows from %s", partition, base);
    link->socket = zsock_new(ZMQ_DEALER);
    CHECK(link->socket != NULL);
    peer_prepare_connector(link->socket, true);
    zsock_set_immediate(link->socket, 1);
    zsock_set_sndhwm(link->socket, QUEUE_MAX);
    zsock_set_linger(link->socket, LINGER_MS);
    zsock_set_reconnect_ivl(link->socket, 50);
    zsock_set_reconnect_ivl_max(link->socket, 200);
    if (connector_open(&link->connector, link->socket, "issuer", link->endpoint) == 0)
        return 0;
    return error_set(error, "cluster/members: cannot connect to %s", link->endpoint);
}

int member_links_create(const struct members *members, uint8_t self, const char *requests, uint16_t partition,
                        uint16_t partitions, struct member_links **links, struct error *error)
{
    struct member_links *made = calloc(1, sizeof *made);
    CHECK(made != NULL);
    made->partition = partition;
    made->partitions = partitions;
    made->count = members->count;
    for (uint8_t i = 0; i < members->count; i++) {
        char base[ENDPOINT_TEXT_MAX];
        if (i == self)
            continue;
        CHECK(members_endpoint(members, i, requests, base, sizeof base)); /* checked with the options */
        if (open_link(&made->links[i], base, partition, error) != 0) {
            member_links_destroy(&made);
            return -1;
        }
    }
    *links = made;
    return 0;
}

void member_links_destroy(struct member_links **links)
{
    if (*links == NULL)
        return;
    for (uint8_t i = 0; i < (*links)->count; i++) {
        member_knock_end(&(*links)->links[i].knock);
        connector_close(&(*links)->links[i].connector);
        zsock_destroy(&(*links)->links[i].socket);
    }
    free(*links);
    *links = NULL;
}

bool member_links_send(struct member_links *links, uint8_t to, enum frame_kind kind, uint64_t incarnation,
                       const struct frame_member *member, uint32_t count, const void *more, size_t more_bytes)
{
    struct frame_header header;
    zmq_msg_t message;
    if (links->links[to].socket == NULL)
        return false;
    frame_header_write(&header, kind, links->partition, links->partitions, count);
    header.incarnation = incarnation;
    CHECK(zmq_msg_init_size(&message, sizeof header + sizeof *member + more_bytes) == 0);
    unsigned char *bytes = zmq_msg_data(&message);
    memcpy(bytes, &header, sizeof header);
    memcpy(bytes + sizeof header, member, sizeof *member);
    if (more_bytes > 0)
        memcpy(bytes + sizeof header + sizeof *member, more, more_bytes);
    bool sent = zmq_msg_send(&message, zsock_resolve(links->links[to].socket), ZMQ_DONTWAIT) >= 0;
    if (!sent)
        zmq_msg_close(&message);
    return sent;
}

static void check(struct link *link)
{
    if (connector_check(&link->connector) & CONNECTOR_LOST)
        member_knock_begin(&link->knock, link->endpoint);
}

bool member_links_take_refusal(struct member_links *links, uint8_t to, int64_t now_us)
{
    struct link *link = &links->links[to];
    if (link->socket == NULL)
        return false;
    check(link);
    return member_knock_is_refused(&link->knock, now_us);
}

void member_links_tick(struct member_links *links, int64_t now_ms)
{
    for (uint8_t i = 0; i < links->count; i++) {
        if (links->links[i].socket == NULL)
            continue;
        check(&links->links[i]);
        connector_tick(&links->links[i].connector, now_ms);
    }
}

void member_links_renew(struct member_links *links, uint8_t to)
{
    struct connector *connector = &links->links[to].connector;
    if (links->links[to].socket == NULL)
        return;
    connector_disconnect(connector);
    connector_connect(connector);
}
