#include "gateway/link/issuer_wire.h"

#include "shared/endpoint.h"

struct issuer_wire *issuer_wire_create(const char *endpoint, struct error *error)
{
    return endpoint_transport(endpoint) == ENDPOINT_SHM ? issuer_wire_shm_create(endpoint, error)
                                                        : issuer_wire_zmq_create(endpoint, error);
}

void issuer_wire_destroy(struct issuer_wire **wire)
{
    if (*wire != NULL)
        (*wire)->kind->destroy(*wire);
    *wire = NULL;
}

int issuer_wire_fd(const struct issuer_wire *wire)
{
    return wire->kind->fd(wire);
}

int issuer_wire_monitor_fd(const struct issuer_wire *wire)
{
    return wire->kind->monitor_fd(wire);
}

void issuer_wire_wake(struct issuer_wire *wire)
{
    wire->kind->wake(wire);
}

bool issuer_wire_send(struct issuer_wire *wire, const void *data, size_t size)
{
    return wire->kind->send(wire, data, size);
}

bool issuer_wire_receive(struct issuer_wire *wire, struct wire_message *message)
{
    return wire->kind->receive(wire, message);
}

unsigned issuer_wire_check(struct issuer_wire *wire)
{
    return wire->kind->check(wire);
}

void issuer_wire_tick(struct issuer_wire *wire, int64_t now_ms)
{
    wire->kind->tick(wire, now_ms);
}

bool issuer_wire_begin_sleep(struct issuer_wire *wire)
{
    return wire->kind->begin_sleep(wire);
}

void issuer_wire_end_sleep(struct issuer_wire *wire)
{
    wire->kind->end_sleep(wire);
}
