#include "gateway/connection/listener.h"

#include <errno.h>
#include <linux/filter.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "shared/telemetry/log.h"

void listener_refuse(int fd)
{
    enum { FLAGS_AT = 13, FLAG_SYN = 2 }; /* in the TCP header */
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, FLAGS_AT),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, FLAG_SYN, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    const struct sock_fprog filter = {sizeof steps / sizeof steps[0], steps};

    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0)
        log_debug("gateway", "cannot drop new connections on the listening socket: %s", strerror(errno));
}
