#include "gateway/links.h"

#include <stdlib.h>

#include "gateway/dispatch/dispatch.h"
#include "shared/members.h"

/* A wire of a link, and the polls of its descriptors. */
struct watch {
    struct links *links;
    uint16_t partition;
    unsigned wire;
    uv_poll_t frames;
    uv_poll_t monitor;
};

struct links {
    uv_loop_t *uv;
    struct service *service;
    struct partition_link_events events;
    struct members members;
    unsigned count;
    struct watch *watches;
};

static int64_t now_ms(const struct links *links)
{
    return (int64_t)uv_now(links->uv);
}

/* --- descriptors --- */

static void on_frames(uv_poll_t *poll, int status, int events)
{
    struct watch *watch = poll->data;
    (void)status;
    (void)events;
    partition_link_wake(watch->links->service->links[watch->partition], watch->wire);
}

static void on_monitor(uv_poll_t *poll, int status, int events)
{
    struct watch *watch = poll->data;
    struct service *service = watch->links->service;
    (void)status;
    (void)events;
    if (partition_link_check_monitor(service->links[watch->partition], watch->wire, now_ms(watch->links)))
        dispatch_partition_lost(service, watch->partition);
}

static void watch_fd(struct watch *watch, uv_poll_t *poll, int fd, uv_poll_cb callback)
{
    if (fd < 0)
        return;
    CHECK(uv_poll_init(watch->links->uv, poll, fd) == 0);
    poll->data = watch;
    CHECK(uv_poll_start(poll, UV_READABLE, callback) == 0);
}

static void watch_link(struct links *links, uint16_t partition)
{
    struct partition_link *link = links->service->links[partition];
    for (unsigned i = 0; i < partition_link_wires(link); i++) {
        struct watch *watch = &links->watches[links->count++];
        *watch = (struct watch){.links = links, .partition = partition, .wire = i};
        watch_fd(watch, &watch->frames, partition_link_fd(link, i), on_frames);
        watch_fd(watch, &watch->monitor, partition_link_monitor_fd(link, i), on_monitor);
        /* ZeroMQ signals a reader only after a receive has found nothing. */
        partition_link_wake(link, i);
        partition_link_check_monitor(link, i, now_ms(links));
    }
}

/* --- life --- */

static int open_all(struct links *links, struct error *error)
{
    const struct options *options = links->service->options;
    if (members_parse(options->cluster_members, &links->members, error) != 0)
        return -1;
    struct partition_link_config config = {
        .base = links->members.count > 0 ? options->issuer_requests : options->gateway_requests,
        .members = &links->members,
        .partitions = (uint16_t)options->issuer_partitions,
        .hold_us = options->gateway_hold_ms * 1000,
        .events = &links->events,
        .metrics = links->service->metrics,
    };
    links->watches = calloc((size_t)config.partitions * MEMBERS_MAX, sizeof links->watches[0]);
    CHECK(links->watches != NULL);
    for (; config.partition < config.partitions; config.partition++) {
        links->service->links[config.partition] = partition_link_create(&config, error);
        if (links->service->links[config.partition] == NULL)
            return -1;
        links->service->partitions++;
        watch_link(links, config.partition);
    }
    return 0;
}

int links_open(uv_loop_t *uv, struct service *service, struct links **out, struct error *error)
{
    struct links *links = *out = calloc(1, sizeof *links);
    CHECK(links != NULL);
    links->uv = uv;
    links->service = service;
    links->events = (struct partition_link_events){
        .issuer = {dispatch_on_issue_reply, dispatch_on_change_reply, dispatch_on_coupon_reply,
                   dispatch_on_verification_reply, dispatch_on_pong, dispatch_on_unsent, dispatch_on_restart, NULL,
                   service},
        .waits = dispatch_waits,
        .on_unknown = dispatch_on_unknown,
    };
    return open_all(links, error);
}

void links_close(struct links **links)
{
    struct links *self = *links;
    if (self == NULL)
        return;
    for (uint16_t p = 0; p < self->service->partitions; p++)
        partition_link_destroy(&self->service->links[p]);
    metrics_set(self->service->metrics, METRIC_GATEWAY_ISSUERS, 0, 0);
    metrics_set(self->service->metrics, METRIC_GATEWAY_HELD, 0, 0);
    free(self->watches);
    free(self);
    *links = NULL;
}

/* --- turns --- */

bool links_receive(struct links *links)
{
    bool more = false;
    for (uint16_t p = 0; p < links->service->partitions; p++)
        more |= partition_link_receive(links->service->links[p], now_ms(links));
    return more;
}

bool links_send(struct links *links)
{
    int64_t now_us = service_now_us(links->service);
    bool sent = false;
    for (uint16_t p = 0; p < links->service->partitions; p++)
        sent |= partition_link_flush(links->service->links[p], now_us);
    return sent;
}

void links_tick(struct links *links)
{
    int64_t now_us = service_now_us(links->service);
    for (uint16_t p = 0; p < links->service->partitions; p++)
        partition_link_tick(links->service->links[p], now_ms(links), now_us);
}

void links_report(const struct links *links, unsigned thread)
{
    const struct service *service = links->service;
    uint64_t up = 0, refused = 0;
    int64_t up_count = 0, held = 0;
    for (uint16_t p = 0; p < service->partitions; p++) {
        bool is_up = service_partition_up(service, p);
        up_count += is_up;
        up |= (uint64_t)is_up << p;
        refused |= (uint64_t)partition_link_refused(service->links[p]) << p;
        held += partition_link_held(service->links[p]);
    }
    readiness_note(service->readiness, thread, up);
    readiness_note_refused(service->readiness, thread, refused);
    metrics_set(service->metrics, METRIC_GATEWAY_ISSUERS, 0, up_count);
    metrics_set(service->metrics, METRIC_GATEWAY_HELD, 0, held);
}

bool links_begin_sleep(struct links *links)
{
    bool may = true;
    for (uint16_t p = 0; p < links->service->partitions; p++)
        may &= partition_link_begin_sleep(links->service->links[p]);
    return may;
}

void links_end_sleep(struct links *links)
{
    for (uint16_t p = 0; p < links->service->partitions; p++)
        partition_link_end_sleep(links->service->links[p]);
}
