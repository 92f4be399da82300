#include "sim_persister.h"

#include <inttypes.h>
#include <stdlib.h>

#include "persister/delivery.h"
#include "shared/error.h"
#include "sim_database.h"
#include "sim_network.h"

#define QUEUE_MAX    2 /* frames that ZeroMQ holds for one */
#define RETRY_MIN_MS 1
#define RETRY_MAX_MS 20

struct persister {
    bool second; /* it fills another database */
    bool left;   /* it knows that, and has disconnected */
    struct store *store;
    struct delivery delivery;
    bool busy;
    struct sim_message frame; /* current */
    int64_t wait_until_us;
    int64_t still_until_us;
};

struct sim_persisters {
    struct persister all[SIM_PERSISTERS_MAX];
    unsigned count;
};

static void begin(struct sim *sim, struct persister *persister)
{
    delivery_init(&persister->delivery, persister->store, sim->plan.partitions, RETRY_MIN_MS, RETRY_MAX_MS);
    persister->busy = false;
}

static void end(struct persister *persister)
{
    if (persister->busy)
        free(persister->frame.bytes);
    persister->busy = false;
    delivery_deinit(&persister->delivery);
}

struct sim_persisters *sim_persisters_create(struct sim *sim)
{
    struct sim_persisters *persisters = calloc(1, sizeof *persisters);
    CHECK(persisters != NULL);
    persisters->count = sim->plan.persisters;
    for (unsigned i = 0; i < persisters->count; i++) {
        persisters->all[i].second = sim->plan.second_store && i + 1 == persisters->count;
        persisters->all[i].store = sim_database_open(sim, persisters->all[i].second);
        begin(sim, &persisters->all[i]);
    }
    return persisters;
}

void sim_persisters_destroy(struct sim_persisters **persisters)
{
    if (*persisters == NULL)
        return;
    for (unsigned i = 0; i < (*persisters)->count; i++) {
        end(&(*persisters)->all[i]);
        store_destroy(&(*persisters)->all[i].store);
    }
    free(*persisters);
    *persisters = NULL;
}

/* Kills and restarts it: its current frame and those in flight to it are lost. */
static void kill_one(struct sim *sim, uint16_t index)
{
    struct persister *persister = &sim->persisters->all[index];
    sim_count(sim, SIM_PERSISTER_KILLED);
    end(persister);
    begin(sim, persister);
    sim_network_cut(sim, SIM_TO_PERSISTER, index);
}

static void take_frame(struct sim *sim, uint16_t index)
{
    struct persister *persister = &sim->persisters->all[index];
    if (!sim_network_take(sim, SIM_TO_PERSISTER, index, &persister->frame))
        return;
    enum frame_fault fault = delivery_begin(&persister->delivery, persister->frame.bytes, persister->frame.size);
    if (fault == FRAME_OK) {
        persister->busy = true;
        persister->wait_until_us = sim->mono_us;
        return;
    }
    sim_fail(sim, "a persister drops a frame of the issuer: %s", frame_fault_text(fault));
    free(persister->frame.bytes);
}

static void finish(struct sim *sim, struct persister *persister, const struct delivery_step *step)
{
    sim_trace(sim, step->action == DELIVERY_ANSWER ? "answer" : "drop", step->answer.header.kind,
              step->answer.ack.last_seq);
    if (step->action == DELIVERY_DROP && step->result != STORE_OK)
        sim_fail(sim, "a persister gives up a frame: %s", step->error.text);
    const struct frame_ack *ack = &step->answer.ack;
    if (!persister->second && step->action == DELIVERY_ANSWER && step->answer.header.kind == FRAME_ACK &&
        !sim_database_has(sim, step->answer.header.partition, ack->first_seq, ack->last_seq))
        sim_fail(sim, "promise 3: a persister acknowledges records up to %" PRIu64 " that are not in the database",
                 ack->last_seq);
    if (step->answer.header.kind == FRAME_REFUSED) {
        sim_count(sim, SIM_REFUSED);
        persister->left = persister->second && sim->quiet;
    }
    if (step->answer.header.kind == FRAME_BEHIND)
        sim_count(sim, SIM_BEHIND);
    if (step->action == DELIVERY_ANSWER)
        sim_network_send(sim, SIM_TO_FEED, 0, &step->answer, sizeof step->answer);
    free(persister->frame.bytes);
    persister->busy = false;
}

static void attempt(struct sim *sim, struct persister *persister)
{
    struct delivery_step step;
    delivery_work(&persister->delivery, sim->wall_us, (uint32_t)sim_random_next(&sim->random), &step);
    if (step.action == DELIVERY_AGAIN)
        persister->wait_until_us = sim->mono_us + step.wait_ms * 1000;
    else
        finish(sim, persister, &step);
}

void sim_persisters_work(struct sim *sim)
{
    uint16_t index = (uint16_t)sim_random_below(&sim->random, sim->persisters->count);
    struct persister *persister = &sim->persisters->all[index];
    if (sim_strikes(sim, sim->plan.kill_persister))
        kill_one(sim, index);
    if (sim_strikes(sim, sim->plan.pause_persister)) {
        sim_count(sim, SIM_PERSISTER_PAUSED);
        persister->still_until_us = sim->mono_us + sim_random_between(&sim->random, 10000, 100000);
    }
    if (sim->mono_us < persister->still_until_us && !sim->quiet)
        return;
    if (!persister->busy)
        take_frame(sim, index);
    else if (sim->mono_us >= persister->wait_until_us)
        attempt(sim, persister);
}

bool sim_persisters_take_more(struct sim *sim, uint16_t *index)
{
    unsigned count = sim->persisters->count, first = sim_random_below(&sim->random, count);
    for (unsigned i = 0; i < count; i++) {
        *index = (uint16_t)((first + i) % count);
        if (!sim->persisters->all[*index].left && sim_network_waiting(sim, SIM_TO_PERSISTER, *index) < QUEUE_MAX)
            return true;
    }
    return false;
}

bool sim_persisters_are_idle(const struct sim *sim)
{
    for (unsigned i = 0; i < sim->persisters->count; i++) {
        if (sim->persisters->all[i].busy)
            return false;
    }
    return true;
}
