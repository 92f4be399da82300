/* Frames: requests and replies as bytes, in one buffer that stays in the cache, and in buffers that exceed it. */
#include "shared/wire/frame.h"

#include <stdlib.h>
#include <string.h>

#include "groups.h"
#include "scratch.h"
#include "shared/error.h"

#define RECORDS_OF_RUN 8192u
#define COLD_BYTES     (256u << 20)

struct bench {
    unsigned char *memory;
    size_t frame_bytes; /* distance between two frames */
    size_t frames;      /* in memory */
    size_t at;          /* the next frame */
    uint32_t records;   /* per frame */
    uint64_t seen;      /* prevents the compiler from removing the work */
};

static unsigned char *next_frame(struct bench *bench)
{
    unsigned char *frame = bench->memory + bench->at * bench->frame_bytes;
    bench->at = (bench->at + 1) % bench->frames;
    return frame;
}

static void write_requests(struct bench *bench, unsigned char *frame)
{
    char user[MICRO_USER];
    scratch_user(user, (uint32_t)bench->seen);
    frame_header_write((struct frame_header *)frame, FRAME_ISSUE_REQUESTS, 0, 1, bench->records);
    frame_header_set_clock(frame, 1, 1);
    struct frame_issue_request *requests = (struct frame_issue_request *)(frame + sizeof(struct frame_header));
    for (uint32_t i = 0; i < bench->records; i++) {
        struct frame_issue_request *request = memset(&requests[i], 0, sizeof *request);
        request->tag = bench->seen++;
        request->op = ISSUE_POST;
        request->wait_us = UINT32_MAX;
        request->coupon_id_length = sizeof MICRO_COUPON - 1;
        request->user_id_length = MICRO_USER;
        memcpy(request->coupon_id, MICRO_COUPON, sizeof MICRO_COUPON - 1);
        memcpy(request->user_id, user, MICRO_USER);
    }
}

static void check_requests(struct bench *bench, unsigned char *frame)
{
    struct frame_header header;
    size_t size = sizeof header + bench->records * sizeof(struct frame_issue_request);
    CHECK(frame_check(frame, size, &header) == FRAME_OK && header.count == bench->records);
    const char *bytes = frame_records(frame);
    for (uint32_t i = 0; i < header.count; i++, bytes += sizeof(struct frame_issue_request)) {
        struct frame_issue_request request;
        memcpy(&request, bytes, sizeof request);
        CHECK(frame_issue_request_valid(&request));
        bench->seen += request.tag;
    }
}

static void write_replies(struct bench *bench, unsigned char *frame)
{
    frame_header_write((struct frame_header *)frame, FRAME_ISSUE_REPLIES, 0, 1, bench->records);
    frame_header_set_clock(frame, 1, 1);
    struct frame_issue_reply *replies = (struct frame_issue_reply *)(frame + sizeof(struct frame_header));
    for (uint32_t i = 0; i < bench->records; i++)
        replies[i] = (struct frame_issue_reply){.tag = bench->seen++,
                                                .verdict = VERDICT_ISSUED,
                                                .now_us = 1,
                                                .issue = {.sequence = i + 1, .issued_at_us = 1}};
}

static void read_replies(struct bench *bench, unsigned char *frame)
{
    struct frame_header header;
    size_t size = sizeof header + bench->records * sizeof(struct frame_issue_reply);
    CHECK(frame_check(frame, size, &header) == FRAME_OK && header.count == bench->records);
    const char *bytes = frame_records(frame);
    for (uint32_t i = 0; i < header.count; i++, bytes += sizeof(struct frame_issue_reply)) {
        struct frame_issue_reply reply;
        memcpy(&reply, bytes, sizeof reply);
        bench->seen += reply.tag + reply.verdict;
    }
}

static const struct step {
    const char *name;
    size_t record_bytes;
    void (*frame)(struct bench *bench, unsigned char *frame);
} steps[] = {
    {"request written", sizeof(struct frame_issue_request), write_requests},
    {"request checked and read", sizeof(struct frame_issue_request), check_requests},
    {"reply written", sizeof(struct frame_issue_reply), write_replies},
    {"reply checked and read", sizeof(struct frame_issue_reply), read_replies},
};

struct job {
    struct bench bench;
    const struct step *step;
};

static void run(void *arg)
{
    struct job *job = arg;
    for (uint32_t done = 0; done < RECORDS_OF_RUN; done += job->bench.records)
        job->step->frame(&job->bench, next_frame(&job->bench));
}

static void measure(struct micro *micro, const struct step *step, uint32_t records, bool cold, unsigned char *memory)
{
    struct job job = {.step = step, .bench = {.memory = memory, .records = records}};
    job.bench.frame_bytes = (sizeof(struct frame_header) + records * step->record_bytes + 63) / 64 * 64;
    job.bench.frames = cold ? COLD_BYTES / job.bench.frame_bytes : 1;
    for (size_t i = 0; i < job.bench.frames; i++)
        (step->record_bytes == sizeof(struct frame_issue_reply) ? write_replies
                                                                : write_requests)(&job.bench, next_frame(&job.bench));
    struct micro_work work = {
        .operations = (RECORDS_OF_RUN + records - 1) / records * records, .run = run, .arg = &job};
    micro_measure(micro, &work, "%s, frames of %u, %s", step->name, records, cold ? "from memory" : "in cache");
}

void micro_frames(struct micro *micro)
{
    static const uint32_t sizes[] = {1, 64, 1000};
    unsigned char *memory = aligned_alloc(64, COLD_BYTES);
    CHECK(memory != NULL);
    for (size_t step = 0; step < sizeof steps / sizeof *steps; step++) {
        for (size_t size = 0; size < sizeof sizes / sizeof *sizes; size++) {
            measure(micro, &steps[step], sizes[size], false, memory);
            measure(micro, &steps[step], sizes[size], true, memory);
        }
    }
    free(memory);
}
