/*
 * Messages in flight between the processes: delayed, lost, duplicated, reordered.
 */
#ifndef COUPOND_SIM_NETWORK_H
#define COUPOND_SIM_NETWORK_H

#include "sim.h"

enum sim_port {
    SIM_TO_PARTITION,
    SIM_TO_CLIENTS,
    SIM_TO_PERSISTER,
    SIM_TO_FEED,
};

#define SIM_FRAMES_WAITING_MAX 8 /* in flight to a partition: more could not be decided before their deadlines */

struct sim_message {
    enum sim_port port;
    uint16_t index; /* of the partition, gateway or persister */
    uint16_t from;  /* of the asking gateway */
    int64_t due_us;
    uint64_t order;
    void *bytes;
    size_t size;
};

struct sim_network *sim_network_create(void);
void sim_network_destroy(struct sim_network **network);

void sim_network_send(struct sim *sim, enum sim_port port, uint16_t index, const void *bytes, size_t size);
void sim_network_send_from(struct sim *sim, uint16_t gateway, enum sim_port port, uint16_t index, const void *bytes,
                           size_t size);
/* Holds back the traffic of a gateway, including messages in flight. */
void sim_network_hold(struct sim *sim, uint16_t gateway, int64_t until_us);
/* The issuer's sockets are new: messages of its former process to gateways arrive before all of the new one's. */
void sim_network_fence(struct sim *sim);
/* Takes the next message that has arrived; free() its bytes. False when there is none. */
bool sim_network_take(struct sim *sim, enum sim_port port, uint16_t index, struct sim_message *message);
/* The number of messages in flight to a port or waiting there. */
size_t sim_network_waiting(const struct sim *sim, enum sim_port port, uint16_t index);
/* The receiver is gone: messages in flight to it are lost, except those that ZeroMQ still holds at the sender. */
void sim_network_cut(struct sim *sim, enum sim_port port, uint16_t index);

#endif
