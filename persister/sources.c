#include "persister/sources.h"

#include <stdlib.h>

#include "shared/clock.h"
#include "shared/members.h"
#include "shared/wire/connector.h"
#include "shared/wire/frame.h"
#include "shared/wire/peer.h"

#define ENDPOINT_MAX (OPTION_STRING_MAX + 64)
#define ACK_WAIT_US  INT64_C(1000000) /* for an issuer that is coming back; it resends what stays unacknowledged */

struct source {
    char events_endpoint[ENDPOINT_MAX]; /* the connectors borrow them */
    char acks_endpoint[ENDPOINT_MAX];
    zsock_t *events;
    zsock_t *acks;
    struct connector events_connector;
    struct connector acks_connector;
    int64_t made_us; /* when `events` was last connected */
};

struct sources {
    size_t count;
    size_t last; /* of the last frame */
    struct source all[MEMBERS_MAX];
};

/* --- life --- */

static zsock_t *connect_socket(int type, struct connector *connector, const char *endpoint)
{
    zsock_t *socket = zsock_new(type);
    CHECK(socket != NULL);
    zsock_set_linger(socket, 0);
    peer_prepare_connector(socket, type == ZMQ_PUSH);
    zsock_set_immediate(socket, 1);
    zsock_set_maxmsgsize(socket, FRAME_BYTES_MAX);
    zsock_set_rcvhwm(socket, 2); /* no other persister can take the frames queued here */
    zsock_set_reconnect_ivl(socket, 100);
    zsock_set_reconnect_ivl_max(socket, 1000);
    if (connector_open(connector, socket, "persister", endpoint) == 0)
        return socket;
    connector_close(connector);
    zsock_destroy(&socket);
    return NULL;
}

static int connect_source(struct source *source, struct error *error)
{
    source->events = connect_socket(ZMQ_PULL, &source->events_connector, source->events_endpoint);
    source->acks = connect_socket(ZMQ_PUSH, &source->acks_connector, source->acks_endpoint);
    if (source->events && source->acks)
        return 0;
    return error_set(error, "persister/%s: cannot connect to %s", source->events ? "acks" : "events",
                     source->events ? source->acks_endpoint : source->events_endpoint);
}

static int add_single(struct sources *sources, const struct options *options, struct error *error)
{
    struct source *source = &sources->all[sources->count++];
    snprintf(source->events_endpoint, sizeof source->events_endpoint, "%s", options->persister_events);
    snprintf(source->acks_endpoint, sizeof source->acks_endpoint, "%s", options->persister_acks);
    return connect_source(source, error);
}

static int add_members(struct sources *sources, const struct options *options, struct error *error)
{
    struct members members;
    if (members_parse(options->cluster_members, &members, error) != 0)
        return error_prefix(error, "cluster/members");
    for (uint8_t i = 0; i < members.count; i++) {
        struct source *source = &sources->all[sources->count++];
        if (!members_endpoint(&members, i, options->issuer_events, source->events_endpoint, ENDPOINT_MAX) ||
            !members_endpoint(&members, i, options->issuer_acks, source->acks_endpoint, ENDPOINT_MAX))
            return error_set(error, "cluster/members: \"%s\" has no endpoints beside issuer/events and issuer/acks",
                             members.all[i].name);
        if (connect_source(source, error) != 0)
            return -1;
    }
    return 0;
}

struct sources *sources_create(const struct options *options, struct error *error)
{
    struct sources *sources = calloc(1, sizeof *sources);
    CHECK(sources != NULL);
    bool alone = options->cluster_members[0] == '\0';
    if ((alone ? add_single : add_members)(sources, options, error) != 0)
        sources_destroy(&sources);
    return sources;
}

void sources_destroy(struct sources **sources)
{
    struct sources *self = *sources;
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++) {
        struct source *source = &self->all[i];
        connector_close(&source->events_connector);
        connector_close(&source->acks_connector);
        zsock_destroy(&source->events);
        zsock_destroy(&source->acks);
    }
    free(self);
    *sources = NULL;
}

/* --- connections --- */

void sources_disconnect(struct sources *sources)
{
    for (size_t i = 0; i < sources->count; i++)
        connector_disconnect(&sources->all[i].events_connector);
}

bool sources_connect(struct sources *sources)
{
    bool all = true;
    for (size_t i = 0; i < sources->count; i++) {
        struct connector *connector = &sources->all[i].events_connector;
        all = (connector->connecting || connector_connect(connector) == 0) && all;
    }
    return all;
}

static void check_source(struct source *source)
{
    int64_t now_us = clock_mono_us();
    if (connector_check(&source->events_connector) & CONNECTOR_MADE)
        source->made_us = now_us;
    connector_check(&source->acks_connector);
    connector_tick(&source->events_connector, now_us / 1000);
    connector_tick(&source->acks_connector, now_us / 1000);
}

bool sources_check(struct sources *sources)
{
    bool refused = false, connected = false;
    for (size_t i = 0; i < sources->count; i++) {
        struct source *source = &sources->all[i];
        check_source(source);
        refused |= source->events_connector.refused || source->acks_connector.refused;
        connected |= source->events_connector.made && source->acks_connector.made;
    }
    return refused && !connected;
}

/* --- frames --- */

int sources_poll(struct sources *sources, zmq_pollitem_t *pipe, long ms)
{
    zmq_pollitem_t items[1 + MEMBERS_MAX] = {*pipe};
    for (size_t i = 0; i < sources->count; i++)
        items[1 + i] = (zmq_pollitem_t){.socket = zsock_resolve(sources->all[i].events), .events = ZMQ_POLLIN};
    int ready = zmq_poll(items, (int)(1 + sources->count), ms);
    pipe->revents = ready > 0 ? items[0].revents : 0;
    return ready;
}

void *sources_receive(struct sources *sources, zmq_msg_t *message)
{
    for (size_t i = 1; i <= sources->count; i++) {
        size_t turn = (sources->last + i) % sources->count;
        void *socket = zsock_resolve(sources->all[turn].events);
        if (zmq_msg_recv(message, socket, ZMQ_DONTWAIT) < 0)
            continue;
        sources->last = turn;
        return socket;
    }
    return NULL;
}

/* --- answers --- */

static bool send_answer(const struct source *source, const struct batch_ack *answer)
{
    return zmq_send(zsock_resolve(source->acks), answer, sizeof *answer, ZMQ_DONTWAIT) >= 0;
}

/* Time to wait for a connection for answers. A member that is gone, or does not read its answers, holds up no other; a
 * new one makes two connections, and sends frames as soon as it has the first. */
static int64_t wait_us(const struct sources *sources, struct source *source)
{
    if (sources->count == 1)
        return ACK_WAIT_US;
    check_source(source);
    return source->events_connector.made ? source->made_us + ACK_WAIT_US - clock_mono_us() : 0;
}

static void wait_for(const struct source *source, zsock_t *pipe, int64_t us)
{
    zmq_pollitem_t items[] = {
        {.socket = zsock_resolve(source->acks), .events = ZMQ_POLLOUT},
        {.socket = zsock_resolve(pipe), .events = ZMQ_POLLIN},
    };
    zmq_poll(items, 2, (long)(us / 1000));
}

bool sources_answer(struct sources *sources, const struct batch_ack *answer, zsock_t *pipe)
{
    struct source *asking = &sources->all[sources->last];
    for (size_t i = 0; i < sources->count; i++) {
        if (i != sources->last)
            send_answer(&sources->all[i], answer);
    }
    if (send_answer(asking, answer))
        return true;
    int64_t us = wait_us(sources, asking);
    if (us <= 0)
        return false;
    wait_for(asking, pipe, us);
    return send_answer(asking, answer);
}
