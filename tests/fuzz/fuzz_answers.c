/*
 * Acknowledgements that the issuer's feed receives: hostile messages between those of a real persister. Nothing counts
 * as stored that was not sent, every frame is acceptable to a persister, and once only the real persister sends,
 * everything reaches the store.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "issuer/feed/feed.h"
#include "journal_input.h"
#include "journal_sample.h"
#include "memory_disk.h"
#include "persister/batch.h"
#include "shared/journal/dir.h"
#include "shared/telemetry/metrics.h"

#define SENT_MAX   64
#define STORE_BYTE 0x51 /* all bytes of the store's id */
#define STEPS_MAX  64
#define DRAIN_MAX  200

enum step { READ_AND_SEND, WAIT, ACK_SENT, ACK_ANY, SAY_BEHIND, SAY_BYTES, APPEND, READ_ONLY, STEPS };

/* A feed with its journal, and the frames that it sent. */
struct scene {
    struct journal *journal;
    struct feed *feed;
    int64_t now_us;
    uint64_t sent_seq; /* the last record ever sent */
    size_t sent_count;
    struct frame_ack sent[SENT_MAX]; /* the acknowledgement of each frame */
};

static uint8_t image[65536];
static size_t image_size;
static struct batch batch;

struct metrics *__real_metrics_create(const char *role, int partition);
struct metrics *__wrap_metrics_create(const char *role, int partition);

struct metrics *__wrap_metrics_create(const char *role, int partition)
{
    static struct metrics *only;
    if (only == NULL)
        only = __real_metrics_create(role, partition);
    return only;
}

void fuzz_begin(void)
{
    memory_disk_use();
    struct journal_meta meta;
    journal_input_meta(&meta);
    memory_disk_put(JOURNAL_INPUT_DIR "/meta", &meta, sizeof meta);
    struct journal *journal = journal_sample_open();
    journal_sample_write(journal);
    for (uint32_t i = 0; i < 6; i++)
        journal_sample_issues(journal, 50 + i, "B.b-b_B", 10 + i, 1);
    journal_abandon(&journal);
    image_size = journal_input_read(JOURNAL_FIX_ALL, image, sizeof image);
    memory_disk_clear();
    batch_init(&batch);
}

void fuzz_seeds(void)
{
    static const uint8_t fair[] = {2, READ_AND_SEND, ACK_SENT, 0, READ_AND_SEND, ACK_SENT, 1, APPEND, READ_AND_SEND};
    static const uint8_t late[] = {0, READ_AND_SEND, WAIT, 255, 255, READ_AND_SEND, ACK_ANY, 1, 1, SAY_BEHIND, 0};
    static const uint8_t many[] = {7, READ_AND_SEND, ACK_SENT, 0, READ_AND_SEND, ACK_SENT, 2, ACK_SENT,
                                   1, SAY_BEHIND,    9};
    static const uint8_t early[] = {0, READ_ONLY, ACK_ANY, 1, 1};
    uint8_t bytes[3 + sizeof(struct frame_header) + sizeof(struct frame_ack)] = {1, SAY_BYTES, sizeof bytes - 3};
    struct frame_header header;
    frame_header_write(&header, FRAME_ACK, 0, 1, 1);
    memcpy(bytes + 3, &header, sizeof header);
    memset(bytes + 3 + sizeof header, 0x4a, 16);
    fuzz_seed(fair, sizeof fair);
    fuzz_seed(late, sizeof late);
    fuzz_seed(many, sizeof many);
    fuzz_seed(early, sizeof early);
    fuzz_seed(bytes, sizeof bytes);
}

/* --- sending --- */

/* A frame must be acceptable to a persister, and continue or repeat earlier ones. */
static void note_sent(struct scene *scene, zmq_msg_t *message)
{
    CHECK(batch_read(&batch, zmq_msg_data(message), zmq_msg_size(message), 1) == FRAME_OK);
    struct frame_events events;
    memcpy(&events, frame_records(zmq_msg_data(message)), sizeof events);
    CHECK(events.first_seq <= scene->sent_seq + 1);
    CHECK(events.last_seq <= journal_synced_seq(scene->journal));
    CHECK(events.acked_seq < events.first_seq);
    if (events.last_seq > scene->sent_seq)
        scene->sent_seq = events.last_seq;
    struct frame_ack *ack = &scene->sent[scene->sent_count++ % SENT_MAX];
    *ack = (struct frame_ack){.first_seq = events.first_seq, .last_seq = events.last_seq};
    memcpy(ack->journal_id, events.journal_id, sizeof ack->journal_id);
    memset(ack->store_id, STORE_BYTE, sizeof ack->store_id);
}

static void read_and_send(struct scene *scene)
{
    feed_read_ahead(scene->feed, scene->now_us);
    struct feed_frame frame;
    while (feed_due(scene->feed, scene->now_us, &frame)) {
        note_sent(scene, frame.message);
        feed_sent(scene->feed, &frame, scene->now_us);
    }
    CHECK(feed_deadline(scene->feed, scene->now_us) > scene->now_us);
}

/* --- answering --- */

static void say(struct scene *scene, const void *bytes, size_t size)
{
    void *copy = fuzz_copy(bytes, size);
    feed_on_answer(scene->feed, copy, size, scene->now_us);
    free(copy);
}

static void say_ack(struct scene *scene, enum frame_kind kind, const struct frame_ack *ack)
{
    struct batch_ack bytes;
    frame_header_write(&bytes.header, kind, 0, 1, 1);
    bytes.ack = *ack;
    say(scene, &bytes, sizeof bytes);
}

static void ack_sent(struct scene *scene, size_t which)
{
    if (scene->sent_count > 0)
        say_ack(scene, FRAME_ACK, &scene->sent[(scene->sent_count - 1 - which % scene->sent_count) % SENT_MAX]);
}

static struct frame_ack ack_of(const struct scene *scene, uint64_t first_seq, uint64_t last_seq)
{
    struct frame_ack ack = {.first_seq = first_seq, .last_seq = last_seq};
    memcpy(ack.journal_id, journal_meta(scene->journal)->journal_id, sizeof ack.journal_id);
    memset(ack.store_id, STORE_BYTE, sizeof ack.store_id);
    return ack;
}

/* --- steps --- */

static void append(struct scene *scene)
{
    uint32_t sequence = (uint32_t)journal_written_seq(scene->journal);
    journal_sample_issues(scene->journal, journal_last_time_us(scene->journal), "B.b-b_B", sequence, 1);
}

static void take_step(struct scene *scene, enum step step, struct fuzz_input *input)
{
    struct frame_ack ack;
    size_t size;
    const uint8_t *bytes;
    switch (step) {
    case READ_AND_SEND:
        read_and_send(scene);
        break;
    case WAIT:
        scene->now_us += fuzz_take_u16(input) * 100;
        break;
    case ACK_SENT:
        ack_sent(scene, fuzz_take_byte(input));
        break;
    case ACK_ANY:
        ack = ack_of(scene, fuzz_take_byte(input), 0);
        ack.last_seq = fuzz_take_byte(input);
        say_ack(scene, FRAME_ACK, &ack);
        break;
    case SAY_BEHIND:
        ack = ack_of(scene, 0, fuzz_take_byte(input));
        ack.first_seq = ack.last_seq + 1;
        say_ack(scene, FRAME_BEHIND, &ack);
        break;
    case SAY_BYTES:
        bytes = fuzz_take(input, fuzz_take_byte(input), &size);
        say(scene, bytes, size);
        break;
    case READ_ONLY:
        feed_read_ahead(scene->feed, scene->now_us);
        break;
    default:
        append(scene);
    }
}

static void check(const struct scene *scene)
{
    uint64_t acked = feed_acked_seq(scene->feed, 0);
    CHECK(acked <= scene->sent_seq);
    CHECK(acked <= journal_synced_seq(scene->journal));
    CHECK(journal_acked_read(JOURNAL_INPUT_DIR, journal_meta(scene->journal)->journal_id, NULL) == acked);
}

/* From here on only the real persister sends. */
static void drain(struct scene *scene)
{
    for (unsigned i = 0; i < DRAIN_MAX && !feed_is_done(scene->feed); i++) {
        size_t before = scene->sent_count;
        scene->now_us += 1000000;
        read_and_send(scene);
        for (size_t sent = scene->sent_count - before; sent > 0; sent--)
            ack_sent(scene, sent - 1);
        check(scene);
    }
    CHECK(feed_is_done(scene->feed));
    CHECK(feed_deadline(scene->feed, scene->now_us) == INT64_MAX);
    CHECK(feed_acked_seq(scene->feed, 0) == journal_written_seq(scene->journal));
}

void fuzz_one(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    static struct scene scene;
    uint8_t choice = fuzz_take_byte(&input);
    struct feed_config config = {
        .rows_max = 1 + (choice & 3), .in_flight_max = 1 + (choice >> 2 & 3), .resend_us = 1000};
    memset(config.store_id, STORE_BYTE, sizeof config.store_id);
    memory_disk_clear();
    journal_input_write(image, image_size, false);
    scene = (struct scene){.journal = journal_sample_open(), .feed = feed_create(&config)};
    CHECK(feed_add(scene.feed, scene.journal, JOURNAL_INPUT_DIR, NULL) == 0);
    for (unsigned i = 0; i < STEPS_MAX && input.left > 0; i++) {
        take_step(&scene, (enum step)(fuzz_take_byte(&input) % STEPS), &input);
        check(&scene);
    }
    drain(&scene);
    feed_destroy(&scene.feed);
    journal_abandon(&scene.journal);
    memory_disk_clear();
}
