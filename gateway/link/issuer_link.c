#include "gateway/link/issuer_link.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/link/clock.h"
#include "gateway/link/issuer_wire.h"
#include "shared/clock.h"
#include "shared/endpoint.h"
#include "shared/telemetry/log.h"

enum {
    FRAMES_IN_MAX = 64,       /* received in one call */
    CLOCK_MS = 10,            /* between two readings of the issuer's clock */
    LAST_FRAMES_MAX = 4096,   /* received after the connection was lost */
    PING_UP_MS = 1000,        /* while the partition answers */
    PING_DOWN_FIRST_MS = 100, /* while it does not; doubles up to PING_UP_MS */
};

/* A frame under construction. */
struct draft {
    struct buffer bytes; /* header and records */
    uint32_t count;
    int64_t asked_us; /* of the first record; the header contains the issuer's clock at that time */
    bool timed;       /* the reply shall tell the times of its turn */
};

struct issuer_link {
    uint16_t partition;
    uint16_t partitions;
    const struct issuer_link_events *events;
    struct metrics *metrics;
    struct issuer_wire *wire;
    struct link_clock clock;
    int64_t clock_next_ms; /* when the clock is read again */
    struct link_clock_offset offset;
    bool turn_known; /* of the frame that is handed out */
    struct link_turn turn;
    bool refused; /* in the handshake, because the secrets differ */
    bool alive;
    int64_t alive_ms;    /* of the last valid frame; 0: none yet */
    int64_t complain_ms; /* when to log that none has come yet; 0: not set yet, INT64_MAX: logged */
    char endpoint[512];
    int64_t ping_next_ms; /* 0: at once */
    int64_t ping_wait_ms;
    struct frame_drops drops;
    struct draft drafts[LINK_KINDS];
};

struct issuer_link *issuer_link_create(const char *base, uint16_t partition, uint16_t partitions,
                                       const struct issuer_link_events *events, struct metrics *metrics,
                                       struct error *error)
{
    struct issuer_link *link = calloc(1, sizeof *link);
    CHECK(link != NULL);
    if (!endpoint_of_partition(base, partition, link->endpoint, sizeof link->endpoint)) {
        error_set(error, "gateway/requests: %s is not tcp://HOST:PORT, ipc://PATH, shm://PATH or inproc://NAME", base);
        free(link);
        return NULL;
    }
    link->partition = partition;
    link->partitions = partitions;
    link->events = events;
    link->metrics = metrics;
    link->drops = (struct frame_drops){"gateway", metrics, METRIC_GATEWAY_FRAMES_DROPPED, 0};
    link->ping_wait_ms = PING_DOWN_FIRST_MS;
    link->wire = issuer_wire_create(link->endpoint, error);
    if (link->wire == NULL) {
        error_prefix(error, "gateway/requests");
        issuer_link_destroy(&link);
    }
    return link;
}

void issuer_link_destroy(struct issuer_link **link)
{
    if (*link == NULL)
        return;
    issuer_wire_destroy(&(*link)->wire);
    for (unsigned i = 0; i < LINK_KINDS; i++)
        buffer_deinit(&(*link)->drafts[i].bytes);
    free(*link);
    *link = NULL;
}

int issuer_link_fd(const struct issuer_link *link)
{
    return issuer_wire_fd(link->wire);
}

int issuer_link_monitor_fd(const struct issuer_link *link)
{
    return issuer_wire_monitor_fd(link->wire);
}

bool issuer_link_up(const struct issuer_link *link, int64_t now_ms)
{
    return link->alive && now_ms - link->alive_ms < LINK_ALIVE_MS;
}

/* The partition counts as down until it answers a ping. */
static void mark_down(struct issuer_link *link)
{
    link->alive = false;
    link->ping_next_ms = 0;
    link->ping_wait_ms = PING_DOWN_FIRST_MS;
}

static void *add_record(struct draft *draft, size_t record_size, int64_t asked_us)
{
    char *record = NULL;
    if (draft->count == 0) {
        draft->bytes.length = sizeof(struct frame_header);
        draft->asked_us = asked_us;
        draft->timed = false;
    }
    record = buffer_reserve(&draft->bytes, record_size + sizeof(struct frame_header));
    memset(record, 0, record_size);
    draft->bytes.length += record_size;
    draft->count++;
    return record;
}

/* Discards the draft, and reports each of its requests as unsent. Every kind of record begins with the tag. */
static void report_unsent(struct issuer_link *link, enum link_kind kind)
{
    struct draft *draft = &link->drafts[kind];
    uint32_t count = draft->count;
    draft->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t tag = 0;
        memcpy(&tag, draft->bytes.data + sizeof(struct frame_header) + i * link_kind_rows[kind].record_size,
               sizeof tag);
        link->events->on_unsent(link->events->arg, link->partition, tag);
    }
}

static void flush_draft(struct issuer_link *link, enum link_kind kind)
{
    struct draft *draft = &link->drafts[kind];
    if (draft->count == 0)
        return;
    struct frame_header header;
    frame_header_write(&header, link_kind_rows[kind].frame, link->partition, link->partitions, draft->count);
    frame_header_set_clock(&header, link->clock.incarnation, link_clock_least_us(&link->clock, draft->asked_us));
    header.flags = draft->timed ? FRAME_TIMED : 0;
    memcpy(draft->bytes.data, &header, sizeof header);
    metrics_observe(link->metrics, METRIC_GATEWAY_BATCH, draft->count, 1);
    if (issuer_wire_send(link->wire, draft->bytes.data, draft->bytes.length))
        draft->count = 0;
    else
        report_unsent(link, kind);
}

/* The deadline of a request in the draft, relative to the clock in the draft's header. */
static uint32_t wait_us(const struct draft *draft, int64_t until_us)
{
    int64_t us = link_clock_passes_us(until_us - draft->asked_us);
    return us < 0 ? 0 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

/* A blank record, but for its deadline. */
static void *add_request(struct issuer_link *link, enum link_kind kind, int64_t asked_us, int64_t until_us)
{
    struct draft *draft = &link->drafts[kind];
    CHECK(link->clock.incarnation != 0);
    if (draft->count == link_kind_rows[kind].records_max)
        flush_draft(link, kind);
    char *record = add_record(draft, link_kind_rows[kind].record_size, asked_us);
    uint32_t wait = wait_us(draft, until_us);
    memcpy(record + link_kind_rows[kind].wait_at, &wait, sizeof wait);
    return record;
}

struct frame_issue_request *issuer_link_add_issue(struct issuer_link *link, int64_t asked_us, int64_t until_us)
{
    return add_request(link, LINK_ISSUES, asked_us, until_us);
}

struct frame_change_request *issuer_link_add_change(struct issuer_link *link, int64_t asked_us, int64_t until_us)
{
    return add_request(link, LINK_CHANGES, asked_us, until_us);
}

struct frame_coupon_request *issuer_link_add_coupon(struct issuer_link *link, int64_t asked_us, int64_t until_us)
{
    return add_request(link, LINK_COUPONS, asked_us, until_us);
}

struct frame_verification_request *issuer_link_add_verification(struct issuer_link *link, int64_t asked_us,
                                                                int64_t until_us)
{
    return add_request(link, LINK_VERIFICATIONS, asked_us, until_us);
}

void issuer_link_add_copy(struct issuer_link *link, const struct link_request *request, int64_t asked_us)
{
    size_t wait_at = link_kind_rows[request->kind].wait_at;
    char *copy = add_request(link, request->kind, asked_us, request->until_us);
    uint32_t wait = 0;
    memcpy(&wait, copy + wait_at, sizeof wait);
    memcpy(copy, request->record, request->size);
    memcpy(copy + wait_at, &wait, sizeof wait);
}

void issuer_link_ask_times(struct issuer_link *link)
{
    for (unsigned kind = LINK_ISSUES; kind <= LINK_COUPONS; kind++)
        link->drafts[kind].timed = true; /* of one without records, the first record takes it back */
}

bool issuer_link_flush(struct issuer_link *link)
{
    bool any = false;
    for (unsigned kind = 0; kind < LINK_KINDS; kind++) {
        any = any || link->drafts[kind].count > 0;
        flush_draft(link, kind);
    }
    return any;
}

void issuer_link_wake(struct issuer_link *link)
{
    issuer_wire_wake(link->wire);
}

static void drop_frame(struct issuer_link *link, enum frame_fault fault, size_t size)
{
    frame_drops_add(&link->drops, fault, "partition=%u bytes=%zu", link->partition, size);
}

static void hand_out_issue_replies(const struct issuer_link *link, const char *records, uint32_t count)
{
    struct frame_issue_reply reply;
    for (uint32_t i = 0; i < count; i++) {
        memcpy(&reply, records + i * sizeof reply, sizeof reply);
        link->events->on_issue_reply(link->events->arg, link->partition, &reply);
    }
}

static void hand_out_coupon_replies(const struct issuer_link *link, const char *records, uint32_t count)
{
    struct frame_coupon_reply reply;
    for (uint32_t i = 0; i < count; i++) {
        records += frame_coupon_reply_next(records, &reply);
        link->events->on_coupon_reply(link->events->arg, link->partition, &reply);
    }
}

static void hand_out_pong(const struct issuer_link *link, const char *record)
{
    struct frame_pong pong;
    memcpy(&pong, record, sizeof pong);
    link->events->on_pong(link->events->arg, link->partition, &pong);
}

static void hand_out_change_replies(const struct issuer_link *link, const char *records, uint32_t count)
{
    struct frame_change_reply reply;
    for (uint32_t i = 0; i < count; i++) {
        memcpy(&reply, records + i * sizeof reply, sizeof reply);
        link->events->on_change_reply(link->events->arg, link->partition, &reply);
    }
}

static void hand_out_verification_replies(const struct issuer_link *link, const char *records, uint32_t count)
{
    struct frame_verification_reply reply;
    for (uint32_t i = 0; i < count; i++) {
        memcpy(&reply, records + i * sizeof reply, sizeof reply);
        link->events->on_verification_reply(link->events->arg, link->partition, &reply);
    }
}

/* The frame that is returned has been checked. Every kind of record begins with the tag. */
static void hand_out_returned(const struct issuer_link *link, const void *frame)
{
    struct frame_header header;
    memcpy(&header, frame, sizeof header);
    enum link_kind kind = link_kind_of((enum frame_kind)header.kind);
    const char *records = frame_records(frame);
    for (uint32_t i = 0; i < header.count; i++) {
        uint64_t tag = 0;
        memcpy(&tag, records + i * link_kind_rows[kind].record_size, sizeof tag);
        link->events->on_not_owner(link->events->arg, link->partition, kind, tag);
    }
}

/* Keeps the times of a frame while it is handed out. */
static void note_turn(struct issuer_link *link, const struct frame_header *header, const void *data, size_t size)
{
    struct frame_times times;
    link->turn_known = frame_times_read(data, size, &times);
    if (link->turn_known)
        link->turn = (struct link_turn){.began_us = header->clock_us,
                                        .decided_us = times.decided_us,
                                        .synced_us = times.synced_us,
                                        .received_us = clock_mono_us(),
                                        .journal_seq = times.journal_seq};
}

bool issuer_link_turn(struct issuer_link *link, struct link_turn *turn)
{
    int64_t sent_us = turn->sent_us;
    if (!link->turn_known)
        return false;
    *turn = link->turn;
    turn->sent_us = sent_us;
    link_clock_offset_place(&link->offset, turn);
    return true;
}

/* True when the issuer has restarted. Reads our clock after the frame's arrival; the loop turn's time is older. */
static bool read_clock(struct issuer_link *link, const struct frame_header *header, int64_t now_ms)
{
    if (header->incarnation == link->clock.incarnation && now_ms < link->clock_next_ms)
        return false;
    link->clock_next_ms = now_ms + CLOCK_MS;
    return link_clock_update(&link->clock, header->incarnation, header->clock_us, clock_mono_us());
}

/* The drafts' deadlines are on the clock of the previous incarnation, so their requests are not sent. */
static void on_restart(struct issuer_link *link)
{
    log_info("gateway", "the issuer has restarted partition=%u", link->partition);
    for (unsigned kind = 0; kind < LINK_KINDS; kind++)
        report_unsent(link, kind);
    link->events->on_restart(link->events->arg, link->partition);
}

static enum frame_fault check_frame(const struct issuer_link *link, const void *data, size_t size,
                                    struct frame_header *header)
{
    enum frame_fault fault = frame_check(data, size, header);
    if (fault != FRAME_OK)
        return fault;
    if (header->partitions != link->partitions)
        return FRAME_FAULT_OTHER_PARTITIONS;
    if (header->partition != link->partition)
        return FRAME_FAULT_OTHER_PARTITION;
    bool ours = header->kind == FRAME_ISSUE_REPLIES || header->kind == FRAME_CHANGE_REPLIES ||
                header->kind == FRAME_COUPON_REPLIES || header->kind == FRAME_VERIFICATION_REPLIES ||
                header->kind == FRAME_PONG || (header->kind == FRAME_NOT_OWNER && link->events->on_not_owner != NULL);
    return ours ? FRAME_OK : FRAME_FAULT_RECEIVER;
}

static void take_frame(struct issuer_link *link, const void *data, size_t size, int64_t now_ms)
{
    struct frame_header header;
    enum frame_fault fault = check_frame(link, data, size, &header);
    if (fault != FRAME_OK) {
        drop_frame(link, fault, size);
        return;
    }
    if (!link->alive)
        log_info("gateway", "the issuer answers partition=%u", link->partition);
    link->alive = true;
    link->alive_ms = now_ms;
    bool restarted = read_clock(link, &header, now_ms);
    if (header.flags != 0)
        note_turn(link, &header, data, size);
    if (header.kind == FRAME_ISSUE_REPLIES)
        hand_out_issue_replies(link, frame_records(data), header.count);
    else if (header.kind == FRAME_CHANGE_REPLIES)
        hand_out_change_replies(link, frame_records(data), header.count);
    else if (header.kind == FRAME_PONG)
        hand_out_pong(link, frame_records(data));
    else if (header.kind == FRAME_COUPON_REPLIES)
        hand_out_coupon_replies(link, frame_records(data), header.count);
    else if (header.kind == FRAME_VERIFICATION_REPLIES)
        hand_out_verification_replies(link, frame_records(data), header.count);
    else if (header.kind == FRAME_NOT_OWNER)
        hand_out_returned(link, frame_records(data));
    link->turn_known = false;
    if (restarted)
        on_restart(link);
}

bool issuer_link_receive(struct issuer_link *link, int64_t now_ms)
{
    struct wire_message message;
    for (int i = 0; i < FRAMES_IN_MAX; i++) {
        if (!issuer_wire_receive(link->wire, &message))
            return false;
        if (message.one_part)
            take_frame(link, message.data, message.size, now_ms);
        else
            drop_frame(link, FRAME_FAULT_PARTS, message.size);
    }
    return true;
}

/* Logs once that a partition has never answered: a wrong address or number of partitions causes no other error. */
static void complain_of_silence(struct issuer_link *link, int64_t now_ms)
{
    if (link->complain_ms == 0)
        link->complain_ms = now_ms + LINK_ALIVE_MS;
    if (link->alive_ms != 0 || now_ms < link->complain_ms)
        return;
    link->complain_ms = INT64_MAX;
    log_warn("gateway",
             "no answer yet from the issuer at %s partition=%u; check that it runs and that its issuer/partitions is "
             "%u, as here",
             link->endpoint, link->partition, link->partitions);
}

bool issuer_link_refused(const struct issuer_link *link)
{
    return link->refused;
}

void issuer_link_tick(struct issuer_link *link, int64_t now_ms)
{
    issuer_wire_tick(link->wire, now_ms);
    if (link->alive && !issuer_link_up(link, now_ms)) {
        log_warn("gateway", "the issuer is silent partition=%u milliseconds=%d", link->partition, LINK_ALIVE_MS);
        mark_down(link);
    }
    complain_of_silence(link, now_ms);
    if (now_ms < link->ping_next_ms)
        return;
    struct frame_header ping;
    frame_header_write(&ping, FRAME_PING, link->partition, link->partitions, 0);
    if (link->clock.incarnation != 0)
        frame_header_set_clock(&ping, link->clock.incarnation, link_clock_least_us(&link->clock, clock_mono_us()));
    if (!issuer_wire_send(link->wire, &ping, sizeof ping) || link->alive)
        link->ping_wait_ms = PING_DOWN_FIRST_MS;
    else if (link->ping_wait_ms < PING_UP_MS)
        link->ping_wait_ms *= 2; /* on inproc, pings queue for an issuer that does not run yet */
    link->ping_next_ms = now_ms + (link->alive ? PING_UP_MS : link->ping_wait_ms);
}

void issuer_link_hurry(struct issuer_link *link, int64_t now_ms)
{
    if (link->alive && link->ping_next_ms > now_ms + LINK_HURRY_MS)
        link->ping_next_ms = now_ms + LINK_HURRY_MS;
}

bool issuer_link_check_monitor(struct issuer_link *link, int64_t now_ms)
{
    unsigned news = issuer_wire_check(link->wire);
    link->refused = (news & WIRE_REFUSED) != 0;
    if ((news & WIRE_LOST) != 0) {
        for (int i = 0; i < LAST_FRAMES_MAX / FRAMES_IN_MAX && issuer_link_receive(link, now_ms); i++)
            continue;
        mark_down(link);
        issuer_wire_wake(link->wire);
    }
    if ((news & WIRE_MADE) != 0)
        link->ping_next_ms = 0;
    if (link->ping_next_ms == 0)
        issuer_link_tick(link, now_ms);
    return (news & WIRE_LOST) != 0;
}

bool issuer_link_begin_sleep(struct issuer_link *link)
{
    return issuer_wire_begin_sleep(link->wire);
}

void issuer_link_end_sleep(struct issuer_link *link)
{
    issuer_wire_end_sleep(link->wire);
}
