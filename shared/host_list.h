/*
 * The servers of a store (store/host), in the order in which they are tried. Pure values.
 *
 *   HOST   HOST:PORT   IPV6   [IPV6]   [IPV6]:PORT      separated by commas
 */
#ifndef COUPOND_HOST_LIST_H
#define COUPOND_HOST_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "shared/error.h"

#define HOST_LIST_MAX      9
#define HOST_LIST_HOST_MAX 255                      /* bytes of a host name */
#define HOST_LIST_TEXT_MAX (HOST_LIST_HOST_MAX + 9) /* [HOST]:PORT with its NUL */

struct host_list {
    uint8_t count; /* at least 1 */
    struct host_list_one {
        char host[HOST_LIST_HOST_MAX + 1]; /* an IPv6 address without its brackets */
        uint16_t port;
    } all[HOST_LIST_MAX];
};

/* `port` is that of entries without one. "" is a single host without a name. -1 and `error`, which names the faulty
 * entry: by its number if it looks like a URL, which may have a password. */
int host_list_parse(const char *text, uint16_t port, struct host_list *list, struct error *error);
/* HOST:PORT, with an IPv6 address in brackets. */
void host_list_show(const struct host_list_one *one, char out[HOST_LIST_TEXT_MAX]);

#endif
