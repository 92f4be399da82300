#include "gateway/standstill.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/socket.h>

#include "gateway/connection/pool.h"
#include "shared/clock.h"
#include "shared/telemetry/log.h"

/* Far above the delays of a busy machine. This plus gateway/issuer_timeout_ms must be below the time-out of the proxies
 * in front: HAProxy 15 s, deploy/haproxy/haproxy.cfg. */
#define STANDSTILL_US INT64_C(5000000)

int64_t standstill_check(struct standstill *standstill)
{
    int64_t now_us = clock_boot_us(), stood_us = standstill->checked_us == 0 ? 0 : now_us - standstill->checked_us;
    standstill->checked = true;
    standstill->checked_us = now_us;
    return stood_us > STANDSTILL_US ? stood_us : 0;
}

void standstill_end_turn(struct standstill *standstill)
{
    standstill->checked = false;
}

/* True when bytes or the peer's end wait to be read. */
static bool has_input(struct connection *c)
{
    int fd = -1;
    if (c->in.length > 0)
        return true;
    if (uv_fileno((uv_handle_t *)&c->tcp, &fd) != 0)
        return false;
    char byte;
    return recv(fd, &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT) >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

void standstill_close_undated(struct connections *connections, struct acceptor *acceptors, unsigned acceptors_count,
                              int64_t stood_us)
{
    struct connection *next = NULL;
    unsigned closed = 0;
    for (struct connection *c = connections->open; c != NULL; c = next) {
        next = c->next;
        if (!has_input(c))
            continue;
        connection_pool_close(c);
        closed++;
    }
    for (unsigned i = 0; i < acceptors_count; i++)
        closed += acceptor_turn_away(&acceptors[i]);
    log_warn("gateway",
             "the thread did not run for %" PRId64 " ms; closed %u connections without processing their requests",
             stood_us / 1000, closed);
}
