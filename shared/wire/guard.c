#include "shared/wire/guard.h"

#include <errno.h>
#include <stdint.h>
#include <zmq.h>

#include "shared/actor.h"
#include "shared/error.h"
#include "shared/telemetry/log.h"
#include "shared/wire/door_watch.h"
#include "shared/wire/zap.h"

static void report(struct metrics *metrics, struct door_watch_counts *reported)
{
    struct door_watch_counts counts = door_watch_counts();
    metrics_add(metrics, METRIC_ISSUER_PEERS_REFUSED, 0, counts.refused - reported->refused);
    metrics_add(metrics, METRIC_ISSUER_HANDSHAKES_UNFINISHED, 0, counts.unfinished - reported->unfinished);
    *reported = counts;
}

static zsock_t *listen_for_questions(const struct guard_config *config)
{
    if (config->accepted == NULL)
        return NULL;
    zsock_t *questions = zsock_new(ZMQ_REP);
    CHECK(questions != NULL);
    CHECK(zsock_bind(questions, "%s", ZAP_ENDPOINT) == 0);
    return questions;
}

/* False when the sockets are gone, which only a bug can cause. */
static bool wait_for_news(zmq_pollitem_t *items, int count)
{
    while (zmq_poll(items, count, -1) < 0) {
        if (zmq_errno() == EINTR)
            continue;
        log_error("guard", "the guard stopped watching the listening sockets; restart the issuer: %s",
                  zmq_strerror(zmq_errno()));
        return false;
    }
    return true;
}

void guard_actor(zsock_t *pipe, void *args)
{
    const struct guard_config *config = args;
    struct door_watch_counts reported = door_watch_counts();
    zsock_t *questions = listen_for_questions(config);
    zsock_signal(pipe, 0);
    zmq_pollitem_t items[] = {
        {.socket = zsock_resolve(pipe), .events = ZMQ_POLLIN},
        {.fd = door_watch_fd(), .events = ZMQ_POLLIN},
        {.socket = questions != NULL ? zsock_resolve(questions) : NULL, .events = ZMQ_POLLIN},
    };
    while (wait_for_news(items, questions != NULL ? 3 : 2)) {
        if ((items[0].revents & ZMQ_POLLIN) && actor_is_terminated(pipe))
            break;
        if (questions != NULL && (items[2].revents & ZMQ_POLLIN))
            zap_answer(questions, config->accepted);
        if (items[1].revents & ZMQ_POLLIN)
            door_watch_read();
        report(config->metrics, &reported);
    }
    zsock_destroy(&questions);
}
