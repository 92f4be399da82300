#include "shared/wire/peer.h"

#include <string.h>
#include <zmq.h>

#include "shared/endpoint.h"
#include "shared/telemetry/log.h"
#include "shared/wire/cluster_keys.h"
#include "shared/wire/guard.h"
#include "shared/wire/zap.h"

#define PROBE_AFTER_S      5 /* of silence */
#define PROBE_EVERY_S      2
#define PROBES_MAX         3
#define CONNECT_TIMEOUT_MS 3000
#define HANDSHAKE_MS_MAX   2000
#define UNCONFIRMED_MS_MAX 10000

/* Set on the main thread before others start, constant afterwards. */
static struct {
    bool secured;
    struct cluster_keys keys;
    struct guard_config guard_config;
    zactor_t *guard;
    unsigned guarded; /* nesting depth of begin and end */
} cluster;

/* --- the process --- */

int peer_read_secret(const struct options *options, struct error *error)
{
    const char *path = options->cluster_secret_file;
    char shown[OPTION_SHOWN_MAX];
    bool exposed = false;
    cluster.secured = false;
    if (path[0] == '\0')
        return 0;
    options_show("cluster", "secret_file", path, shown);
    if (cluster_keys_read(path, shown, &cluster.keys, &exposed, error) != 0)
        return error_prefix(error, "cluster/secret_file");
    if (exposed)
        log_warn("main", "every user of this machine can read the cluster's secret; restrict the file: chmod o= %s",
                 path);
    cluster.secured = true;
    return 0;
}

void peer_guard_begin(struct metrics *metrics)
{
    if (cluster.guarded++ > 0)
        return;
    const unsigned char *accepted = cluster.secured ? cluster.keys.connector.public_key : NULL;
    cluster.guard_config = (struct guard_config){accepted, metrics};
    cluster.guard = zactor_new(guard_actor, &cluster.guard_config);
    CHECK(cluster.guard != NULL);
}

void peer_guard_end(void)
{
    CHECK(cluster.guarded > 0);
    if (--cluster.guarded == 0)
        zactor_destroy(&cluster.guard);
}

/* --- sockets --- */

static void set_number(zsock_t *socket, int option, int value)
{
    CHECK(zmq_setsockopt(zsock_resolve(socket), option, &value, sizeof value) == 0);
}

static void set_key(zsock_t *socket, int option, const unsigned char *key)
{
    CHECK(zmq_setsockopt(zsock_resolve(socket), option, key, CLUSTER_KEY_BYTES) == 0);
}

static void set_key_pair(zsock_t *socket, const struct cluster_key_pair *pair)
{
    set_key(socket, ZMQ_CURVE_PUBLICKEY, pair->public_key);
    set_key(socket, ZMQ_CURVE_SECRETKEY, pair->secret_key);
}

static void watch(zsock_t *socket)
{
    zsock_set_tcp_keepalive(socket, 1);
    zsock_set_tcp_keepalive_idle(socket, PROBE_AFTER_S);
    zsock_set_tcp_keepalive_intvl(socket, PROBE_EVERY_S);
    zsock_set_tcp_keepalive_cnt(socket, PROBES_MAX);
    zsock_set_connect_timeout(socket, CONNECT_TIMEOUT_MS);
    set_number(socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS_MAX);
}

void peer_prepare_connector(zsock_t *socket, bool reads_always)
{
    watch(socket);
    if (reads_always)
        zsock_set_tcp_maxrt(socket, UNCONFIRMED_MS_MAX);
    if (!cluster.secured)
        return;
    set_key_pair(socket, &cluster.keys.connector);
    set_key(socket, ZMQ_CURVE_SERVERKEY, cluster.keys.listener.public_key);
}

void peer_prepare_listener(zsock_t *socket)
{
    watch(socket);
    if (!cluster.secured)
        return;
    set_number(socket, ZMQ_CURVE_SERVER, 1);
    set_key_pair(socket, &cluster.keys.listener);
    CHECK(zmq_setsockopt(zsock_resolve(socket), ZMQ_ZAP_DOMAIN, ZAP_DOMAIN, strlen(ZAP_DOMAIN)) == 0);
}

/* --- what is open --- */

bool peer_has_secret(void)
{
    return cluster.secured;
}

bool peer_is_open_to_all(const char *endpoint)
{
    return !cluster.secured && endpoint_is_remote(endpoint);
}
