#include "shared/wire/connector.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>
#include <zmq.h>

#include "shared/clock.h"
#include "shared/endpoint.h"
#include "shared/telemetry/log.h"
#include "shared/wire/monitor.h"
#include "shared/wire/peer.h"

#define AGAIN_MS        1000
#define HANGUPS_MIN     2 /* a single one may be a stopping issuer, or one short of descriptors */
#define LOG_INTERVAL_US INT64_C(60000000)

/* This end gave up the handshake, and libzmq does not reconnect. */
#define GIVEN_UP (ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
#define EVENTS                                                                                                         \
    (ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | GIVEN_UP)

/* Shared by all connectors of the process, which usually fail together. */
static _Atomic int64_t log_after_us;
static _Atomic uint64_t unlogged;

/* --- life --- */

int connector_open(struct connector *connector, zsock_t *socket, const char *role, const char *endpoint)
{
    *connector = (struct connector){.role = role, .endpoint = endpoint, .socket = socket};
    if (endpoint_transport(endpoint) != ENDPOINT_INPROC)
        connector->monitor = monitor_open(socket, EVENTS);
    return connector_connect(connector);
}

void connector_close(struct connector *connector)
{
    if (connector->monitor != NULL)
        monitor_end(connector->socket);
    zsock_destroy(&connector->monitor);
}

static void reset(struct connector *connector)
{
    connector->given_up = false;
    connector->hangups = 0;
    connector->again_ms = 0;
}

void connector_disconnect(struct connector *connector)
{
    reset(connector);
    if (connector->connecting)
        zmq_disconnect(zsock_resolve(connector->socket), connector->endpoint);
    connector->connecting = false;
}

int connector_connect(struct connector *connector)
{
    reset(connector);
    connector->connecting = zmq_connect(zsock_resolve(connector->socket), connector->endpoint) == 0;
    return connector->connecting ? 0 : -1;
}

/* --- news --- */

int connector_fd(const struct connector *connector)
{
    return connector->monitor == NULL ? -1 : monitor_fd(connector->monitor);
}

static void log_refused(struct connector *connector, const char *other_cause)
{
    int64_t now_us = clock_mono_us(), after_us = atomic_load(&log_after_us);
    connector->refused = true;
    uint64_t count = atomic_load(&unlogged);
    if (now_us < after_us || !atomic_compare_exchange_strong(&log_after_us, &after_us, now_us + LOG_INTERVAL_US))
        return;
    atomic_fetch_sub(&unlogged, count);
    log_warn(connector->role,
             "the handshake with the issuer at %s fails, trying again: cluster/secret_file must hold the same secret "
             "for all roles, or be empty for all; this process has %s%s failures_since_last_line=%" PRIu64,
             connector->endpoint, peer_has_secret() ? "a secret" : "none", other_cause, count);
}

/* libzmq reconnects by itself, unless the peer is silent. */
static void on_hangup(struct connector *connector, int why)
{
    if (why != EPIPE && why != ECONNRESET)
        return;
    connector->hangups++;
    atomic_fetch_add(&unlogged, 1);
    if (connector->hangups >= HANGUPS_MIN)
        log_refused(connector, " (an issuer without free file descriptors disconnects as well, and logs it)");
}

static void on_made(struct connector *connector)
{
    connector->made = true;
    connector->refused = false;
    reset(connector);
}

unsigned connector_check(struct connector *connector)
{
    struct monitor_event event;
    unsigned news = 0;
    while (connector->monitor != NULL && monitor_next(connector->monitor, &event)) {
        if (event.number == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
            news |= CONNECTOR_MADE;
            on_made(connector);
        } else if (event.number == ZMQ_EVENT_DISCONNECTED) {
            news |= connector->made ? CONNECTOR_LOST : 0;
            connector->made = false;
        } else if (event.number == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL) {
            on_hangup(connector, (int)event.value);
        } else if ((event.number & GIVEN_UP) != 0) {
            connector->given_up = true;
            atomic_fetch_add(&unlogged, 1);
            log_refused(connector, "");
        }
    }
    return news;
}

bool connector_tick(struct connector *connector, int64_t now_ms)
{
    if (!connector->given_up || !connector->connecting)
        return false;
    if (connector->again_ms == 0)
        connector->again_ms = now_ms + AGAIN_MS;
    if (now_ms < connector->again_ms)
        return false;
    connector_disconnect(connector);
    connector_connect(connector);
    return true;
}
