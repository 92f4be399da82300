#include "shared/peer.h"

#define PROBE_AFTER_S      5 /* of silence */
#define PROBE_EVERY_S      2
#define PROBES_MAX         3
#define CONNECT_TIMEOUT_MS 3000
#define UNCONFIRMED_MS_MAX 10000

void peer_watch(zsock_t *socket, bool reads_always)
{
    zsock_set_tcp_keepalive(socket, 1);
    zsock_set_tcp_keepalive_idle(socket, PROBE_AFTER_S);
    zsock_set_tcp_keepalive_intvl(socket, PROBE_EVERY_S);
    zsock_set_tcp_keepalive_cnt(socket, PROBES_MAX);
    zsock_set_connect_timeout(socket, CONNECT_TIMEOUT_MS);
    if (reads_always)
        zsock_set_tcp_maxrt(socket, UNCONFIRMED_MS_MAX);
}
