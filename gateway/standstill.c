#include "gateway/standstill.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/socket.h>

#include "gateway/gateway_loop.h"
#include "shared/clock.h"
#include "shared/telemetry/log.h"

/* Far above what a busy machine keeps a thread waiting. With gateway/issuer_timeout_ms it has to stay below what those
 * in front wait for an answer: HAProxy 15 s, deploy/haproxy/haproxy.cfg. */
#define STANDSTILL_US INT64_C(5000000)

/* Something that it sent, or its end, waits to be read. */
static bool has_input(struct connection *c)
{
    char byte;
    int fd = -1;

    if (c->in.length > 0)
        return true;
    if (uv_fileno((uv_handle_t *)&c->tcp, &fd) != 0)
        return false;
    return recv(fd, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT) >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

static void close_undated(struct gateway_loop *loop, int64_t stood_us)
{
    struct connection *next = NULL;
    unsigned closed = 0;

    for (struct connection *c = loop->open; c != NULL; c = next) {
        next = c->next;
        if (!has_input(c))
            continue;
        connection_close(c);
        closed++;
    }
    for (unsigned i = 0; i < loop->acceptors_count; i++)
        closed += acceptor_turn_away(&loop->acceptors[i]);
    log_warn("gateway",
             "stood still for %" PRId64 " ms: closed %u connections whose requests are of an unknown age; nothing of "
             "them is decided",
             stood_us / 1000, closed);
}

bool standstill_look(struct gateway_loop *loop)
{
    int64_t now_us = clock_boot_us(), stood_us = loop->looked_us == 0 ? 0 : now_us - loop->looked_us;

    loop->looked = true;
    loop->looked_us = now_us;
    /* What is read from here on counts from now on, even if we stand still in between. */
    (void)gateway_loop_now_us(loop);
    if (stood_us <= STANDSTILL_US)
        return false;
    close_undated(loop, stood_us);
    return true;
}

bool standstill_look_once(struct gateway_loop *loop)
{
    return !loop->looked && standstill_look(loop);
}
