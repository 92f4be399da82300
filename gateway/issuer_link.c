#include "gateway/issuer_link.h"

#include <czmq.h>

#include "shared/log.h"
#include "shared/peer.h"

enum {
    FRAMES_IN_MAX = 64,       /* taken in one call */
    SEND_HWM = 16384,         /* frames; after LINK_ALIVE_MS of silence no more are sent */
    RECEIVE_HWM = 4096,       /* frames */
    RECONNECT_MS = 50,        /* first wait before connecting again */
    RECONNECT_MAX_MS = 1000,  /* longest */
    PING_UP_MS = 1000,        /* while the partition answers */
    PING_DOWN_FIRST_MS = 100, /* while it does not: doubling up to the same */
};

/* A frame in the making. */
struct draft {
    struct buffer bytes; /* header and records */
    uint32_t count;
};

struct issuer_link {
    uint16_t partition;
    uint16_t partitions;
    const struct issuer_link_events *events;
    struct metrics *metrics;
    zsock_t *dealer;
    zsock_t *monitor; /* NULL on inproc */
    bool look;        /* the socket's events may have changed */
    bool alive;
    int64_t alive_ms;    /* the last sign of life */
    int64_t complain_ms; /* when to say that there was none yet; 0: not counted from yet, INT64_MAX: said */
    char endpoint[512];
    int64_t ping_next_ms; /* 0: at once */
    int64_t ping_wait_ms;
    unsigned complained; /* kinds of garbage that are logged already */
    struct draft issues;
    struct draft coupons;
};

static void set_option(zsock_t *socket, int option, int value)
{
    CHECK(zmq_setsockopt(zsock_resolve(socket), option, &value, sizeof(value)) == 0);
}

static int fd_of(const zsock_t *socket)
{
    int fd = -1;
    size_t size = sizeof(fd);

    CHECK(zmq_getsockopt(zsock_resolve((zsock_t *)socket), ZMQ_FD, &fd, &size) == 0);
    return fd;
}

/* Watches connects and disconnects; inproc has none. */
static void open_monitor(struct issuer_link *link)
{
    char name[64];

    if (strncmp(link->endpoint, "inproc://", 9) == 0)
        return;
    snprintf(name, sizeof(name), "inproc://gateway-monitor-%p", (void *)link);
    CHECK(zmq_socket_monitor(zsock_resolve(link->dealer), name,
                             ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED) == 0);
    link->monitor = zsock_new(ZMQ_PAIR);
    CHECK(link->monitor != NULL);
    set_option(link->monitor, ZMQ_LINGER, 0);
    CHECK(zmq_connect(zsock_resolve(link->monitor), name) == 0);
}

static void open_dealer(struct issuer_link *link)
{
    link->dealer = zsock_new(ZMQ_DEALER);
    CHECK(link->dealer != NULL);
    peer_watch(link->dealer, true);
    set_option(link->dealer, ZMQ_LINGER, 0);
    set_option(link->dealer, ZMQ_IMMEDIATE, 1);
    set_option(link->dealer, ZMQ_SNDHWM, SEND_HWM);
    set_option(link->dealer, ZMQ_RCVHWM, RECEIVE_HWM);
    set_option(link->dealer, ZMQ_RECONNECT_IVL, RECONNECT_MS);
    set_option(link->dealer, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS);
    int64_t bytes_max = FRAME_BYTES_MAX;
    CHECK(zmq_setsockopt(zsock_resolve(link->dealer), ZMQ_MAXMSGSIZE, &bytes_max, sizeof(bytes_max)) == 0);
}

struct issuer_link *issuer_link_create(const char *base, uint16_t partition, uint16_t partitions,
                                       const struct issuer_link_events *events, struct metrics *metrics,
                                       struct error *error)
{
    struct issuer_link *link = calloc(1, sizeof(*link));

    CHECK(link != NULL);
    if (!endpoint_of_partition(base, partition, link->endpoint, sizeof(link->endpoint))) {
        error_set(error, "gateway/requests: %s is no tcp://HOST:PORT, ipc://PATH or inproc://NAME", base);
        free(link);
        return NULL;
    }
    link->partition = partition;
    link->partitions = partitions;
    link->events = events;
    link->metrics = metrics;
    link->ping_wait_ms = PING_DOWN_FIRST_MS;
    open_dealer(link);
    open_monitor(link);
    if (zmq_connect(zsock_resolve(link->dealer), link->endpoint) != 0) {
        error_set(error, "gateway/requests: cannot connect to %s: %s", link->endpoint, zmq_strerror(zmq_errno()));
        issuer_link_destroy(&link);
    }
    return link;
}

void issuer_link_destroy(struct issuer_link **link)
{
    if (*link == NULL)
        return;
    if ((*link)->monitor != NULL)
        zmq_socket_monitor(zsock_resolve((*link)->dealer), NULL, 0);
    zsock_destroy(&(*link)->monitor);
    zsock_destroy(&(*link)->dealer);
    buffer_deinit(&(*link)->issues.bytes);
    buffer_deinit(&(*link)->coupons.bytes);
    free(*link);
    *link = NULL;
}

int issuer_link_fd(const struct issuer_link *link)
{
    return fd_of(link->dealer);
}

int issuer_link_monitor_fd(const struct issuer_link *link)
{
    return link->monitor == NULL ? -1 : fd_of(link->monitor);
}

bool issuer_link_up(const struct issuer_link *link, int64_t now_ms)
{
    return link->alive && now_ms - link->alive_ms < LINK_ALIVE_MS;
}

/* The partition is as good as gone until it answers the next ping. */
static void mark_down(struct issuer_link *link)
{
    link->alive = false;
    link->ping_next_ms = 0;
    link->ping_wait_ms = PING_DOWN_FIRST_MS;
}

static bool send_bytes(struct issuer_link *link, const void *data, size_t size)
{
    link->look = true;
    return zmq_send(zsock_resolve(link->dealer), data, size, ZMQ_DONTWAIT) >= 0;
}

static void *add_record(struct draft *draft, size_t record_size)
{
    char *record = NULL;

    if (draft->count == 0)
        draft->bytes.length = sizeof(struct frame_header);
    record = buffer_reserve(&draft->bytes, record_size + sizeof(struct frame_header));
    memset(record, 0, record_size);
    draft->bytes.length += record_size;
    draft->count++;
    return record;
}

/* Sends the draft; when ZeroMQ does not take it, says so request by request. Both kinds begin with the tag. */
static void flush_draft(struct issuer_link *link, struct draft *draft, enum frame_kind kind, size_t record_size)
{
    struct frame_header header;
    uint32_t count = draft->count;

    if (count == 0)
        return;
    frame_header_write(&header, kind, link->partition, link->partitions, count);
    memcpy(draft->bytes.data, &header, sizeof(header));
    draft->count = 0;
    metrics_observe(link->metrics, METRIC_GATEWAY_BATCH, count, 1);
    if (send_bytes(link, draft->bytes.data, draft->bytes.length))
        return;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t tag = 0;
        memcpy(&tag, draft->bytes.data + sizeof(header) + i * record_size, sizeof(tag));
        link->events->on_unsent(link->events->arg, link->partition, tag);
    }
}

struct frame_issue_request *issuer_link_add_issue(struct issuer_link *link)
{
    if (link->issues.count == FRAME_ISSUE_REQUESTS_MAX)
        flush_draft(link, &link->issues, FRAME_ISSUE_REQUESTS, sizeof(struct frame_issue_request));
    return add_record(&link->issues, sizeof(struct frame_issue_request));
}

struct frame_coupon_request *issuer_link_add_coupon(struct issuer_link *link)
{
    if (link->coupons.count == FRAME_COUPON_REQUESTS_MAX)
        flush_draft(link, &link->coupons, FRAME_COUPON_REQUESTS, sizeof(struct frame_coupon_request));
    return add_record(&link->coupons, sizeof(struct frame_coupon_request));
}

bool issuer_link_flush(struct issuer_link *link)
{
    bool any = link->issues.count + link->coupons.count > 0;

    flush_draft(link, &link->issues, FRAME_ISSUE_REQUESTS, sizeof(struct frame_issue_request));
    flush_draft(link, &link->coupons, FRAME_COUPON_REQUESTS, sizeof(struct frame_coupon_request));
    return any;
}

void issuer_link_wake(struct issuer_link *link)
{
    link->look = true;
}

/* Counts a frame that is not understood, and logs the first of its kind. */
static void drop_frame(struct issuer_link *link, unsigned kind, const char *why)
{
    unsigned bit = 1u << (kind < 31 ? kind : 31);

    metrics_add(link->metrics, METRIC_GATEWAY_FRAMES_DROPPED, 0, 1);
    if ((link->complained & bit) == 0)
        log_warn("gateway",
                 "dropped a frame from the issuer, more of its kind are only counted: %s partition=%u kind=%u", why,
                 link->partition, kind);
    link->complained |= bit;
}

static void hand_out_issue_replies(const struct issuer_link *link, const char *records, uint32_t count)
{
    struct frame_issue_reply reply;

    for (uint32_t i = 0; i < count; i++) {
        memcpy(&reply, records + i * sizeof(reply), sizeof(reply));
        link->events->on_issue_reply(link->events->arg, link->partition, &reply);
    }
}

static void hand_out_coupon_replies(const struct issuer_link *link, const char *records, uint32_t count)
{
    struct frame_coupon_reply reply;

    for (uint32_t i = 0; i < count; i++) {
        memcpy(&reply, records + i * sizeof(reply), sizeof(reply));
        link->events->on_coupon_reply(link->events->arg, link->partition, &reply);
    }
}

static void take_frame(struct issuer_link *link, const void *data, size_t size, int64_t now_ms)
{
    struct frame_header header;
    const char *why = frame_check(data, size, &header);

    if (why == NULL && (header.partition != link->partition || header.partitions != link->partitions))
        why = "it is of another partition";
    if (why == NULL && header.kind != FRAME_ISSUE_REPLIES && header.kind != FRAME_COUPON_REPLIES &&
        header.kind != FRAME_PONG)
        why = "a gateway takes no such frames";
    if (why != NULL) {
        /* ZeroMQ's buffers may lie anywhere: a byte of it, not a member of the header. */
        const uint8_t *kind = (const uint8_t *)data + offsetof(struct frame_header, kind);
        drop_frame(link, size >= sizeof(header) ? *kind : 0, why);
        return;
    }
    if (!link->alive)
        log_info("gateway", "the issuer answers partition=%u", link->partition);
    link->alive = true;
    link->alive_ms = now_ms;
    if (header.kind == FRAME_ISSUE_REPLIES)
        hand_out_issue_replies(link, frame_records(data), header.count);
    else if (header.kind == FRAME_COUPON_REPLIES)
        hand_out_coupon_replies(link, frame_records(data), header.count);
}

/* One message of one part. False when there is none. */
static bool receive_message(struct issuer_link *link, int64_t now_ms)
{
    zmq_msg_t message;
    bool more = false;

    zmq_msg_init(&message);
    if (zmq_msg_recv(&message, zsock_resolve(link->dealer), ZMQ_DONTWAIT) < 0)
        return false;
    if (!zmq_msg_more(&message)) {
        take_frame(link, zmq_msg_data(&message), zmq_msg_size(&message), now_ms);
        zmq_msg_close(&message);
        return true;
    }
    drop_frame(link, 31, "it has several parts");
    do {
        more = zmq_msg_more(&message) && zmq_msg_recv(&message, zsock_resolve(link->dealer), ZMQ_DONTWAIT) >= 0;
    } while (more);
    zmq_msg_close(&message);
    return true;
}

bool issuer_link_receive(struct issuer_link *link, int64_t now_ms)
{
    if (!link->look)
        return false;
    /* A receive that finds nothing has processed all of ZeroMQ's commands, so the descriptor fires for the next one. */
    for (int i = 0; i < FRAMES_IN_MAX; i++) {
        if (!receive_message(link, now_ms)) {
            link->look = false;
            return false;
        }
    }
    return true;
}

/* Says once that a partition was never heard of: whoever has mistaken an address or a number learns where to look. */
static void complain_of_silence(struct issuer_link *link, int64_t now_ms)
{
    if (link->complain_ms == 0)
        link->complain_ms = now_ms + LINK_ALIVE_MS;
    if (link->alive_ms != 0 || now_ms < link->complain_ms)
        return;
    link->complain_ms = INT64_MAX;
    log_warn("gateway",
             "no answer yet from the issuer at %s partition=%u: is it up, and is its issuer/partitions %u like here?",
             link->endpoint, link->partition, link->partitions);
}

void issuer_link_tick(struct issuer_link *link, int64_t now_ms)
{
    struct frame_header ping;

    if (link->alive && !issuer_link_up(link, now_ms)) {
        log_warn("gateway", "the issuer is silent partition=%u milliseconds=%d", link->partition, LINK_ALIVE_MS);
        mark_down(link);
    }
    complain_of_silence(link, now_ms);
    if (now_ms < link->ping_next_ms)
        return;
    frame_header_write(&ping, FRAME_PING, link->partition, link->partitions, 0);
    if (!send_bytes(link, &ping, sizeof(ping)) || link->alive)
        link->ping_wait_ms = PING_DOWN_FIRST_MS;
    else if (link->ping_wait_ms < PING_UP_MS)
        link->ping_wait_ms *= 2; /* on inproc, pings wait in a queue for an issuer that is not there yet */
    link->ping_next_ms = now_ms + (link->alive ? PING_UP_MS : link->ping_wait_ms);
}

/* The next event's number, or -1. An event is two parts: number and value, then the endpoint. */
static int next_monitor_event(struct issuer_link *link)
{
    zmq_msg_t part;
    uint16_t event = 0;
    bool first = true;
    bool more = true;

    while (more) {
        zmq_msg_init(&part);
        if (zmq_msg_recv(&part, zsock_resolve(link->monitor), ZMQ_DONTWAIT) < 0)
            return -1;
        if (first && zmq_msg_size(&part) >= sizeof(event))
            memcpy(&event, zmq_msg_data(&part), sizeof(event));
        first = false;
        more = zmq_msg_more(&part) != 0;
        zmq_msg_close(&part);
    }
    return event;
}

bool issuer_link_check_monitor(struct issuer_link *link, int64_t now_ms)
{
    bool lost = false;

    if (link->monitor == NULL)
        return false;
    for (int event = next_monitor_event(link); event >= 0; event = next_monitor_event(link)) {
        lost |= event == ZMQ_EVENT_DISCONNECTED;
        if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
            link->ping_next_ms = 0;
    }
    if (lost) {
        link->look = true;
        for (int i = 0; i < RECEIVE_HWM / FRAMES_IN_MAX && issuer_link_receive(link, now_ms); i++)
            continue;
        mark_down(link);
        link->look = true;
    }
    if (link->ping_next_ms == 0)
        issuer_link_tick(link, now_ms);
    return lost;
}
